"""Collects a run's facts through the named queries, each asked once, and judges them on the way."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, Union, cast, get_origin

import msgspec

from battle.analysis.log import Log
from battle.analysis.omissions import Omission, Parts
from battle.analysis.reports.compared import read_comparison
from battle.analysis.reports.failure_facts import (
    FaultReaction,
    LogSubscriptions,
    PublishedHeads,
    StreamFailovers,
)
from battle.analysis.reports.headline import headline
from battle.analysis.reports.intervals import Intervals, intervals
from battle.analysis.reports.schema import (
    SCHEMA_VERSION,
    Amplification,
    BreakerFacts,
    BreakerSpan,
    Continuity,
    Crash,
    Disconnects,
    FailoverFacts,
    FaultEffect,
    GapFills,
    GatewayReports,
    GeneratorHealth,
    HeadDelay,
    HeadsAfterFault,
    Latency,
    LogHealth,
    NodeHealth,
    ProviderShare,
    Report,
    RequestFacts,
    RequestKind,
    RunFacts,
    SegmentFacts,
    StormSecond,
    WebSocketFacts,
)
from battle.analysis.reports.section import Rows, section_part
from battle.analysis.reports.sections import SECTIONS
from battle.analysis.verdict.checkers.continuity import head_rows
from battle.analysis.verdict.checkers.retries import amplification
from battle.analysis.verdict.metrics.failovers import SLOWEST_LISTED
from battle.analysis.verdict.parts import WHOLE_PART
from battle.analysis.verdict.requests import latency_rows
from battle.analysis.verdict.sample_size import has_samples, sample_size_text
from battle.analysis.verdict.verdict import Judgement, judge
from battle.formatting import grouped_text
from battle.scenario.run_header import RunHeader, name_of
from battle.scenario.slo.slo import Slo, slo_set
from battle.store import typed
from battle.store.database import Run

Row = TypeVar("Row", bound=msgspec.Struct)
Part = TypeVar("Part")

SPANS_LISTED = 50
"""How many breaker spans a report lists; the view `breaker_windows` has them all."""

_PARTIAL_PHASES = {"interrupted", "failed"}


def collect_report(
    run: Run,
    log: Log | None = None,
    other_slos: Sequence[Slo] | None = None,
    *,
    strict: bool = False,
    own_checkers: Sequence[str] | None = None,
) -> Report:
    """Everything the run says, and the verdict on it.

    `log` is the run's, if others have asked it already; `other_slos` replace those of its scenario, and
    `own_checkers` the names of its own checkers. `strict` fails on a warning, as a run that was made so does anyway.

    A fact that cannot be collected is omitted: the report names it, and the verdict stands without it.

    Raises:
        LogError: `run.json` holds an SLO that cannot be understood, or `comparison.json` cannot be read.
        QueryError: the log cannot say which run it is of.
    """
    log = log or Log(run)
    header = log.header
    slos, workload_slos = (other_slos, None) if other_slos is not None else header.slos()
    strict = strict or header.strict
    judgement = judge(log, slos, workload_slos=workload_slos, strict=strict, own_checkers=own_checkers)
    report = _with_facts(log, run.run_dir, judgement, slo_set(slos, workload_slos).run)
    return msgspec.structs.replace(report, strict=strict)


def _with_facts(log: Log, run_dir: Path, judgement: Judgement, run_slo: Slo) -> Report:
    """The verdict, and all that the log says beside it."""
    facts = _run_facts(log, run_dir.name)
    collected = _Collected(log)
    rows, fact = collected.rows, collected.fact
    faults = rows("faults", FaultEffect, "fault_effects")
    failovers = rows("failovers", FailoverFacts, "failovers_summary", limit=SLOWEST_LISTED)
    reports = fact("gateway_reports", lambda: _gateway_reports(log), GatewayReports)
    report = Report(
        schema_version=SCHEMA_VERSION,
        run=facts,
        verdict=judgement.verdict,
        headline=_headline(judgement, faults, facts.world, collected),
        reasons=judgement.reasons,
        slos=judgement.slos,
        workload_slos=judgement.workload_slos,
        findings=judgement.findings,
        requests=fact("requests", lambda: _requests(log), RequestFacts),
        latencies=collected.made("latencies", lambda: latency_rows(log), Latency),
        intervals=fact("intervals", lambda: intervals(log, facts.world), Intervals),
        failovers=failovers[0] if failovers else _blank(FailoverFacts),
        provider_shares=rows("provider_shares", ProviderShare, "provider_shares"),
        faults=faults,
        reactions=rows("reactions", FaultReaction, "fault_handling"),
        gateway_tells=reports.attempts or reports.breakers or reports.streams,
        gateway_reports=reports,
        breakers=rows("breakers", BreakerFacts, "breaker_summary"),
        first_breaker_spans=rows("first_breaker_spans", BreakerSpan, "breaker_spans", limit=SPANS_LISTED),
        nodes=rows("nodes", NodeHealth, "system_health"),
        crashes=rows("crashes", Crash, "node_crashes"),
        generator=rows("generator", GeneratorHealth, "generator_health"),
        amplification=fact("amplification", lambda: _amplification(log, run_slo), Amplification),
        websocket=fact("websocket", lambda: _websocket(log), WebSocketFacts),
        knees=judgement.knees,
        log=fact("log", lambda: _log_health(log), LogHealth),
        comparison=read_comparison(run_dir),
        warnings=judgement.warnings,
        omitted_slos=tuple(_omitted_slos(log.header)),
        changes=log.header.changes,
        section_rows=_section_rows(log, collected.parts),
    )
    return msgspec.structs.replace(report, omitted=tuple(collected.parts.omitted))


def _section_rows(log: Log, parts: Parts) -> dict[str, Rows]:
    """The rows of the questions that only sections ask, by the section's title; none of one that cannot be asked."""

    def rows(sql: str) -> Rows:
        return tuple(row._asdict() for row in log.ask(sql))

    asked = [section for section in SECTIONS if section.sql]
    made = {one.title: parts.make(section_part(one), partial(rows, one.sql), lambda _: None) for one in asked}
    return {title: found for title, found in made.items() if found is not None}


class _Collected:
    """Facts of a log; of one that cannot be collected a blank stands in its field, and `parts` remembers it."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.parts = Parts()

    def rows(self, field: str, row_type: type[Row], query: str, /, **parameters: object) -> tuple[Row, ...]:
        return self.parts.make(
            field, lambda: _rows(self.log, row_type, query, **parameters), lambda omission: ()
        )

    def made(self, field: str, collect: Callable[[], Iterable[Any]], row_type: type[Row]) -> tuple[Row, ...]:
        return self.parts.make(
            field,
            lambda: tuple(typed.convert(row._asdict(), row_type) for row in collect()),
            lambda omission: (),
        )

    def fact(self, field: str, collect: Callable[[], Part], kind: type[Part]) -> Part:
        def blank(omission: Omission) -> Part:
            return cast(Part, _blank(kind))

        return self.parts.make(field, collect, blank)


def _headline(
    judgement: Judgement, faults: tuple[FaultEffect, ...], world: str, collected: _Collected
) -> str:
    """The first sentence; where it would speak of faults that are not known, it says that instead."""
    log, parts = collected.log, collected.parts
    tested = collected.fact("headline", lambda: sample_size_text(log), str)
    anything = parts.make("headline", lambda: has_samples(log), lambda omission: True)
    unknown = next((omission for omission in parts.omitted if omission.part == "faults"), None)
    if unknown is not None and judgement.verdict == "PASS":
        return f"All SLOs were met, but which faults took effect is not known. {unknown.text}"
    return headline(judgement, faults, world, tested, anything=anything)


def _blank(kind: Any) -> Any:
    """What stands in a field that was omitted, so that report.json has the shape it promises."""
    origin = get_origin(kind) or kind
    if origin in (UnionType, Union):
        return None
    if isinstance(origin, type) and issubclass(origin, msgspec.Struct):
        fields = msgspec.structs.fields(origin)
        return origin(**{field.name: _blank(field.type) for field in fields if field.required})
    return origin()


def _omitted_slos(header: RunHeader) -> Iterator[str]:
    """What `run.json` says of SLOs that the run was not held to; that of another version may say nothing of it."""
    listed = (one for one in header.omitted_slos or () if isinstance(one, dict))
    return grouped_text((str(one.get("slo")), str(one.get("why"))) for one in listed)


def _rows(log: Log, row_type: type[Row], query: str, /, **parameters: object) -> tuple[Row, ...]:
    return tuple(typed.convert(row._asdict(), row_type) for row in log.rows(query, **parameters))


def _run_facts(log: Log, directory: str) -> RunFacts:
    header = log.header
    phases = {row.phase: row.at_ns for row in log.rows("run_phases")}
    return RunFacts(
        run_id=header.run_id or directory,
        scenario=name_of(header.scenario) or "unknown",
        world=header.world or "unknown",
        gateway=name_of(header.gateway) or "unknown",
        seed=header.seed,
        started_at=header.started_at,
        load_began_ns=phases.get("load_began"),
        load_ns=log.rows("load_span")[0].load_ns,
        partial="ended" not in phases or bool(_PARTIAL_PHASES & phases.keys()),
        host=header.host,
        versions=header.versions,
    )


def _requests(log: Log) -> RequestFacts:
    rows = log.rows("request_kinds")
    outcomes: Counter[str] = Counter()
    answers: Counter[str] = Counter({"right": 0, "wrong": 0, "stale": 0, "none": 0})
    for row in rows:
        outcomes[row.outcome] += row.requests
        answers[row.answer] += row.requests
    total, sent = outcomes.total(), sum(row.sent for row in rows)
    return RequestFacts(
        total=total,
        sent=sent,
        ok=outcomes["ok"],
        error=outcomes["error"],
        unknown=outcomes["unknown"],
        success_ratio=outcomes["ok"] / total if total else None,
        sent_per_s=_rate_per_s(rows, sent),
        answers=dict(answers),
        kinds=_rows(log, RequestKind, "request_kinds"),
    )


def _rate_per_s(rows: list[Any], sent: int) -> float | None:
    if sent < 2:
        return None
    first_ns = min(row.first_scheduled_ns for row in rows)
    span_ns = max(row.last_scheduled_ns for row in rows) - first_ns
    return round((sent - 1) * 1e9 / span_ns, 3) if span_ns else None


def _gateway_reports(log: Log) -> GatewayReports:
    return _rows(log, GatewayReports, "gateway_reports")[0]


def _amplification(log: Log, slo: Slo) -> Amplification:
    row = amplification(log, slo.max_attempts_per_request)
    facts = {name: value for name, value in row._asdict().items() if name != "storm"}
    return Amplification(**facts, first_storm_seconds=typed.convert(row.storm, tuple[StormSecond, ...]))


def _websocket(log: Log) -> WebSocketFacts:
    return WebSocketFacts(
        continuity=tuple(typed.convert(row._asdict(), Continuity) for row in head_rows(log)),
        delays=_rows(log, HeadDelay, "head_delays"),
        after_faults=_rows(log, HeadsAfterFault, "heads_after_faults"),
        gap_fills=_rows(log, GapFills, "gap_fills_summary"),
        slow_clients=log.rows("slow_clients")[0].closed,
        disconnects=_rows(log, Disconnects, "disconnects", **WHOLE_PART.times),
        published=_rows(log, PublishedHeads, "heads_published"),
        logs=_rows(log, LogSubscriptions, "log_subscriptions"),
        stream_failovers=_rows(log, StreamFailovers, "stream_failovers_summary"),
    )


def _log_health(log: Log) -> LogHealth:
    segments = _rows(log, SegmentFacts, "log_health")
    return LogHealth(
        sealed=log.sealed,
        events=sum(segment.events for segment in segments),
        segments=segments,
        problems=tuple(log.manifest.problems),
    )
