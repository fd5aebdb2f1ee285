"""A chart as a Vega-Lite spec: its template, with rows, colours and titles filled in. No altair is needed for it."""

from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from battle.charts.chart import Chart, Kind
from battle.charts.palette import PAGE, Palette

_SPECS = Path(__file__).parent / "specs"


def vega_lite(chart: Chart, palette: Palette = PAGE) -> dict[str, Any]:
    """The spec of a chart, with its rows in it and colours from the palette.

    It is as wide as what it is put into. Whatever is in the rows stays a value: nothing of it becomes an expression.
    """
    named: dict[str, Any] = {**palette, "$latency": "latency (ms)"}
    if chart.time is not None:
        named |= {"$time": chart.time.title, "$start": chart.time.start, "$end": chart.time.end}
    if chart.virtual:
        named["$latency"] = "virtual latency (ms)"
    spec = _filled(_template(chart.kind), named)
    shades = [{"t": shade.start, "end": shade.end, "label": shade.label} for shade in chart.shades]
    assert isinstance(spec, dict)
    return {**spec, "datasets": {"rows": list(chart.rows), "shades": shades}}


@cache
def _template(kind: Kind) -> Any:
    return msgspec.json.decode((_SPECS / f"{kind}.json").read_bytes())


def _filled(part: Any, named: dict[str, Any]) -> Any:
    """A copy of the template with each name that begins with `$` replaced by what it stands for."""
    if isinstance(part, dict):
        return {key: _filled(value, named) for key, value in part.items()}
    if isinstance(part, list):
        return [_filled(value, named) for value in part]
    return named.get(part, part) if isinstance(part, str) else part
