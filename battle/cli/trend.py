"""`battle trend`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
import typer

from battle.analysis.charts.text import text_chart
from battle.analysis.reports.document import Paragraph, Section
from battle.analysis.reports.files import write_whole
from battle.analysis.reports.html import render_html
from battle.analysis.reports.markdown import escaped, render_section
from battle.cli.history import (
    BranchOption,
    GatewayOption,
    ScenarioArg,
    SinceOption,
    WorldOption,
    report_problem,
    written,
)
from battle.cli.options import History
from battle.cli.tables import table_lines
from battle.defaults import DEFAULT_HISTORY
from battle.errors import BattleError, ScenarioError
from battle.history.selection import Selection, chosen
from battle.history.trend import THRESHOLD, Alert, Trend, alerts_of, exit_status, judged_together, trends_of
from battle.history.trend_page import answer_of, chart_of, document_of, notes_of, trend_table
from battle.scenario.loader import listed, load_scenario
from battle.scenario.slo.metrics import METRICS
from battle.store.regular import writable_place

Format: TypeAlias = Literal["table", "json", "markdown"]
"""What `--format` takes."""

DRAWN_MAX = 4
"""Charts in a terminal: more would push the table out of it."""


def command(
    scenario: ScenarioArg = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            "--metric",
            metavar="NAME",
            help="This metric, such as p95_latency_ms. May be repeated. Default: all.",
        ),
    ] = None,
    world: WorldOption = None,
    gateway: GatewayOption = None,
    branch: BranchOption = None,
    since: SinceOption = None,
    threshold: Annotated[
        float, typer.Option(metavar="SHARE", help="Smallest change that counts.")
    ] = THRESHOLD,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page with charts there.")] = None,
    alert: Annotated[
        bool,
        typer.Option("--alert", help="Exit status: 1 when something got worse, 3 not enough runs, else 0."),
    ] = False,
    format: Annotated[Format, typer.Option(help="How to print it.")] = "table",
    history: History = DEFAULT_HISTORY,
) -> None:
    """Show how metrics changed over the runs of the history, and since which commit."""
    selection = Selection(scenario, world, gateway, branch, since)
    trends = read_trends(history, selection, metric, threshold)
    alerts = alerts_of(trends)
    if html is not None:
        with written(html):
            page = render_html(document_of(trends, alerts, _commands(alerts, scenario)))
            write_whole(writable_place(html), page)
    _PRINTERS[format](trends, alerts, scenario, bool(metric))
    raise typer.Exit(exit_status(trends) if alert else 0)


def read_trends(
    history: Path, selection: Selection, metrics: Sequence[str] | None, threshold: float
) -> tuple[Trend, ...]:
    """The trends of what is selected. Raises BattleError for a metric or threshold that is none."""
    for name in metrics or ():
        if name not in METRICS:
            raise BattleError(f"there is no metric {name!r}: the metrics are {', '.join(METRICS)}")
    if not 0 <= threshold <= 1:
        raise BattleError(
            f"--threshold is a share from 0 up to 1, such as {THRESHOLD} for {THRESHOLD:.0%}, not {threshold}"
        )
    rows = chosen(history, selection, metrics or None, report_problem)
    return trends_of(rows, metrics or None, threshold=threshold)


def _commands(alerts: Sequence[Alert], scenario: str | None) -> list[str]:
    """What finds the commits of the alerts: each command once."""
    found = [alert.bisect(_loadable(alert, scenario)) for alert in alerts]
    return list(dict.fromkeys(one for one in found if one is not None))


def _loadable(alert: Alert, given: str | None) -> str:
    """What `battle run` takes for the scenario of an alert; where nobody knows, words that say so."""
    if given is not None:
        try:
            if load_scenario(given).name == alert.scenario:
                return given
        except ScenarioError:
            pass  # it is the name that the history has
    if alert.source is not None:
        return alert.source
    return next((text for text, one in listed() if one.name == alert.scenario), f"<file of {alert.scenario}>")


def _print_table(trends: Sequence[Trend], alerts: Sequence[Alert], scenario: str | None, drawn: bool) -> None:
    print(answer_of(trends, alerts)[2])
    for one in alerts:
        print(f"  - {one.text}")
    for command in _commands(alerts, scenario):
        print(f"    {command}")
    if not trends:
        return
    print()
    print("\n".join(table_lines(trend_table(trends), ruled=True)))
    for line in notes_of(trends):
        print(f"\n{line}")
    varying = [trend for trend in trends if len({point.metric.value for point in trend.points}) > 1]
    for trend in varying[:DRAWN_MAX] if drawn else ():
        print(f"\n{trend.key.title}, {trend.key.scenario}, {trend.key.world}, {trend.key.gateway}")
        print(text_chart(chart_of([trend])))


def _print_markdown(
    trends: Sequence[Trend], alerts: Sequence[Alert], scenario: str | None, drawn: bool
) -> None:
    print(f"**{escaped(answer_of(trends, alerts)[2])}**\n")
    for one in alerts:
        print(f"- {escaped(one.text)}")
    for command in _commands(alerts, scenario):
        print(f"\n    {command}")
    print()
    notes = tuple(Paragraph(line) for line in notes_of(trends))
    print(render_section(Section("Trends", (trend_table(trends), *notes))).rstrip())


def _print_json(trends: Sequence[Trend], alerts: Sequence[Alert], scenario: str | None, drawn: bool) -> None:
    said: dict[str, Any] = {
        "answer": answer_of(trends, alerts)[2],
        "judged_together": judged_together(trends),
        "alerts": [
            {
                **msgspec.to_builtins(one),
                "text": one.text,
                "bisect": next(iter(_commands([one], scenario)), None),
            }
            for one in alerts
        ],
        "trends": [_plain(one) for one in trends],
    }
    print(msgspec.json.format(msgspec.json.encode(said), indent=2).decode())


def _plain(trend: Trend) -> dict[str, Any]:
    points = [
        {
            "run_id": point.row.run_id,
            "started_at": point.row.started_at,
            "commit": point.row.commit,
            "machine": point.row.machine,
            "counted": point.counted,
            "value": point.metric.value,
            "low": point.metric.low,
            "high": point.metric.high,
            "never": point.metric.never,
        }
        for point in trend.points
    ]
    plain: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(trend, points=()))
    return {**plain, "points": points}


_PRINTERS = {"table": _print_table, "markdown": _print_markdown, "json": _print_json}
