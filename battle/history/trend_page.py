"""How trends are shown: a line for each series, and a page with a chart for each metric. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, groupby, pairwise

from battle.analysis.charts.chart import Chart, Row, TimeAxis
from battle.analysis.findings import Verdict
from battle.analysis.reports.document import (
    Block,
    Cell,
    Code,
    Document,
    Drawing,
    Figure,
    Paragraph,
    Section,
    Table,
    Tone,
    columns,
    row,
)
from battle.formatting import plural
from battle.history.row import HistoryRow, machine_text
from battle.history.trend import (
    AND,
    CUTS,
    RUNS_NEEDED,
    Alert,
    Change,
    Point,
    SeriesKey,
    Trend,
    change_text,
    judged_together,
    level_at,
    machine_changes,
    short,
)
from battle.history.values import NONE, interval_text, metric_text, value_text
from battle.scenario.slo.metrics import METRICS

CHARTS_MAX = 60
"""A page with more would be of megabytes; the table has all series."""

RUNS_LISTED = 200
"""The newest; `battle history list` has all of them."""

SWITCHES_MARKED = 20
"""Where runs go to and fro between machines more often, marks would hide the values; colours show it."""

_MACHINE_SHOWN = 6
"""Characters of a machine's digest that no other has."""

_WORDS = {"worse": "worse", "better": "better", "other": "changed"}
_TONES: dict[str, Tone] = {"worse": "bad", "better": "good", "other": "unsure"}
_OF_VERDICTS: dict[Verdict, Tone] = {"PASS": "good", "FAIL": "bad", "INCONCLUSIVE": "unsure"}


def answer_of(trends: Sequence[Trend], alerts: Sequence[Alert]) -> tuple[str, Verdict, str]:
    """What the trends say in a word, the verdict whose colour that has, and a sentence."""
    if alerts:
        metrics = ", ".join(dict.fromkeys(alert.title for alert in alerts))
        return "WORSE", "FAIL", f"Worse than before: {metrics}."
    enough = sum(trend.enough for trend in trends)
    if not enough:
        return (
            "NOT ENOUGH RUNS",
            "INCONCLUSIVE",
            f"No series has the {RUNS_NEEDED} runs that it takes to see a change.",
        )
    return "NOTHING WORSE", "PASS", f"Nothing is worse than before, in {enough:,} series of runs."


def trend_table(trends: Sequence[Trend]) -> Table:
    """A line for each series: from which level to which, and what changed last."""
    titles = columns(
        ":metric", ":scenario", ":world", ":gateway", ":machine", ":from", "runs", "newest", "level", ":last change"
    )  # fmt: skip
    apart = _apart(trends)
    return Table(titles, tuple(_line(trend, apart[id(trend)]) for trend in trends))


def notes_of(trends: Sequence[Trend]) -> Iterator[str]:
    """What one has to know of them together."""
    if (many := judged_together(trends)) > 1:
        yield (
            f"These {many:,} series are judged together, so a change must be clearer than in one alone: "
            "with --metric a small one may show."
        )


def _apart(trends: Sequence[Trend]) -> dict[int, str]:
    """What parts each series from others of the same metric and place: the version of the scenario, the machine."""
    groups: dict[tuple[str, ...], list[Trend]] = {}
    for trend in trends:
        key = trend.key
        groups.setdefault((key.metric, key.workload, key.scenario, key.world, key.gateway), []).append(trend)
    return {
        id(trend): ", ".join(filter(None, (_version(trend, group), _machine(trend, group))))
        for group in groups.values()
        for trend in group
    }


def _machine(trend: Trend, group: Sequence[Trend]) -> str:
    several = len({one.key.machine for one in group}) > 1
    return f"machine {trend.key.machine[:_MACHINE_SHOWN]}" if several else ""


def _version(trend: Trend, group: Sequence[Trend]) -> str:
    """Which version of the scenario it is of, where there are several."""
    begun = sorted(group, key=lambda one: one.points[0].row.started_at)
    versions = list(dict.fromkeys(one.key.scenario_digest for one in begun))
    version = versions.index(trend.key.scenario_digest)
    if len(versions) == 1:
        return ""
    if version == 0:
        return "before the scenario changed"
    return "scenario changed" + (f" ({version} of {len(versions) - 1} times)" if len(versions) > 2 else "")


def _line(trend: Trend, apart: str) -> tuple[Cell, ...]:
    key = trend.key
    last = next((point for point in reversed(trend.points) if point.counted), None)
    level = trend.levels[-1].last if trend.levels else None
    counted = len(trend.points) - trend.counted
    return row(
        key.title,
        key.scenario,
        key.world,
        key.gateway,
        key.machine[:_MACHINE_SHOWN] or NONE,
        f"{_days(trend)}{f': {apart}' if apart else ''}",
        f"{trend.counted:,}" + (f" (+{counted:,} not counted)" if counted else ""),
        NONE if last is None else metric_text(last.metric),
        value_text(key.metric, level, "never" if trend.levels else NONE),
        _last_change(trend),
    )


def _days(trend: Trend) -> str:
    first, last = (trend.points[at].row.started_at[:10] for at in (0, -1))
    return first if first == last else f"{first} to {last}"


def _last_change(trend: Trend) -> Cell:
    if not trend.enough:
        return Cell(f"not enough runs: {RUNS_NEEDED} are needed", "quiet")
    lasting = [change for change in trend.changes if change.direction == "worse" and change.lasts]
    change = next(iter([*lasting[-1:], *trend.changes[-1:]]), None)
    if change is None:
        return Cell("none", "quiet")
    return Cell(_change_text(trend, change), _TONES[change.direction])


def _change_text(trend: Trend, change: Change) -> str:
    first = trend.points[change.index].row
    since = "since" if change.first == change.last else "since about"
    how = _WORDS[change.direction] if change.kind == "step" else f"{_WORDS[change.direction]}, slowly"
    size = change_text(trend.key.metric, change.before, change.after, change.size)
    back = "" if change.lasts else ", is over"
    return f"{how}: {size} {since} {first.started_at[:10]}, commit {short(first.commit)}{back}"


def document_of(trends: Sequence[Trend], alerts: Sequence[Alert], commands: Sequence[str] = ()) -> Document:
    """The page: alerts first, a section for each scenario, world and gateway, and the runs. `commands`: to go on."""
    word, verdict, sentence = answer_of(trends, alerts)
    rows = _runs(trends)
    anchors = _anchors(alerts)
    sections = tuple(_sections(trends, anchors))
    drawn = {block.anchor for one in sections for block in one.blocks if isinstance(block, Drawing)}
    return Document(
        title="trends of " + (", ".join(dict.fromkeys(trend.key.scenario for trend in trends)) or "nothing"),
        verdict=verdict,
        answer=word,
        headline=sentence,
        context=tuple(_context(rows)),
        figures=(
            Figure("runs", f"{len(rows):,}"),
            Figure("series", f"{len(trends):,}"),
            Figure("alerts", f"{len(alerts):,}"),
            Figure("commits", f"{len({one.commit for one in rows if one.commit}):,}"),
        ),
        reasons=tuple(alert.text for alert in alerts),
        anchors=tuple(anchor if (anchor := anchors[_shown_in(one)]) in drawn else None for one in alerts),
        sections=(*sections, *_follow_up(commands), _series_section(trends), _runs_section(rows)),
    )


def _anchors(alerts: Sequence[Alert]) -> dict[tuple[str, ...], str]:
    """The names of the charts that show alerts."""
    charts = dict.fromkeys(map(_shown_in, alerts))
    return {chart: f"worse{number}" for number, chart in enumerate(charts, 1)}


def _shown_in(one: Alert | SeriesKey) -> tuple[str, ...]:
    """What no other chart is of."""
    return (one.scenario, one.world, one.gateway, one.title)


def _follow_up(commands: Sequence[str]) -> Iterator[Section]:
    if commands:
        why = Paragraph("In the simulated world these find the commit exactly, in few runs:")
        yield Section("Find the commit", (why, *(Code(command) for command in commands)))


def _runs(trends: Sequence[Trend]) -> list[HistoryRow]:
    """All runs of the trends, oldest first."""
    found = {point.row.key: point.row for trend in trends for point in trend.points}
    return sorted(found.values(), key=lambda one: (one.started_at, one.run_id))


def _context(rows: Sequence[HistoryRow]) -> Iterator[str]:
    if not rows:
        return
    yield f"{plural(len(rows), 'run')} from {rows[0].started_at[:10]} to {rows[-1].started_at[:10]}"
    machines = dict.fromkeys(machine_text(one.host) for one in rows)
    yield f"Machines: {'; '.join(list(machines)[:3])}{', and others' if len(machines) > 3 else ''}"
    simulated = any(one.world == "simulated" for one in rows)
    yield "Series are cut where the scenario, the world, the gateway or the machine changes" + (
        "; simulated time is the same on every machine." if simulated else "."
    )


def _sections(trends: Sequence[Trend], anchors: Mapping[tuple[str, ...], str]) -> Iterator[Section]:
    """A section for each place, those with alerts first, and in it the charts with alerts first."""
    alerted = {chart[:3] for chart in anchors}

    def place(trend: Trend) -> tuple[bool, tuple[str, ...]]:
        where = _shown_in(trend.key)[:3]
        return (where not in alerted, where)

    left = CHARTS_MAX
    for (_, (scenario, world, gateway)), group in groupby(sorted(trends, key=place), key=place):
        charts, steady = _charts(list(group), anchors)
        blocks: list[Block] = list(charts[:left])
        if len(charts) > left:
            blocks.append(Paragraph(f"{len(charts) - left:,} more charts are omitted: choose with --metric."))
        left = max(0, left - len(charts))
        if steady:
            blocks.append(Paragraph(f"The same in every run: {', '.join(steady)}.", quiet=True))
        yield Section(f"{scenario} ({world}, {gateway})", tuple(blocks))


def _charts(
    trends: Sequence[Trend], anchors: Mapping[tuple[str, ...], str]
) -> tuple[list[Drawing], list[str]]:
    """A chart for each metric that is not the same in all runs, and the names of those that are."""
    charts, steady = [], []
    for title, group in groupby(trends, key=lambda trend: trend.key.title):
        of_metric = list(group)
        shown = {metric_text(point.metric) for trend in of_metric for point in trend.points}
        if len(shown) == 1:
            steady.append(f"{title} ({shown.pop()})")
        else:
            charts.append(Drawing(chart_of(of_metric), anchor=anchors.get(_shown_in(of_metric[0].key))))
    return sorted(charts, key=lambda one: one.anchor is None), steady


def chart_of(trends: Sequence[Trend]) -> Chart:
    """The chart of one metric in one place: the series of all machines, run after run."""
    key = trends[0].key
    names = _names(trends)
    bands = {id(trend): _bands(trend.points) for trend in trends}
    placed = sorted(
        ((point, trend, at) for trend in trends for at, point in enumerate(trend.points)),
        key=lambda one: (one[0].row.started_at, one[0].row.run_id),
    )
    switched = machine_changes([point.row for point, _, _ in placed])
    marked = switched if len(switched) <= SWITCHES_MARKED else {}
    rows = tuple(
        {
            **_row(number, point, trend, at, names, marked),
            "band": f"{names[id(trend)]} {bands[id(trend)][at]}",
        }
        for number, (point, trend, at) in enumerate(placed, 1)
    )
    unit = METRICS[key.metric].unit if key.metric in METRICS else ""
    return Chart(
        kind="metric_trend",
        title=key.title,
        about=_about(trends, switched, marked),
        unit=unit or key.metric.replace("_", " "),
        query="history",
        parameters={},
        rows=rows,
        virtual=False,
        time=TimeAxis("runs, oldest first", "run", 0.0, len(rows) + 1.0),
    )


def _about(trends: Sequence[Trend], switched: Mapping[str, str], marked: Mapping[str, str]) -> str:
    changes = [(trend, change) for trend in trends for change in trend.changes]
    said = "; ".join(_change_text(trend, change) for trend, change in changes) or "no change"
    band = "The band has the 95 % intervals, the dashed line the level."
    which = [what for what in CUTS if any(what in one.split(AND) for one in marked.values())]
    lines = f" Dotted lines: {_or([f'the {what}' for what in which])} changed." if which else ""
    often = " Runs take turns between machines." if switched and not marked else ""
    return f"{said[:1].upper()}{said[1:]}. {band}{lines}{often}"


def _or(words: Sequence[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _bands(points: Sequence[Point]) -> list[int]:
    """For each run of a series in which piece of the band it is: a run without an interval ends one."""
    has = [point.metric.low is not None and point.metric.high is not None for point in points]
    return list(accumulate(int(now and not before) for before, now in pairwise([False, *has])))


def _names(trends: Sequence[Trend]) -> dict[int, str]:
    """What the legend calls each series: its machine, and the version of the scenario where there are several."""
    texts = {one.key.machine: machine_text(one.points[-1].row.host) for one in trends if one.key.machine}
    alike = [text for text, count in Counter(texts.values()).items() if count > 1]

    def name(trend: Trend) -> str:
        text = texts.get(trend.key.machine, "")
        machine = _machine(trend, trends) if text in alike else ""
        return ", ".join(filter(None, (text, machine, _version(trend, trends)))) or "any machine"

    return {id(trend): name(trend) for trend in trends}


def _row(
    number: int, point: Point, trend: Trend, at: int, names: Mapping[int, str], switched: Mapping[str, str]
) -> Row:
    run, metric = point.row, point.metric
    change = next((one for one in trend.changes if one.index == at), None)
    level, piece = _level(trend, at)
    what = switched.get(run.run_id)
    notes = [_change_text(trend, change) if change else "", f"changed: {what}" if what else ""]
    notes += [f"not counted: {_why_not(run)}" if not run.trusted else ""]
    return {
        "t": float(number),
        "end": number + 1.0,
        "value": metric.value,
        "low": metric.low,
        "high": metric.high,
        "level": level,
        "mark": change.direction if change else "machine" if what else "",
        "counted": point.counted,
        "series": names[id(trend)],
        "piece": f"{names[id(trend)]} {piece}",
        "shown": metric_text(metric),
        "interval": interval_text(metric.name, metric.low, metric.high) or NONE,
        "change": "; ".join(filter(None, notes)) or "none",
        "started": run.started_at[:16].replace("T", " "),
        "commit": _commit(run),
        "verdict": run.verdict,
        "run": run.run_id,
    }


def _level(trend: Trend, at: int) -> tuple[float | None, int]:
    """The level at a run, and which of the series' levels it is."""
    for place, level in enumerate(trend.levels):
        if level.start <= at < level.end:
            value = level_at(level, at)
            return (value if abs(value) != float("inf") else None), place
    return None, 0


def _why_not(run: HistoryRow) -> str:
    return "it did not go to its end" if run.partial else run.distrusted[0]


def _commit(run: HistoryRow) -> str:
    return f"{short(run.commit)}{', with changes' if run.dirty else ''}" if run.commit else "not known"


def _series_section(trends: Sequence[Trend]) -> Section:
    notes = (Paragraph(line, quiet=True) for line in notes_of(trends))
    return Section("All series", (trend_table(trends), *notes))


def _runs_section(rows: Sequence[HistoryRow]) -> Section:
    switched = machine_changes(rows)
    titles = columns(":started", ":commit", ":branch", ":verdict", "requests", ":machine", ":changed", ":run")
    listed = tuple(
        row(
            one.started_at[:16].replace("T", " "),
            _commit(one),
            one.branch or NONE,
            Cell(one.verdict, _OF_VERDICTS[one.verdict]),
            f"{one.requests:,}",
            machine_text(one.host),
            switched.get(one.run_id, ""),
            one.run_id,
        )
        for one in rows[-RUNS_LISTED:][::-1]
    )
    more = len(rows) - len(listed)
    rest = (Paragraph(f"{more:,} older runs: `battle history list`.", quiet=True),) if more > 0 else ()
    return Section("Runs, newest first", (Table(titles, listed), *rest))
