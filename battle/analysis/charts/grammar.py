"""The charts in Vega-Lite, said with altair. `python -m battle.analysis.charts.grammar` writes them into `specs/`.

altair takes more than half a second to import, which no run should wait for. So this module is for developers: what
runs reads the templates in `specs/`, and a test holds that they are what is said here. A template has no rows; what
begins with `$` in it is filled in by `vega`.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import altair as alt

from battle.analysis.charts.chart import Kind
from battle.analysis.charts.palette import FAILURES, SERIES

SPECS = Path(__file__).parent / "specs"

HEIGHT = 190
"""Of what is inside the axes; `vega` makes charts of lanes as high as their lanes."""

ROWS = alt.NamedData(name="rows")
SHADES = alt.NamedData(name="shades")

_PERCENT_LABEL = (
    "datum.value < 0.2 ? '0 %' : datum.value < 0.5 ? '50 %' : "
    "format(100 * (1 - pow(10, -datum.value)), '.' + max(0, round(datum.value) - 2) + 'f') + ' %'"
)


def _x(field: str = "t:Q") -> alt.X:
    return alt.X(field, title="$time", scale=alt.Scale(domain=["$start", "$end"], nice=False))


def _y(field: str, title: str, **scale: Any) -> alt.Y:
    return alt.Y(field, title=title, scale=alt.Scale(**scale) if scale else alt.Undefined)


def _shades() -> Any:
    """The spans in which faults were in force, behind everything else."""
    return (
        alt.Chart(SHADES)
        .mark_rect(color="$shade", opacity=0.1)
        .encode(
            x=_x(),
            x2="end:Q",
            tooltip=[alt.Tooltip("label:N", title="faults"), *_when()],
        )
    )


def _when() -> list[alt.Tooltip]:
    return [alt.Tooltip("t:Q", title="from"), alt.Tooltip("end:Q", title="to")]


def _layered(*charts: alt.Chart) -> alt.LayerChart:
    layered = alt.layer(*charts)
    assert isinstance(layered, alt.LayerChart)  # none of ours is a facet
    return layered


def _zoom() -> alt.Parameter:
    """Drag to move; the wheel zooms only with Shift, so that it goes on scrolling the page."""
    return alt.selection_interval(name="zoom", encodings=["x"], bind="scales", zoom="wheel![event.shiftKey]")


def _pointer() -> alt.Parameter:
    return alt.selection_point(
        name="pointer", on="pointermove", clear="pointerout", nearest=True, encodings=["x"], toggle=False
    )


def _ruler(tooltips: list[alt.Tooltip]) -> Any:
    """A line at the cell nearest to the pointer, with all its values."""
    pointer = _pointer()
    return (
        alt.Chart(ROWS)
        .mark_rule(color="$quiet")
        .encode(
            x=_x(),
            opacity=alt.condition(pointer, alt.value(0.6), alt.value(0), empty=False),
            tooltip=[*tooltips, *_when()],
        )
        .add_params(pointer)
    )


def _legend(domain: list[str], colours: list[str]) -> alt.Color:
    return alt.Color("series:N", title=None, scale=alt.Scale(domain=domain, range=colours))


def _lines(
    fields: dict[str, str],
    colours: list[str],
    y: alt.Y,
    tooltips: list[alt.Tooltip],
    dashes: list[list[int]] | None = None,
    **mark: Any,
) -> alt.LayerChart:
    """Lines for columns of the same rows; `fields` is column to name in the legend."""
    names = " : ".join(f"datum.field === '{field}' ? '{name}'" for field, name in fields.items())
    lines = (
        alt.Chart(ROWS)
        .transform_fold(list(fields), as_=["field", "value"])
        .transform_calculate(series=f"{names} : ''")
        .mark_line(strokeWidth=1.75, **mark)
        .encode(x=_x(), y=y, color=_legend(list(fields.values()), colours))
    )
    if dashes:
        scale = alt.Scale(domain=list(fields.values()), range=dashes)
        lines = lines.encode(strokeDash=alt.StrokeDash("series:N", title=None, scale=scale))
    return _layered(_shades(), lines.add_params(_zoom()), _ruler(tooltips))


def _bars(y: alt.Y, series: str, colours: Sequence[str], tooltips: list[alt.Tooltip]) -> alt.LayerChart:
    """Cells stacked by what they are made of. Vega-Lite stacks bars, never rects: those would hide one another."""
    bars = (
        alt.Chart(ROWS)
        .mark_bar(orient="vertical")
        .encode(
            x=_x(),
            x2="end:Q",
            y=y,
            color=alt.Color(f"{series}:N", title=None, scale=alt.Scale(range=list(colours))),
            tooltip=[*tooltips, *_when()],
        )
    )
    return _layered(_shades(), bars.add_params(_zoom()))


def _milliseconds(*fields: str) -> list[alt.Tooltip]:
    return [alt.Tooltip(f"{field}:Q", title=f"{field} (ms)") for field in fields]


def _latency_over_time() -> alt.LayerChart:
    return _lines(
        {"p50": "p50", "p95": "p95", "p99": "p99"},
        ["$accent3", "$accent2", "$accent"],
        _y("value:Q", "$latency"),
        [*_milliseconds("p50", "p95", "p99"), alt.Tooltip("requests:Q")],
        interpolate="step-after",
    )


def _head_delay_over_time() -> alt.LayerChart:
    return _lines(
        {"p50": "p50", "p99": "p99", "max": "longest"},
        ["$accent3", "$accent2", "$accent"],
        _y("value:Q", "$delay"),
        [*_milliseconds("p50", "p99", "max"), alt.Tooltip("heads:Q", title="arrivals")],
        point=alt.OverlayMarkDef(size=18),
    )


def _throughput_over_time() -> alt.LayerChart:
    return _lines(
        {"due": "due", "answered": "succeeded"},
        ["$quiet", "$accent"],
        _y("value:Q", "requests per second"),
        [
            alt.Tooltip("due:Q", title="due per second"),
            alt.Tooltip("answered:Q", title="succeeded per second"),
        ],
        dashes=[[4, 3], [1, 0]],
        interpolate="step-after",
    )


def _success_over_time() -> alt.LayerChart:
    return _lines(
        {"percent": "succeeded"},
        ["$accent"],
        _y("value:Q", "successful requests (%)", domainMax=100, zero=False, nice=True),
        [alt.Tooltip("percent:Q", title="succeeded (%)"), alt.Tooltip("failed:Q"), alt.Tooltip("requests:Q")],
        interpolate="step-after",
    )


def _errors_over_time() -> alt.LayerChart:
    y = alt.Y("requests:Q", title="requests", stack="zero")
    return _bars(y, "failure", FAILURES, [alt.Tooltip("failure:N"), alt.Tooltip("requests:Q")])


def _providers_over_time() -> alt.LayerChart:
    y = alt.Y("rate:Q", title="answers per second", stack="zero")
    tooltips = [
        alt.Tooltip("provider:N"),
        alt.Tooltip("rate:Q", title="answers per second"),
        alt.Tooltip("answers:Q"),
    ]
    return _bars(y, "provider", SERIES, tooltips)


def _lane() -> alt.Y:
    return alt.Y("lane:N", title=None, sort=None, axis=alt.Axis(labelLimit=150, domain=False, ticks=False))


def _breaker_lanes() -> alt.LayerChart:
    states = alt.Scale(domain=["closed", "open", "half open"], range=["$calm", "$bad", "$unsure"])
    lanes = (
        alt.Chart(ROWS)
        .mark_bar(height=12)
        .encode(
            x=_x(),
            x2="end:Q",
            y=_lane(),
            color=alt.Color("state:N", title=None, scale=states),
            tooltip=[
                alt.Tooltip("lane:N", title="breaker"),
                alt.Tooltip("state:N"),
                *_when(),
                alt.Tooltip("spans:Q"),
            ],
        )
    )
    return _layered(_shades(), lanes.add_params(_zoom()))


def _fault_lanes() -> alt.LayerChart:
    lanes = (
        alt.Chart(ROWS)
        .mark_bar(height=12, color="$shade", opacity=0.75)
        .encode(
            x=_x(),
            x2="end:Q",
            y=_lane(),
            tooltip=[alt.Tooltip("named:N", title="faults"), alt.Tooltip("lane:N", title="of"), *_when()],
        )
    )
    return _layered(lanes.add_params(_zoom()))


def _latency_histogram() -> alt.LayerChart:
    x = alt.X(
        "from:Q",
        title="$latency",
        scale=alt.Scale(type="log", nice=False, padding=8),
        axis=alt.Axis(format="~g"),
    )
    bars = (
        alt.Chart(ROWS)
        .mark_rect(color="$accent")
        .encode(
            x=x,
            x2="to:Q",
            y=alt.Y("requests:Q", title="requests"),
            y2=alt.datum(0),
            tooltip=[
                alt.Tooltip("from:Q", title="from (ms)"),
                alt.Tooltip("to:Q", title="to (ms)"),
                alt.Tooltip("requests:Q"),
            ],
        )
    )
    return _layered(bars.add_params(_zoom()))


def _percentile_curve() -> alt.LayerChart:
    x = alt.X(
        "nines:Q",
        title="share of the requests answered in time",
        axis=alt.Axis(values=[0, 0.30103, 1, 2, 3, 4, 5], labelExpr=_PERCENT_LABEL),
    )
    y = alt.Y(
        "ms:Q",
        title="$latency",
        scale=alt.Scale(type="log", nice=False, padding=10),
        axis=alt.Axis(format="~g", grid=False, ticks=True),
    )
    clocks = ["from send time", "from scheduled time"]
    # Often the two are the same: then one is seen through the gaps of the other.
    colours = alt.Scale(domain=clocks, range=["$two", "$accent"])
    dashes = alt.Scale(domain=clocks, range=[[4, 4], [1, 0]])
    curve = (
        alt.Chart(ROWS)
        .mark_line(strokeWidth=1.75)
        .encode(
            x=x,
            y=y,
            color=alt.Color("clock:N", title=None, scale=colours),
            strokeDash=alt.StrokeDash("clock:N", title=None, scale=dashes),
        )
    )
    tooltips = [
        alt.Tooltip("percentile:Q", title="percent"),
        alt.Tooltip("ms:Q", title="answered within (ms)"),
        alt.Tooltip("clock:N", title="measured"),
    ]
    felt = alt.Chart(ROWS).mark_circle(size=150, opacity=0).encode(x=x, y=y, tooltip=tooltips)
    return _layered(curve.add_params(_zoom()), felt)


def _metric_trend() -> alt.LayerChart:
    """Runs on the axis, not days: where many runs are made in a day they must not be one another's neighbours."""
    y = alt.Y("value:Q", title="$metric", scale=alt.Scale(zero=False, nice=True, padding=6))
    known = "isValid(datum.low) && isValid(datum.high)"
    bounds = alt.Chart(ROWS).transform_filter(known).encode(x=_x(), y=alt.Y("low:Q"), y2="high:Q")
    rows = alt.Chart(ROWS).transform_filter("isValid(datum.value)").encode(x=_x(), y=y)
    # One below the other: the names of machines are long, and a phone is narrow.
    names = alt.Legend(columns=1, labelLimit=300)
    machines = alt.Color("series:N", title=None, scale=alt.Scale(range=list(SERIES)), legend=names)
    counted = alt.condition("datum.counted", alt.value(1), alt.value(0.35))
    levels = alt.Chart(ROWS).transform_filter("isValid(datum.level)")
    rules = [
        alt.Chart(ROWS)
        .transform_filter(f"datum.mark === '{mark}'")
        .mark_rule(color=colour, strokeWidth=1.5, strokeDash=dash)
        .encode(x=_x())
        for mark, colour, dash in (
            ("worse", "$bad", [1, 0]),
            ("better", "$good", [1, 0]),
            ("other", "$quiet", [1, 0]),
            ("machine", "$quiet", [3, 3]),
        )
    ]
    pointer = _pointer()
    values = [
        alt.Tooltip("shown:N", title="value"),
        alt.Tooltip("interval:N", title="95 % interval"),
        alt.Tooltip("change:N"),
        alt.Tooltip("started:N"),
        alt.Tooltip("commit:N"),
        alt.Tooltip("verdict:N"),
        alt.Tooltip("series:N", title="machine"),
        alt.Tooltip("run:N"),
    ]
    ruler = (
        alt.Chart(ROWS)
        .mark_rule(color="$quiet")
        .encode(
            x=_x(),
            opacity=alt.condition(pointer, alt.value(0.6), alt.value(0), empty=False),
            tooltip=values,
        )
        .add_params(pointer)
    )
    return _layered(
        bounds.mark_area(color="$accent3", opacity=0.25).encode(detail=["piece:N", "band:N"]),
        bounds.mark_rule(color="$accent3", opacity=0.7),
        *rules,
        levels.mark_line(color="$ink", strokeWidth=1.25, strokeDash=[5, 3]).encode(
            x=_x(), y=alt.Y("level:Q"), detail="piece:N"
        ),
        rows.mark_line(strokeWidth=1, opacity=0.5).encode(color=machines, detail="series:N"),
        rows.mark_circle(size=34).encode(color=machines, opacity=counted).add_params(_zoom()),
        ruler,
    )


_CHARTS = {
    "fault_lanes": _fault_lanes,
    "latency_histogram": _latency_histogram,
    "percentile_curve": _percentile_curve,
    "latency_over_time": _latency_over_time,
    "throughput_over_time": _throughput_over_time,
    "success_over_time": _success_over_time,
    "errors_over_time": _errors_over_time,
    "providers_over_time": _providers_over_time,
    "breaker_lanes": _breaker_lanes,
    "head_delay_over_time": _head_delay_over_time,
    "metric_trend": _metric_trend,
}


def template(kind: Kind) -> dict[str, Any]:
    """The spec of a chart without its rows, as altair makes it."""
    chart = _CHARTS[kind]().properties(
        width="container",
        height=HEIGHT,
        autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
    )
    quiet = {"labelColor": "$quiet", "titleColor": "$quiet"}
    styled = (
        chart.configure(background="transparent")
        .configure_view(stroke=None)
        .configure_axis(
            **quiet,
            titleFontWeight="normal",
            gridColor="$line",
            domainColor="$line",
            tickColor="$line",
            labelFontSize=11,
            titleFontSize=11,
        )
        .configure_axisX(grid=False, tickCount=8)
        .configure_axisY(tickCount=5, domain=False, ticks=False)
        .configure_legend(
            orient="top",
            labelColor="$ink",
            labelFontSize=11,
            labelLimit=220,
            columns=4,
            offset=6,
            symbolStrokeWidth=2.5,
        )
        .configure_title(color="$ink", anchor="start", fontSize=14)
    )
    spec: dict[str, Any] = styled.to_dict()
    return spec


def text_of(kind: Kind) -> str:
    """The content of the template's file."""
    return json.dumps(template(kind), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for kind in _CHARTS:
        (SPECS / f"{kind}.json").write_text(text_of(kind))  # type: ignore[arg-type]
