"""Every metric that is exported: its name, kind, unit and labels. The one home of these names.

In OpenTelemetry a metric is named `battle.requests`, in Prometheus `battle_requests_total`: the second follows from
the first by the rules with which a collector translates names, so it does not matter which way a figure came.
"""

from typing import Literal, TypeAlias

import msgspec

InstrumentKind: TypeAlias = Literal["count", "gauge", "distribution"]
"""`count` only grows; `gauge` is a value of the moment; `distribution` is a histogram."""

SCENARIO = "scenario"
"""The label that every metric has: the name of the scenario."""

_UNIT_SUFFIX = {"s": "_seconds", "By": "_bytes"}


class Instrument(msgspec.Struct, frozen=True):
    """One metric. `labels` are all but the scenario; `unit` is as UCUM writes it: `s`, `By`, "" for none."""

    name: str
    kind: InstrumentKind
    labels: tuple[str, ...]
    meaning: str
    unit: str = ""

    @property
    def prometheus(self) -> str:
        """Its name in Prometheus."""
        total = "_total" if self.kind == "count" else ""
        return self.name.replace(".", "_") + _UNIT_SUFFIX.get(self.unit, "") + total


REQUESTS = Instrument(
    "battle.requests",
    "count",
    ("workload", "method", "outcome", "answer", "failure"),
    "Client requests that ended.",
)
REQUEST_DURATION = Instrument(
    "battle.request.duration",
    "distribution",
    ("workload", "outcome"),
    "From the scheduled time of a client request to its end, whatever its outcome.",
    "s",
)
ATTEMPTS = Instrument(
    "battle.attempts",
    "count",
    ("provider", "transport", "outcome"),
    "Requests that a provider served or failed.",
)
ATTEMPT_DURATION = Instrument(
    "battle.attempt.duration",
    "distribution",
    ("provider", "outcome"),
    "From the request's arrival at a provider to its reply; attempts without a reply are not in it.",
    "s",
)
GATEWAY_ATTEMPTS = Instrument(
    "battle.gateway.attempts",
    "count",
    ("provider", "transport", "outcome", "reason", "failure"),
    "Attempts of the embedded gateway; reason is primary, retry or hedge.",
)
GATEWAY_ATTEMPT_DURATION = Instrument(
    "battle.gateway.attempt.duration",
    "distribution",
    ("provider", "outcome"),
    "From the start to the end of an attempt of the embedded gateway.",
    "s",
)
BREAKER_STATE = Instrument(
    "battle.breaker.state",
    "gauge",
    ("provider", "transport"),
    "State of a circuit breaker of the embedded gateway: 0 closed, 1 half open, 2 open.",
)
BREAKER_CHANGES = Instrument(
    "battle.breaker.changes",
    "count",
    ("provider", "transport", "to_state"),
    "Changes of state of a circuit breaker.",
)
BREAKER_REJECTIONS = Instrument(
    "battle.breaker.rejections",
    "count",
    ("provider", "transport"),
    "Times that a provider was skipped because of its circuit breaker.",
)
FAULTS_ACTIVE = Instrument(
    "battle.faults.active",
    "gauge",
    ("fault", "kind", "target"),
    "1 while a planned fault is in force, 0 afterwards.",
)
NOTIFICATIONS = Instrument(
    "battle.notifications",
    "count",
    ("workload", "kind", "answer"),
    "WebSocket notifications that clients received.",
)
SUBSCRIPTION_CHANGES = Instrument(
    "battle.subscription.changes",
    "count",
    ("side", "change"),
    "Changes of WebSocket connections and subscriptions, as one side saw them.",
)
GAP_FILLS = Instrument(
    "battle.gap.fills",
    "count",
    ("kind", "reason", "outcome"),
    "Gaps in a shared subscription that the embedded gateway found.",
)
GENERATOR_LATENESS = Instrument(
    "battle.generator.lateness",
    "gauge",
    ("workload", "node", "quantile"),
    "How late requests of the last second were sent; quantile is 0.5, 0.99, or 1 for the maximum.",
    "s",
)
GENERATOR_DUE = Instrument(
    "battle.generator.due", "count", ("workload", "node"), "Requests that the schedule asked for."
)
GENERATOR_DROPPED = Instrument(
    "battle.generator.dropped", "count", ("workload", "node"), "Due requests that were not sent at all."
)
IN_FLIGHT = Instrument(
    "battle.requests.in_flight", "gauge", ("workload", "node"), "Requests that were sent and have not ended."
)
BACKLOG = Instrument(
    "battle.generator.backlog", "gauge", ("workload", "node"), "Requests that are due and not sent yet."
)
BENCH_LIMITS = Instrument(
    "battle.bench.limits", "count", ("node", "limit"), "Times that the test bench met a limit of its own."
)
CRASHES = Instrument(
    "battle.node.crashes", "count", ("node",), "Crashes of a node, also those that a fault wanted."
)
NODE_MEMORY = Instrument("battle.node.memory", "gauge", ("node",), "Resident memory of a node.", "By")
NODE_CPU = Instrument("battle.node.cpu.percent", "gauge", ("node",), "CPU use of a node; 100 is one core.")
LOAD_RUNNING = Instrument("battle.load.running", "gauge", (), "1 while the load runs, 0 otherwise.")
RUN_INFO = Instrument(
    "battle.run.info",
    "gauge",
    ("run_id", "world", "gateway", "seed"),
    "Always 1: which run the other figures are of.",
)
SLO_MET = Instrument(
    "battle.slo.met",
    "gauge",
    ("slo", "workload"),
    "1 if the SLO was met, 0 if it was missed; no value if it was not measured. After the run.",
)
SLO_MEASURED = Instrument(
    "battle.slo.measured", "gauge", ("slo", "workload"), "1 if the SLO was measured, else 0. After the run."
)
SLO_ACTUAL = Instrument(
    "battle.slo.actual",
    "gauge",
    ("slo", "workload"),
    "Actual value, in the unit that the SLO's name says. After the run.",
)
SLO_TARGET = Instrument(
    "battle.slo.target",
    "gauge",
    ("slo", "workload"),
    "Target, in the unit that the SLO's name says. After the run.",
)
VERDICT = Instrument(
    "battle.verdict",
    "gauge",
    ("verdict",),
    "1 for the verdict of the run, 0 for the two others (PASS, FAIL, INCONCLUSIVE). After the run.",
)

INSTRUMENTS: tuple[Instrument, ...] = (
    REQUESTS,
    REQUEST_DURATION,
    ATTEMPTS,
    ATTEMPT_DURATION,
    GATEWAY_ATTEMPTS,
    GATEWAY_ATTEMPT_DURATION,
    BREAKER_STATE,
    BREAKER_CHANGES,
    BREAKER_REJECTIONS,
    FAULTS_ACTIVE,
    NOTIFICATIONS,
    SUBSCRIPTION_CHANGES,
    GAP_FILLS,
    GENERATOR_LATENESS,
    GENERATOR_DUE,
    GENERATOR_DROPPED,
    IN_FLIGHT,
    BACKLOG,
    BENCH_LIMITS,
    CRASHES,
    NODE_MEMORY,
    NODE_CPU,
    LOAD_RUNNING,
    RUN_INFO,
    SLO_MET,
    SLO_MEASURED,
    SLO_ACTUAL,
    SLO_TARGET,
    VERDICT,
)
"""All metrics, in the order in which they are documented and exposed."""
