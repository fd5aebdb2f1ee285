"""The published schema of report.json. `report.schema.json` beside it is made from these structs.

Times are nanoseconds since the run's epoch, virtual ones in the simulated world. None is "not measured",
and for a percentile "never": more than the rest was not answered.
"""

from typing import Any, Literal, TypeAlias

import msgspec

from battle.analysis.findings import Finding, Verdict, verdict_text
from battle.analysis.omissions import Omission
from battle.analysis.reports.comparison import Comparison
from battle.analysis.reports.failure_facts import (
    FaultReaction,
    LogSubscriptions,
    PublishedHeads,
    StreamFailovers,
)
from battle.analysis.reports.intervals import Intervals
from battle.analysis.verdict.knee import Knee
from battle.analysis.verdict.slo_comparison import SloResult
from battle.analysis.verdict.slo_results import WorkloadSlos

SCHEMA_VERSION = 1
"""Raised when a field is renamed, removed, or changes its meaning; not when one is added."""

SCHEMA_ID = f"urn:battle-gateway:report:{SCHEMA_VERSION}"
"""The name of the published schema: its `$id`, and the `$schema` of each report.json."""

AttemptSource: TypeAlias = Literal["gateway", "providers"]
"""Whose log the attempts come from: the gateway's own, or the providers' when it does not report them."""


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    pass


class RunFacts(_Part, frozen=True, kw_only=True):
    """Which run this is. `partial`: it did not go to its end. `load_ns`: how long there was load."""

    run_id: str
    scenario: str
    world: str
    gateway: str
    seed: int | None
    started_at: str | None
    load_began_ns: int | None
    load_ns: int | None
    partial: bool
    host: dict[str, Any]
    versions: dict[str, Any]


class RequestKind(_Part, frozen=True, kw_only=True):
    """How many requests ended in one way."""

    outcome: Literal["ok", "error", "unknown"]
    answer: Literal["right", "wrong", "stale", "none"]
    failure: str | None
    http_status: int | None
    rpc_code: int | None
    requests: int


class RequestFacts(_Part, frozen=True, kw_only=True):
    """How the requests ended. `per_s` is of the requests sent, over the time of load."""

    total: int
    sent: int
    ok: int
    error: int
    unknown: int
    success_ratio: float | None
    sent_per_s: float | None
    answers: dict[str, int]
    kinds: tuple[RequestKind, ...]


class Latency(_Part, frozen=True, kw_only=True):
    """Exact percentiles of one workload, or of all (`workload` None), from one clock.

    `due` and `sent` count to the end of the request, over all requests; one that did not succeed was never
    answered. `late` counts from due to sent, over those that were sent.
    """

    workload: str | None
    clock: Literal["due", "sent", "late"]
    requests: int
    counted: int
    p50_ns: int | None
    p90_ns: int | None
    p95_ns: int | None
    p99_ns: int | None
    p999_ns: int | None
    max_ns: int | None
    mean_ns: int | None


class SlowFailover(_Part, frozen=True, kw_only=True):
    """One of the slowest failovers: who was asked, in order."""

    request_id: str
    started_ns: int
    providers: tuple[str, ...]
    answered: bool
    cost_ns: int


class FailoverFacts(_Part, frozen=True, kw_only=True):
    """Requests that needed more than one attempt, and what that cost them (see the view `failovers`).

    The counts are None when none was seen through a gateway that reports no attempts: there may have been some.
    """

    source: AttemptSource | None
    failovers: int | None
    answered: int | None
    hedged: int | None
    attempts_max: int | None
    cost_mean_ns: int | None
    cost_p50_ns: int | None
    cost_p95_ns: int | None
    cost_p99_ns: int | None
    cost_max_ns: int | None
    slowest: tuple[SlowFailover, ...]


class ProviderShare(_Part, frozen=True, kw_only=True):
    """What one provider was asked, and how long its good answers took."""

    provider: str
    source: AttemptSource
    attempts: int
    failed: int
    share_ratio: float
    mean_ns: int | None


class FaultEffect(_Part, frozen=True, kw_only=True):
    """One fault of the chaos plan and what it did: a row of the view `fault_windows`. None: not visible."""

    fault_id: str
    kind: str
    target: str
    planned_ns: int | None
    started_ns: int | None
    ended_ns: int | None
    failure: str | None
    source: AttemptSource | Literal["clients"] | None
    attempts_before: int | None
    leaked_attempts: int | None
    failed_attempts: int | None
    refused_attempts: int | None
    stalled_attempts: int | None
    tagged_attempts: int
    tagged_heads: int
    tagged_subscriptions: int
    actions: int
    lost_connections: int | None
    silent_subscriptions: int
    request_errors: int
    cut_off_errors: int
    breaker_changes: int | None
    time_to_detect_ns: int | None
    traffic_stopped_ns: int | None
    time_to_recover_ns: int | None
    signs: tuple[str, ...]
    evidence: tuple[str, ...]
    effect_observed: bool


class GatewayReports(_Part, frozen=True, kw_only=True):
    """What the gateway reports about itself: the view `gateway_reports`. All else is not visible from outside."""

    kind: str | None
    attempts: bool
    breakers: bool
    streams: bool


class BreakerFacts(_Part, frozen=True, kw_only=True):
    """How often one circuit breaker changed, how long it was not closed, and how it came back.

    An outage lasts from leaving closed until coming back to it; of `outages`, `recovered` ended, and `relapses` began
    again within 5 s: the breaker flapped. A probe is an attempt that it let through while half open.
    """

    provider: str
    transport: str
    changes: int
    opened: int
    half_opened: int
    closed: int
    open_ns: int
    half_open_ns: int
    rejections: int
    outages: int
    recovered: int
    recovery_mean_ns: int | None
    recovery_max_ns: int | None
    relapses: int
    probes: int
    good_probes: int


class BreakerSpan(_Part, frozen=True, kw_only=True):
    """One span in which a circuit breaker was not closed: a row of the view `breaker_windows`."""

    provider: str
    transport: str
    outage: int
    state: str
    started_ns: int
    ended_ns: int | None
    duration_ns: int | None


class NodeHealth(_Part, frozen=True, kw_only=True):
    """What one node took of the machine."""

    node: str
    samples: int
    rss_first_bytes: int | None
    rss_max_bytes: int | None
    cpu_mean_percent: float | None
    cpu_max_percent: float | None
    loop_lag_max_ns: int | None
    tasks_max: int
    open_fds_max: int
    threads_max: int | None = None


class Crash(_Part, frozen=True, kw_only=True):
    """Crashes on one node; `induced` by a fault of the chaos plan, or not."""

    node: str
    induced: bool
    crashes: int
    first_at_ns: int
    first_actor: str
    first_reason: str | None


class GeneratorHealth(_Part, frozen=True, kw_only=True):
    """Whether one workload kept to its schedule. Its lateness is in the latencies, clock `late`.

    What was due was sent, dropped (the node was away), turned away by the gateway, still queued at the end, or ended
    without being sent (`unsent`: no connection in time, or the load was stopped).
    """

    workload: str
    due: int
    sent: int
    dropped: int
    turned_away: int
    backlog_end: int
    unsent: int
    in_flight_max: int


class SegmentFacts(_Part, frozen=True, kw_only=True):
    """The health of one segment of the log; one that is not `present` is known from the coordinator's segment."""

    segment: str
    node: str
    incarnation: int
    present: bool
    events: int
    lost_events: int
    missing_events: int
    torn_bytes: int
    damaged_blocks: int
    unverified_events: int
    unknown_events: int
    closed: bool
    fault_killed: bool


class LogHealth(_Part, frozen=True, kw_only=True):
    """The health of the log. A problem is a value that did not fit its column and was replaced by NULL."""

    sealed: bool
    events: int
    segments: tuple[SegmentFacts, ...]
    problems: tuple[str, ...]


class Continuity(_Part, frozen=True, kw_only=True):
    """What the clients of one workload got of the heads they should have got: the view `head_continuity`, summed."""

    workload: str
    subscriptions: int
    interrupted: int
    due: int
    received: int
    missed: int
    duplicated: int
    out_of_order: int
    went_back: int
    reorged: int
    parent_breaks: int
    longest_silence_ns: int
    delay_max_ns: int | None
    blocks_behind_max: int


class Disconnects(_Part, frozen=True, kw_only=True):
    """The WebSocket connections that a workload's clients lost before its time was over, by the side that cut them.

    `close_codes` are those of the cuts by the gateway and the client, each once.
    """

    workload: str
    connections: int
    gateway: int
    client: int
    bench: int
    close_codes: tuple[int, ...]


class HeadDelay(_Part, frozen=True, kw_only=True):
    """From a block's time on the chain to the arrival of its head, for one workload, or for all (`workload` None)."""

    workload: str | None
    heads: int
    p50_ns: int
    p99_ns: int
    max_ns: int


class HeadsAfterFault(_Part, frozen=True, kw_only=True):
    """How long after the start of a fault the clients got the next head; `never`: how many got none any more."""

    fault_id: str
    started_ns: int
    subscriptions: int
    p50_ns: int | None
    max_ns: int | None
    never: int


class GapFills(_Part, frozen=True, kw_only=True):
    """The gaps the gateway found after one fault (None: after none) for one reason, and what became of them."""

    fault_id: str | None
    kind: str
    reason: Literal["failover", "missed", "reorg"]
    gaps: int
    filled_gaps: int
    partly_gaps: int
    failed_gaps: int
    heights: int
    heights_max: int | None
    found: int
    took_max_ns: int


class WebSocketFacts(_Part, frozen=True, kw_only=True):
    """The continuity of WebSocket subscriptions; all empty in a run without any."""

    continuity: tuple[Continuity, ...]
    delays: tuple[HeadDelay, ...]
    after_faults: tuple[HeadsAfterFault, ...]
    gap_fills: tuple[GapFills, ...]
    slow_clients: int
    """Closed with 1008."""
    disconnects: tuple[Disconnects, ...]
    published: tuple[PublishedHeads, ...]
    logs: tuple[LogSubscriptions, ...]
    stream_failovers: tuple[StreamFailovers, ...]


class StormSecond(_Part, frozen=True, kw_only=True):
    """One second of a retry storm; `second` counts from the run's epoch."""

    second: int
    requests: int
    attempts: int
    failed: int


class Amplification(_Part, frozen=True, kw_only=True):
    """What retries made of the load. `first_storm_seconds` are the first of `storm_seconds`."""

    source: AttemptSource | None
    requests: int
    attempts: int
    attempts_per_request: float | None
    worst_attempts_per_request: float | None
    storm_seconds: int
    first_storm_seconds: tuple[StormSecond, ...]


class Report(_Part, frozen=True, kw_only=True):
    """Everything a run says. Lists of rows are whole unless their name says otherwise.

    `warnings` are smells that no client felt; in a `strict` run they are among the reasons for FAIL instead.
    `omitted_slos` are those of the scenario that this gateway or world could not show, with the reason: a string each
    reason.
    `changes` are what the run changed of its scenario: with real providers in place of its mocks, for one.
    `comparison` is what `battle compare` found, when it was asked: the one thing here that is not in the log.
    `omitted` names fields that could not be collected, by a defect of Battle: what stands in them means nothing.
    """

    schema_version: int
    run: RunFacts
    verdict: Verdict
    headline: str
    reasons: tuple[str, ...]
    slos: tuple[SloResult, ...]
    workload_slos: tuple[WorkloadSlos, ...]
    findings: tuple[Finding, ...]
    requests: RequestFacts
    latencies: tuple[Latency, ...]
    intervals: Intervals
    failovers: FailoverFacts
    provider_shares: tuple[ProviderShare, ...]
    faults: tuple[FaultEffect, ...]
    reactions: tuple[FaultReaction, ...]
    gateway_tells: bool
    """Whether the gateway reports anything about itself; `gateway_reports` says what."""
    gateway_reports: GatewayReports
    breakers: tuple[BreakerFacts, ...]
    first_breaker_spans: tuple[BreakerSpan, ...]
    nodes: tuple[NodeHealth, ...]
    crashes: tuple[Crash, ...]
    generator: tuple[GeneratorHealth, ...]
    amplification: Amplification
    websocket: WebSocketFacts
    knees: tuple[Knee, ...]
    log: LogHealth
    comparison: Comparison | None = None
    omitted: tuple[Omission, ...] = ()
    warnings: tuple[str, ...] = ()
    strict: bool = False
    omitted_slos: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    section_rows: dict[str, tuple[dict[str, Any], ...]] = {}
    """What sections asked the log on their own, by the section's title: rows by their columns' names."""
    schema: str = msgspec.field(name="$schema", default=SCHEMA_ID)
    """The name of the schema that this report follows."""

    @property
    def verdict_text(self) -> str:
        """The verdict as the first line of every report says it."""
        return verdict_text(self.verdict, len(self.warnings))


def json_schema() -> str:
    """The JSON Schema of report.json, as `report.schema.json` holds it."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID}
    schema = {**dialect, **msgspec.json.schema(Report)}
    return msgspec.json.format(msgspec.json.encode(schema), indent=2).decode() + "\n"


if (
    __name__ == "__main__"
):  # python -m battle.analysis.reports.schema > battle/analysis/reports/report.schema.json
    print(json_schema(), end="")
