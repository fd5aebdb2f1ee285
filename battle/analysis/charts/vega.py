"""A chart as a Vega-Lite spec: its template, with rows, colours and titles filled in. No altair is needed for it."""

from functools import cache
from pathlib import Path
from typing import Any

from battle.analysis.charts.chart import Chart, Kind, Row
from battle.analysis.charts.palette import PAGE, Palette
from battle.store import typed

_SPECS = Path(__file__).parent / "specs"


LANE_HEIGHT = 26

_IN_STEPS = ("latency_over_time", "throughput_over_time", "success_over_time")


def vega_lite(chart: Chart, palette: Palette = PAGE) -> dict[str, Any]:
    """The spec of a chart, with its rows in it and colours from the palette.

    It is as wide as what it is put into. Whatever is in the rows stays a value: nothing of it becomes an expression.
    """
    named: dict[str, Any] = {
        **palette,
        "$latency": "latency (ms)",
        "$delay": "delay (ms)",
        "$metric": chart.unit,
    }
    if chart.time is not None:
        named |= {"$time": chart.time.title, "$start": chart.time.start, "$end": chart.time.end}
    if chart.virtual:
        named |= {"$latency": "simulated latency (ms)", "$delay": "simulated delay (ms)"}
    spec = _filled(_template(chart.kind), named)
    shades = [{"t": shade.start, "end": shade.end, "label": shade.label} for shade in chart.shades]
    assert isinstance(spec, dict)
    if "lane" in chart.rows[0]:
        spec["height"] = LANE_HEIGHT * len({row["lane"] for row in chart.rows})
    return {**spec, "datasets": {"rows": _closed(chart), "shades": shades}}


def _closed(chart: Chart) -> list[Row]:
    """The rows; those of lines in steps once more at their end, where the last step would have no length."""
    last = chart.rows[-1]
    if chart.kind not in _IN_STEPS:
        return list(chart.rows)
    return [*chart.rows, {**last, "t": last["end"]}]


@cache
def _template(kind: Kind) -> Any:
    return typed.decode((_SPECS / f"{kind}.json").read_bytes())


def _filled(part: Any, named: dict[str, Any]) -> Any:
    """A copy of the template with each name that begins with `$` replaced by what it stands for."""
    if isinstance(part, dict):
        return {key: _filled(value, named) for key, value in part.items()}
    if isinstance(part, list):
        return [_filled(value, named) for value in part]
    return named.get(part, part) if isinstance(part, str) else part
