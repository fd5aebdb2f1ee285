"""Charts as text, for terminals, Markdown, and readers without a script. Pure: a chart goes in, lines come out."""

from collections.abc import Callable, Iterator, Sequence

from battle.analysis.charts.chart import (
    Chart,
    Row,
    Shade,
    TimeAxis,
)
from battle.analysis.charts.glyphs import (
    ASCII,
    UNICODE,
    Glyphs,
    columns,
    fitted,
)

WIDTH = 92
"""Columns of a whole chart: it stays below 100, also when Markdown indents it."""

GUTTER_MAX = 26
GUTTER_MIN = 9
"""Columns for the labels on the left."""

BARS_MAX = 16
"""Rows of a histogram; neighbouring bins are added up until there are no more."""

TALL = 8
"""Rows of a chart that has a vertical axis."""

WHOLE_BELOW = 1e15
"""A larger number would not fit beside a chart."""

NARROWEST_PERCENT = 0.01
"""What an axis of percentages spans at least."""

PERCENTILES = (50.0, 90.0, 99.0, 99.9, 99.99, 99.999)


def text_chart(chart: Chart, *, ascii_only: bool = False) -> str:
    """The chart in lines of at most `WIDTH` columns, without its title. The last line has no line feed.

    Where a column of text stands for several cells, it shows the worst of them: the slowest, the most failures, the
    lowest rate, and of a breaker the state that is furthest from closed.
    """
    glyphs = ASCII if ascii_only else UNICODE
    lines = list(_DRAWN[chart.kind](chart, glyphs))
    assert all(columns(line) <= WIDTH for line in lines), "a line is too long"
    return "\n".join(line.rstrip() for line in lines)


# what charts over time share


class _Grid:
    """The columns of a chart over time, right of a gutter for labels."""

    def __init__(self, axis: TimeAxis, labels: Sequence[str], glyphs: Glyphs) -> None:
        longest = max((columns(label) for label in labels), default=0)
        self.gutter = min(max(longest, GUTTER_MIN), GUTTER_MAX)
        self.count = WIDTH - self.gutter - 2
        self.glyphs = glyphs
        self._axis = axis
        self._step = (axis.end - axis.start) / self.count

    def row(self, label: str, body: str, *, right: bool = False) -> str:
        text = fitted(label, self.gutter, self.glyphs)
        if right:
            text = text.rstrip().rjust(self.gutter)
        return f"{text} {self.glyphs.wall}{body}"

    def spread(self, rows: Sequence[Row], fold: Callable[[list[Row]], float | None]) -> list[float | None]:
        """A value for each column, folded from the rows that touch it; None where there are none."""
        return [fold(found) if found else None for found in self.touching(rows)]

    def touching(self, rows: Sequence[Row]) -> list[list[Row]]:
        """For each column the rows that overlap it by more than a rounding error."""
        found: list[list[Row]] = [[] for _ in range(self.count)]
        slack = self._step * 1e-3
        for row in rows:
            start, end = _float(row["t"]), _float(row["end"])
            first = int((start - self._axis.start + slack) / self._step)
            last = int((end - self._axis.start - slack) / self._step)
            for at in range(max(first, 0), min(max(last, first), self.count - 1) + 1):
                found[at].append(row)
        return found

    def faults(self, shades: Sequence[Shade]) -> Iterator[str]:
        """A lane that shows when faults were in force; none when there were none."""
        if shades:
            touched = self.touching([{"t": shade.start, "end": shade.end} for shade in shades])
            yield self.row("faults", "".join(self.glyphs.fault if rows else " " for rows in touched))

    def axis(self) -> Iterator[str]:
        """The floor with five ticks, their times, and what they are."""
        glyphs = self.glyphs
        ticks = [round(part * (self.count - 1) / 4) for part in range(5)]
        floor = "".join(glyphs.tick if at in ticks else glyphs.floor for at in range(self.count))
        yield " " * (self.gutter + 1) + glyphs.corner + floor
        marks = [" "] * (self.count + self.gutter + 2)
        for part, at in enumerate(ticks):
            text = _short(self._axis.start + part * (self._axis.end - self._axis.start) / 4)
            begin = min(self.gutter + 2 + max(at - len(text) // 2, 0), len(marks) - len(text))
            marks[begin : begin + len(text)] = text
        yield "".join(marks)
        yield " " * (self.gutter + 2) + fitted(self._axis.title, self.count, glyphs).strip().center(
            self.count
        )


def _time_axis(chart: Chart) -> TimeAxis:
    assert chart.time is not None, f"{chart.kind} is over time"
    return chart.time


def _float(value: object) -> float:
    assert isinstance(value, int | float), value
    return float(value)


def _worst(field: str, choose: Callable[[list[float]], float] = max) -> Callable[[list[Row]], float | None]:
    def fold(rows: list[Row]) -> float | None:
        values = [_float(row[field]) for row in rows if row[field] is not None]
        return choose(values) if values else None

    return fold


def _short(value: float) -> str:
    """A number on an axis: whole, or three digits and no more."""
    whole = 100 <= abs(value) < WHOLE_BELOW or (abs(value) < 100 and value == int(value))
    return f"{value:,.0f}" if whole else f"{value:.3g}"


# lines


def _marked_lines(fields: dict[str, str]) -> Callable[[Chart, Glyphs], Iterator[str]]:
    """Values as marks on a vertical axis from 0; where marks meet, the first field's stands in front."""

    def draw(chart: Chart, glyphs: Glyphs) -> Iterator[str]:
        rows = chart.rows
        values = [_float(row[field]) for row in rows for field in fields if row[field] is not None]
        top = max([0.0, *values]) or 1.0
        grid = _Grid(_time_axis(chart), [_short(top)], glyphs)
        canvas = [[" "] * grid.count for _ in range(TALL)]
        for field, mark in reversed(list(zip(fields, glyphs.marks, strict=False))):
            for at, value in enumerate(grid.spread(rows, _worst(field))):
                if value is not None:
                    canvas[_level(value, top)][at] = mark
        legend = "   ".join(
            f"{mark} {name}" for mark, name in zip(glyphs.marks, fields.values(), strict=False)
        )
        yield fitted(f"{' ' * (grid.gutter + 2)}{legend}   ({chart.unit})", WIDTH, glyphs)
        yield from _upright(grid, canvas, 0.0, top)
        yield from grid.faults(chart.shades)
        yield from grid.axis()

    return draw


def _level(value: float, top: float) -> int:
    """The row of a value on an axis from 0 to `top`; one beyond an end stands at that end."""
    return min(int(min(max(value, 0.0), top) / top * TALL), TALL - 1)


def _upright(grid: _Grid, canvas: Sequence[Sequence[str]], bottom: float, top: float) -> Iterator[str]:
    for level in range(len(canvas) - 1, -1, -1):
        label = _short(top) if level == len(canvas) - 1 else _short(bottom) if level == 0 else ""
        yield grid.row(label, "".join(canvas[level]), right=True)


def _filled_area(grid: _Grid, values: Sequence[float | None], bottom: float, top: float) -> list[list[str]]:
    steps = grid.glyphs.steps
    canvas = [[" "] * grid.count for _ in range(TALL)]
    for at, value in enumerate(values):
        shown = bottom if value is None else min(max(value, bottom), top)
        filled = (shown - bottom) / (top - bottom) * TALL
        for level in range(TALL):
            part = min(max(filled - level, 0.0), 1.0)
            canvas[level][at] = steps[round(part * (len(steps) - 1))]
    return canvas


def _throughput(chart: Chart, glyphs: Glyphs) -> Iterator[str]:
    top = max(0.0, *(_float(row[field]) for row in chart.rows for field in ("due", "answered"))) or 1.0
    grid = _Grid(_time_axis(chart), [_short(top)], glyphs)
    canvas = _filled_area(grid, grid.spread(chart.rows, _worst("answered", min)), 0.0, top)
    for at, due in enumerate(grid.spread(chart.rows, _worst("due"))):
        level = _level(due or 0.0, top)
        if due and canvas[level][at] == " ":
            canvas[level][at] = glyphs.due
    legend = f"{glyphs.steps[-1]} succeeded   {glyphs.due} due   ({chart.unit})"
    yield fitted(" " * (grid.gutter + 2) + legend, WIDTH, glyphs)
    yield from _upright(grid, canvas, 0.0, top)
    yield from grid.faults(chart.shades)
    yield from grid.axis()


def _success(chart: Chart, glyphs: Glyphs) -> Iterator[str]:
    worst = min(_float(row["percent"]) for row in chart.rows if row["percent"] is not None)
    below = max(100 - worst, NARROWEST_PERCENT)  # of millions one failure is 100 % when rounded
    bottom = max(0.0, worst - below / 4)
    grid = _Grid(_time_axis(chart), [f"{_short(bottom)} %"], glyphs)
    canvas = _filled_area(grid, grid.spread(chart.rows, _worst("percent", min)), bottom, 100.0)
    yield from _upright(grid, canvas, bottom, 100.0)
    yield from grid.faults(chart.shades)
    yield from grid.axis()


def _trend(chart: Chart, glyphs: Glyphs) -> Iterator[str]:
    """Values between the lowest and the highest, the level behind them, and a lane for where it changed."""
    values = [_float(row["value"]) for row in chart.rows if row["value"] is not None]
    bottom, top = min(values, default=0.0), max(values, default=0.0)
    if bottom == top:
        bottom, top = bottom - (abs(bottom) or 1.0) / 2, top + (abs(top) or 1.0) / 2
    grid = _Grid(_time_axis(chart), [_short(bottom), _short(top), "changes"], glyphs)
    canvas = [[" "] * grid.count for _ in range(TALL)]
    for field, mark in (("level", glyphs.marks[1]), ("value", glyphs.marks[0])):
        for at, value in enumerate(grid.spread(chart.rows, _worst(field))):
            if value is not None:
                canvas[_level(value - bottom, top - bottom)][at] = mark
    yield fitted(
        f"{' ' * (grid.gutter + 2)}{glyphs.marks[0]} value   {glyphs.marks[1]} level   ({chart.unit})",
        WIDTH,
        glyphs,
    )
    yield from _upright(grid, canvas, bottom, top)
    touched = grid.touching([row for row in chart.rows if row["mark"] in ("worse", "better", "other")])
    if any(touched):
        yield grid.row("changes", "".join(glyphs.fault if rows else " " for rows in touched))
    yield from grid.axis()


# a row for each name


def _stacked(series: str, field: str) -> Callable[[Chart, Glyphs], Iterator[str]]:
    """A row for each series, as high as its share of the highest value of all."""

    def draw(chart: Chart, glyphs: Glyphs) -> Iterator[str]:
        names = list(dict.fromkeys(str(row[series]) for row in chart.rows))
        top = max(0.0, *(_float(row[field]) for row in chart.rows)) or 1.0
        grid = _Grid(_time_axis(chart), names, glyphs)
        for name in names:
            rows = [row for row in chart.rows if row[series] == name]
            yield grid.row(
                name, "".join(_step(value, top, glyphs) for value in grid.spread(rows, _worst(field)))
            )
        yield from grid.faults(chart.shades)
        yield from grid.axis()
        yield fitted(
            f"{' ' * (grid.gutter + 2)}{glyphs.steps[-1]} = {_short(top)} {chart.unit}", WIDTH, glyphs
        )

    return draw


def _step(value: float | None, top: float, glyphs: Glyphs) -> str:
    if not value:
        return " "
    return glyphs.steps[max(1, round(min(max(value, 0.0), top) / top * (len(glyphs.steps) - 1)))]


def _breakers(chart: Chart, glyphs: Glyphs) -> Iterator[str]:
    drawn = {"closed": glyphs.closed, "half open": glyphs.half_open, "open": glyphs.open}
    order = list(drawn)
    names = list(dict.fromkeys(str(row["lane"]) for row in chart.rows))
    grid = _Grid(_time_axis(chart), names, glyphs)
    for name in names:
        touching = grid.touching([row for row in chart.rows if row["lane"] == name])
        states = (max((order.index(str(row["state"])) for row in rows), default=0) for rows in touching)
        yield grid.row(name, "".join(drawn[order[state]] for state in states))
    yield from grid.faults(chart.shades)
    yield from grid.axis()
    legend = "   ".join(f"{mark} {state}" for state, mark in drawn.items())
    yield fitted(" " * (grid.gutter + 2) + legend, WIDTH, glyphs)


def _fault_lanes(chart: Chart, glyphs: Glyphs) -> Iterator[str]:
    names = list(dict.fromkeys(str(row["lane"]) for row in chart.rows))
    grid = _Grid(_time_axis(chart), names, glyphs)
    for name in names:
        touching = grid.touching([row for row in chart.rows if row["lane"] == name])
        yield grid.row(name, "".join(glyphs.fault if rows else " " for rows in touching))
    yield from grid.axis()


# bars that lie down


def _histogram(chart: Chart, glyphs: Glyphs) -> Iterator[str]:
    bins = [(_float(row["from"]), _float(row["to"]), _float(row["requests"])) for row in chart.rows]
    group = -(-len(bins) // BARS_MAX)
    merged = [bins[at : at + group] for at in range(0, len(bins), group)]
    labels = [f"{_short(part[0][0])} to {_short(part[-1][1])} ms" for part in merged]
    counts = [sum(requests for _, _, requests in part) for part in merged]
    yield from _lying(labels, counts, [f"{count:,.0f}" for count in counts], glyphs)


def _percentiles(chart: Chart, glyphs: Glyphs) -> Iterator[str]:
    asked = [row for row in chart.rows if row["percentile"] in PERCENTILES]
    labels = [f"{row['percentile']:g} % {row['clock']}" for row in asked]
    values = [_float(row["ms"]) for row in asked]
    yield from _lying(labels, values, [f"{_short(value)} {chart.unit}" for value in values], glyphs)


def _lying(
    labels: Sequence[str], values: Sequence[float], texts: Sequence[str], glyphs: Glyphs
) -> Iterator[str]:
    gutter = min(max((len(label) for label in labels), default=0), GUTTER_MAX)
    room = WIDTH - gutter - 3 - max((len(text) for text in texts), default=0)
    top = max([0.0, *values]) or 1.0
    parts = len(glyphs.bars) - 1
    for label, value, text in zip(labels, values, texts, strict=True):
        share = min(max(value, 0.0), top) / top
        full, rest = divmod(max(round(share * room * parts), 1), parts)
        bar = glyphs.bars[-1] * full + (glyphs.bars[rest] if rest else "")
        yield f"{fitted(label, gutter, glyphs)} {glyphs.wall}{bar} {text}"


_DRAWN: dict[str, Callable[[Chart, Glyphs], Iterator[str]]] = {
    "fault_lanes": _fault_lanes,
    "latency_histogram": _histogram,
    "percentile_curve": _percentiles,
    "latency_over_time": _marked_lines({"p50": "p50", "p95": "p95", "p99": "p99"}),
    "throughput_over_time": _throughput,
    "success_over_time": _success,
    "errors_over_time": _stacked("failure", "requests"),
    "providers_over_time": _stacked("provider", "rate"),
    "breaker_lanes": _breakers,
    "head_delay_over_time": _marked_lines({"p50": "p50", "p99": "p99", "max": "longest"}),
    "metric_trend": _trend,
}
