"""Every fact a run can record: one frozen struct per fact, named in the past tense, units last.

The structs are the one source of truth: DuckDB's column types are derived from them, and a golden file of
the schema in `tests/store/` makes every change visible in review. Times are integer nanoseconds since the
run's epoch. The only default a field may have is None, because defaults are left out of the log and
come back as NULL.
"""

from typing import Any, Literal, TypeAlias

import msgspec

Outcome: TypeAlias = Literal["ok", "error", "unknown"]
"""`unknown`: the bytes left and no answer came, so nobody knows whether the request took effect."""

Answer: TypeAlias = Literal["right", "wrong", "stale", "none"]
"""How an answer compares with the chain model; `none`: there was no answer, or none that could be checked."""

BreakerState: TypeAlias = Literal["closed", "open", "half_open"]
Transport: TypeAlias = Literal["http", "ws"]
AttemptReason: TypeAlias = Literal["primary", "retry", "hedge"]


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """Base of all events; the tag is the class's name in snake case."""


def _tag(name: str) -> str:
    return "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_")


RunPhase: TypeAlias = Literal["started", "load_began", "load_ended", "interrupted", "failed", "ended"]


class RunChanged(Event, frozen=True, kw_only=True, tag=_tag):
    """The run entered a phase."""

    at_ns: int
    phase: RunPhase
    detail: str | None = None


class RequestEnded(Event, frozen=True, kw_only=True, tag=_tag):
    """A client request came to its end. Latency counts from `scheduled_ns`, the moment it was due.

    `sent_ns` is NULL when it never left (no connection in time). `failure` names what went wrong:
    `timeout`, `refused` (nobody listened), `no_websocket` (somebody listened, and refused the upgrade or closed each
    connection), `reset`, `closed`, `protocol`, `http_status`, `not_json_rpc` (an answer came, under a status of
    success if it was HTTP, and is not JSON-RPC), `wrong_id` (it has the id of another request), `wrong_batch`
    (answers to a batch were missing, repeated or not asked for), `rpc_error`, `unsent`, `interrupted`, `unread` (the
    client gave the connection up: more of what it had sent was unread than it keeps).

    An error can be the right answer: then the outcome is `ok`, the answer `right`, and `rpc_code` is the error's.
    `expected_rpc_code` is the code of the error that is the right answer, also where another answer came, or none;
    NULL where a result is right, where it is unknown, and for batches. A JSON-RPC error in a body with an HTTP status
    of failure has both codes.

    `height` is the block at which the answer holds, of questions about the newest block: of right and stale answers,
    and of those of another chain that say it. Of stale answers `blocks_behind` is how many blocks before the head, at
    the moment the request was sent, the answer held for the last time, and `stale_ns` how long before that moment it
    had ceased to hold; answers of another branch of the chain held at the last block that both branches have. Of a
    batch they are the lowest height and the greatest staleness.

    `client` says, of a closed loop, which of its users asked, and of sessions, which of them, numbered from 0; NULL
    where nobody waits for an answer before the next request, and the whole node is one client.
    """

    request_id: str
    workload: str
    method: str
    scheduled_ns: int
    ended_ns: int
    outcome: Outcome
    answer: Answer
    sent_ns: int | None = None
    http_status: int | None = None
    rpc_code: int | None = None
    failure: str | None = None
    provider: str | None = None
    response_bytes: int | None = None
    height: int | None = None
    blocks_behind: int | None = None
    stale_ns: int | None = None
    expected_rpc_code: int | None = None
    client: int | None = None


SessionOutcome: TypeAlias = Literal["ok", "failed", "unfinished"]


class SessionEnded(Event, frozen=True, kw_only=True, tag=_tag):
    """A session of a load came to its end: several requests, each of which follows from the answer before.

    Its requests are those of the workload whose `client` is `session`. `failed`: a request got no answer and the
    script could not do without it, or what it got does not go together; `detail` says what, and `failed_request_id`
    is the last request that it made. `unfinished`: the load was over before it.
    """

    workload: str
    session: int
    script: str
    scheduled_ns: int
    ended_ns: int
    outcome: SessionOutcome
    requests: int
    failed_request_id: str | None = None
    detail: str | None = None


class AttemptServed(Event, frozen=True, kw_only=True, tag=_tag):
    """A provider served one request, or failed it. `replied_ns` is NULL when no answer was sent.

    The outcome is `ok` with an `rpc_code` when that error is the right answer to the call.
    """

    provider: str
    transport: Transport
    method: str
    received_ns: int
    outcome: Outcome
    request_id: str | None = None
    replied_ns: int | None = None
    http_status: int | None = None
    rpc_code: int | None = None
    fault_id: str | None = None


class ChainFactReported(Event, frozen=True, kw_only=True, tag=_tag):
    """A real provider's answer said something of its chain that another one's can contradict.

    `subject`: `block <height>` with its hash as `value`, which a reorganisation can change; or something final, with
    a digest of it: `contents of <block hash>`, `receipt of <transaction> in <block hash>`, `chain id`.
    """

    at_ns: int
    provider: str
    subject: str
    value: str
    is_final: bool
    request_id: str | None = None


class GatewayAttemptEnded(Event, frozen=True, kw_only=True, tag=_tag):
    """The embedded gateway made one attempt. `failure` as in `RequestEnded`, or `rate_limited`, `cancelled`."""

    attempt: int
    provider: str
    transport: Transport
    method: str
    reason: AttemptReason
    hedged: bool
    started_ns: int
    ended_ns: int
    outcome: Outcome
    request_id: str | None = None
    failure: str | None = None
    http_status: int | None = None
    rpc_code: int | None = None


class BreakerChanged(Event, frozen=True, kw_only=True, tag=_tag):
    """A circuit breaker of the embedded gateway went from one state to another."""

    at_ns: int
    provider: str
    transport: Transport
    from_state: BreakerState
    to_state: BreakerState
    reason: str


class BreakerRejected(Event, frozen=True, kw_only=True, tag=_tag):
    """A candidate was skipped because its breaker was open, or its half-open probes were taken."""

    at_ns: int
    provider: str
    transport: Transport
    request_id: str | None = None


class LatencyBenchmarked(Event, frozen=True, kw_only=True, tag=_tag):
    """What the gateway's benchmark store held for a provider and method before or after the run."""

    at_ns: int
    moment: Literal["before", "after"]
    provider: str
    method: str
    samples: int
    latency_ns: int | None = None


class FaultChanged(Event, frozen=True, kw_only=True, tag=_tag):
    """A fault was planned, applied, reverted, or could not be applied."""

    at_ns: int
    fault_id: str
    kind: str
    target: str
    phase: Literal["planned", "applied", "reverted", "failed"]
    parameters: dict[str, Any]
    planned_ns: int | None = None
    detail: str | None = None


class FaultActed(Event, frozen=True, kw_only=True, tag=_tag):
    """A fault that is no matter of single requests did something on a node, and what: once for each connection.

    `action` is what became of it: `delayed`, `held`, `sliced`, `cut`, `reset`, `closed`, `refused`, `silenced`,
    `missed`, `duplicated`, `reordered`, `reorganised`, `replaced`, `ignored`. Of a whole process, as the coordinator
    saw it: `paused` and `resumed` (the operating system says so), `kept_down` (another fault had it down already).
    """

    at_ns: int
    fault_id: str
    node: str
    action: str
    transport: Transport | None = None
    connection: str | None = None


class ChainPaced(Event, frozen=True, kw_only=True, tag=_tag):
    """The chain of all providers has another pace from `from_ns` on, because a fault makes it slow, or halts it.

    A row per change of pace, written when the load was about to begin; none for a chain that is steady all along. In
    `battle up` all changes are written again when a fault of the chain begins or ends, and those with the highest
    `at_ns` hold. `height` is the head at `from_ns`; blocks come each `every_ns` after it, none when it is NULL.
    """

    at_ns: int
    from_ns: int
    height: int
    every_ns: int | None


class HeadPublished(Event, frozen=True, kw_only=True, tag=_tag):
    """A provider published a head to those of its WebSocket connections that had subscribed to them."""

    at_ns: int
    provider: str
    number: int
    hash: str
    parent_hash: str
    subscriptions: int
    fault_id: str | None = None


class SubscriptionChanged(Event, frozen=True, kw_only=True, tag=_tag):
    """The life of a WebSocket connection, or of one subscription on it, as one side saw it.

    `connection` numbers the node's connections, those of a client as "<client>.<n>"; `name` is the workload for
    `client`, the provider for the other two sides, or "(clients)" where the gateway logs a client of its own,
    as it does when it closes one that reads too slowly. `change`: `connected`, `refused` (no connection came about),
    `subscribed`, `rejected` (no subscription), `unsubscribed`, `closed` (with `close_code`; 1006: without a closing
    frame), `stale` (given up by the gateway).

    `closed_by` says which end of the connection closed it: this `side` (`us`) or the other one (`peer`). `was_due` is
    set when a client leaves a subscription that brought it nothing: whether the chain had something for it, up to a
    second before; NULL: it brought something, or this is unknown.
    """

    at_ns: int
    side: Literal["client", "gateway", "provider"]
    name: str
    connection: str
    change: Literal["connected", "refused", "subscribed", "rejected", "unsubscribed", "closed", "stale"]
    subscription: str | None = None
    kind: str | None = None
    close_code: int | None = None
    detail: str | None = None
    fault_id: str | None = None
    closed_by: Literal["us", "peer"] | None = None
    was_due: bool | None = None


class NotificationReceived(Event, frozen=True, kw_only=True, tag=_tag):
    """A client received a notification.

    `key` identifies it: a head's hash; a log's block hash, index and whether it is removed; a
    transaction's hash. `number` and `parent_hash` are of heads, `number` of logs as well. `answer` compares it with
    the chain model, as in `RequestEnded`.
    """

    at_ns: int
    workload: str
    connection: str
    subscription: str
    kind: str
    key: str
    answer: Answer
    number: int | None = None
    hash: str | None = None
    parent_hash: str | None = None


class GapFilled(Event, frozen=True, kw_only=True, tag=_tag):
    """The embedded gateway found a gap in a shared subscription and filled it over HTTP, or gave up on it.

    `first_number` to `last_number` were missing (NULL: nobody can know), `filled` of them were found.
    """

    began_ns: int
    ended_ns: int
    kind: str
    reason: Literal["failover", "missed", "reorg"]
    outcome: Literal["filled", "partly", "failed", "nothing_missing"]
    filled: int
    to_provider: str
    from_provider: str | None = None
    first_number: int | None = None
    last_number: int | None = None


class ActorChanged(Event, frozen=True, kw_only=True, tag=_tag):
    """An actor's life: what happened to it, on which node, in which incarnation (counted from 1).

    `segment_bytes` is, of a node, how large the segment of this incarnation was at that moment: once it has ended,
    the whole of it. NULL: it has none, as an actor inside a node, and a program that is none of ours.

    `asked_ns` is when it was asked to stop: of the end of a node that a fault asked, and of a program also of its end
    with the run. `forced`: it did not end in time after that, and was ended by SIGKILL.
    """

    at_ns: int
    actor: str
    node: str
    change: Literal["started", "crashed", "restarting", "escalated", "stopped"]
    incarnation: int
    reason: str | None = None
    segment_bytes: int | None = None
    asked_ns: int | None = None
    forced: bool | None = None


class SystemSampled(Event, frozen=True, kw_only=True, tag=_tag):
    """One node's use of the machine, once a second. What a world cannot measure is NULL.

    Of a gateway that is a program, or runs at a URL on this machine, it is the sum over its process and all that are
    below it, and `tasks` is 0.
    `steal_ratio` is about the whole machine: the part of its CPU time since the sample before that its hypervisor
    gave to other machines.
    """

    at_ns: int
    node: str
    tasks: int
    open_fds: int
    pid: int | None = None
    rss_bytes: int | None = None
    cpu_percent: float | None = None
    loop_lag_ns: int | None = None
    steal_ratio: float | None = None
    threads: int | None = None


class GeneratorSampled(Event, frozen=True, kw_only=True, tag=_tag):
    """One workload's second: counts are of this second, `in_flight` and `backlog` are of the moment.

    Lateness is how long after its due time a request was sent; NULL when nothing was sent.
    Latency is counted from the due time; NULL when nothing ended.
    """

    at_ns: int
    workload: str
    due: int
    sent: int
    ended: int
    errors: int
    dropped: int
    in_flight: int
    backlog: int
    lateness_p50_ns: int | None = None
    lateness_p99_ns: int | None = None
    lateness_max_ns: int | None = None
    latency_p95_ns: int | None = None


BenchLimit: TypeAlias = Literal[
    "open_files",
    "processes",
    "memory",
    "ports",
    "connections",
    "standstill",
    "generator",
    "unread",
    "kept",
    "rate",
    "read_rate",
]


class BenchLimitReached(Event, frozen=True, kw_only=True, tag=_tag):
    """The test bench itself, not the gateway, met a limit of its own on a node.

    `limit`: `open_files`, `processes`, `memory` and `ports` are the operating system's (`detail` is its message, and
    what failed); `connections` is a workload's `max_connections` (`bound`), for which requests waited, the longest
    for `duration_ns`; `standstill`: the node did not run for `duration_ns` (it was stopped, or the machine was);
    `generator`: the scenario author's own generator (`detail`: its name, file and line) kept the load waiting: its
    `times` calls took `total_ns`, the longest of them `duration_ns`; `unread`: it gave up connections whose
    other end left more than `bound` bytes unread, or its part of all that the node keeps; `kept`:
    a mock provider with `bound` bytes of answers that were not read yet took no more; `rate`: the link before a real
    provider held calls back, the longest for `duration_ns`, so that at most `bound` go there in a second;
    `read_rate`: more waited to be read than slow clients may read in a second (`bound` bytes), as the scenario wants
    it. `times` is how often since the last such row of this node.
    """

    at_ns: int
    node: str
    limit: BenchLimit
    times: int
    bound: int | None = None
    duration_ns: int | None = None
    detail: str | None = None
    total_ns: int | None = None


TABLES: dict[str, type[Event]] = {
    "run_phases": RunChanged,
    "requests": RequestEnded,
    "sessions": SessionEnded,
    "attempts": AttemptServed,
    "chain_facts": ChainFactReported,
    "gateway_attempts": GatewayAttemptEnded,
    "breaker_changes": BreakerChanged,
    "breaker_rejections": BreakerRejected,
    "benchmarks": LatencyBenchmarked,
    "faults": FaultChanged,
    "fault_actions": FaultActed,
    "chain_paces": ChainPaced,
    "heads": HeadPublished,
    "subscriptions": SubscriptionChanged,
    "notifications": NotificationReceived,
    "gap_fills": GapFilled,
    "actor_lifecycle": ActorChanged,
    "system_samples": SystemSampled,
    "generator_samples": GeneratorSampled,
    "bench_limits": BenchLimitReached,
}
"""Each table of the log, and the event that is its row."""

AnyEvent: TypeAlias = (
    RunChanged
    | RequestEnded
    | SessionEnded
    | AttemptServed
    | ChainFactReported
    | GatewayAttemptEnded
    | BreakerChanged
    | BreakerRejected
    | LatencyBenchmarked
    | FaultChanged
    | FaultActed
    | ChainPaced
    | HeadPublished
    | SubscriptionChanged
    | NotificationReceived
    | GapFilled
    | ActorChanged
    | SystemSampled
    | GeneratorSampled
    | BenchLimitReached
)


def tag_of(event_type: type[Event]) -> str:
    """What the `type` field of an event's JSON line says."""
    tag = event_type.__struct_config__.tag
    assert isinstance(tag, str)
    return tag


TABLE_OF_TAG: dict[str, str] = {tag_of(event_type): table for table, event_type in TABLES.items()}
"""The table that the events of a tag are rows of."""
