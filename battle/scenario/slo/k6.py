"""Thresholds as k6 writes them, as SLOs: `http_req_duration: ["p(95)<200"]` is `Slo(p95_latency_ms=200)`. Pure.

A threshold becomes the one target that means the same, or it is refused with what to write instead: none is rounded
to the next best. `<` and `<=` are the same, as in SLOs in words. The differences that stay are in docs/slo.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec

from battle.actors.spec.base import nearest
from battle.errors import ScenarioError
from battle.scenario.slo.metrics import METRICS
from battle.scenario.slo.slo import Slo

_TEXT = re.compile(
    r"\s*(?P<of>avg|min|max|med|count|rate|value|p\(\s*(?P<percent>\d{1,3}(?:\.\d{1,9})?)\s*\))"
    r"\s*(?P<operator><=|>=|===|==|!=|<|>)\s*(?P<number>[-+]?(?:\d{1,15}(?:\.\d{0,15})?|\.\d{1,15}))\s*"
)
_NAME = re.compile(r"\s*(?P<metric>[A-Za-z_][A-Za-z0-9_.]*)\s*(?:\{(?P<tags>[^{}]*)\})?\s*")
_OF_KIND = {
    "trend": "avg, min, max, med and p(N)",
    "counter": "count and rate",
    "rate": "rate",
    "gauge": "value",
}
_FIELDS = ("threshold", "abortOnFail", "delayAbortEval")

PERCENTILES = {
    Decimal(50): "p50_latency_ms",
    Decimal(90): "p90_latency_ms",
    Decimal(95): "p95_latency_ms",
    Decimal(99): "p99_latency_ms",
    Decimal("99.9"): "p999_latency_ms",
}
"""The percentiles of `http_req_duration` that are SLOs."""

_PHASE = (
    "it is not measured on its own: use http_req_duration, from the scheduled time to the end of the answer"
)
_LOAD = "it is about the load itself, which the workloads of the scenario set: leave it out"
_BYTES = "bytes are no SLO here: leave it out"
_WEBSOCKET = "WebSockets have SLOs of their own: max_disconnects, max_missed_heads, max_head_delay_ms"

Kind: TypeAlias = Literal["trend", "counter", "rate", "gauge"]


class K6Metric(NamedTuple):
    """A metric that k6 has by itself. `refused`: what to write instead; None when some of its thresholds are SLOs."""

    kind: Kind
    refused: str | None = None


K6_METRICS: dict[str, K6Metric] = {
    "http_req_duration": K6Metric("trend"),
    "http_req_failed": K6Metric("rate"),
    "checks": K6Metric("rate"),
    "http_reqs": K6Metric("counter"),
    "http_req_blocked": K6Metric("trend", _PHASE),
    "http_req_connecting": K6Metric("trend", _PHASE),
    "http_req_tls_handshaking": K6Metric("trend", _PHASE),
    "http_req_sending": K6Metric("trend", _PHASE),
    "http_req_waiting": K6Metric("trend", _PHASE),
    "http_req_receiving": K6Metric("trend", _PHASE),
    "iteration_duration": K6Metric("trend", "there are no iterations here: use http_req_duration"),
    "group_duration": K6Metric("trend", "there are no groups here: use http_req_duration"),
    "iterations": K6Metric("counter", _LOAD),
    "dropped_iterations": K6Metric(
        "counter",
        "leave it out: a load generator that falls behind makes the run INCONCLUSIVE without an SLO",
    ),
    "vus": K6Metric("gauge", _LOAD),
    "vus_max": K6Metric("gauge", _LOAD),
    "data_sent": K6Metric("counter", _BYTES),
    "data_received": K6Metric("counter", _BYTES),
    "ws_connecting": K6Metric("trend", _WEBSOCKET),
    "ws_session_duration": K6Metric("trend", _WEBSOCKET),
    "ws_ping": K6Metric("trend", _WEBSOCKET),
    "ws_sessions": K6Metric("counter", _WEBSOCKET),
    "ws_msgs_sent": K6Metric("counter", _WEBSOCKET),
    "ws_msgs_received": K6Metric("counter", _WEBSOCKET),
    "grpc_req_duration": K6Metric("trend", "Battle sends no gRPC: use http_req_duration"),
}
"""All metrics of k6 that thresholds are commonly on; those of browsers and your own are refused by `_unknown`."""


class ThresholdError(ValueError):
    """A threshold that is no SLO: the message says what to write instead."""


class Threshold(NamedTuple):
    """What one threshold is: the target of a metric, of the whole run or of one workload."""

    metric: str
    limit: float
    workload: str | None = None


class Mistake(NamedTuple):
    """One threshold that is no SLO: the name that it is under, and why."""

    name: str
    text: str


class Targets(msgspec.Struct, frozen=True):
    """The targets that thresholds are, by the workload that each is of (None: the whole run), and all mistakes."""

    by_workload: dict[str | None, dict[str, float]] = {}
    mistakes: tuple[Mistake, ...] = ()


class _Parsed(NamedTuple):
    k6: str
    text: str
    of: str
    percent: Decimal | None
    operator: str
    number: Decimal
    workload: str | None

    def sql(self, selected: str) -> str:
        """The same as an SLO on SQL, in the words of a file and of `Slo.sql`."""
        where = (
            ""
            if self.workload is None
            else f" WHERE workload = '{self.workload.replace(chr(39), chr(39) * 2)}'"
        )
        operator = "==" if self.operator == "===" else self.operator
        return f'query = "SELECT {selected} FROM requests{where}", limit = "{operator} {self.number}"'


def k6_thresholds(thresholds: Mapping[str, Sequence[str | Mapping[str, Any]]]) -> list[Slo]:
    """The SLOs that thresholds of k6 are: `k6_thresholds({"http_req_duration": ["p(95)<200"]})`.

    Arguments: `thresholds` is what stands in `options.thresholds` of a k6 script: lists of texts, or of objects with
    `threshold`, by the names of metrics. Latencies are in milliseconds. A tag `scenario` in a name,
    "http_req_duration{scenario:reads}", is the name of a workload. `abortOnFail` is taken and ignored.

    Returns: an `Slo` of the whole run, and one for each workload that is named.

    Raises:
        ScenarioError: naming every threshold that has no SLO which means the same, with what to write instead.
    """
    targets = targets_of(thresholds)
    if targets.mistakes:
        raise ScenarioError("k6 thresholds", [f"{name}: {text}" for name, text in targets.mistakes])
    return [Slo(workload=workload, **found) for workload, found in targets.by_workload.items()]  # type: ignore[arg-type]  # names are fields


def targets_of(thresholds: object) -> Targets:
    """The targets that these are, and each that is none."""
    if not isinstance(thresholds, Mapping):
        return Targets(mistakes=(Mistake("", f"expected a table of lists by metric, not {thresholds!r}"),))
    by_workload: dict[str | None, dict[str, float]] = {}
    mistakes = []
    for name, listed in thresholds.items():
        for one in listed if isinstance(listed, list | tuple) else [None]:
            try:
                found = read_threshold(str(name), _text_of(one))
                own = by_workload.setdefault(found.workload, {})
                if found.metric in own:
                    raise ThresholdError(
                        f"{_text_of(one)!r}: {found.metric} is given twice: keep the stricter one"
                    )
                own[found.metric] = found.limit
            except ThresholdError as error:
                mistakes.append(Mistake(str(name), str(error)))
    whole_first = sorted(by_workload.items(), key=lambda pair: pair[0] is not None)
    return Targets(dict(whole_first), tuple(mistakes))


def read_threshold(name: str, text: str) -> Threshold:
    """What a threshold under the name of a metric means. Raises ThresholdError."""
    parsed = _parsed(name, text)
    metric = K6_METRICS.get(parsed.k6)
    if metric is None:
        raise ThresholdError(_unknown(parsed.k6))
    if metric.refused is not None:
        raise ThresholdError(f"{text!r}: {metric.refused}")
    _refuse_other_kind(parsed, metric.kind)
    match parsed.k6:
        case "http_req_duration":
            target = _latency(parsed)
        case "http_req_failed":
            target = _success(parsed)
        case "checks":
            target = _checks(parsed)
        case _:
            target = _requests(parsed)
    if problem := METRICS[target.metric].problem(target.limit):
        raise ThresholdError(f"{text!r} would be {target.metric} = {target.limit:g}: it {problem}")
    return target


def _text_of(one: object) -> str:
    """The threshold in an item of a list, which is a text or an object. Raises ThresholdError."""
    if isinstance(one, str):
        return one
    if not isinstance(one, Mapping):
        raise ThresholdError('expected a list of thresholds such as ["p(95)<200"]')
    if unknown := [str(field) for field in one if field not in _FIELDS]:
        raise ThresholdError(f"a threshold has no field {unknown[0]!r}; its fields are {', '.join(_FIELDS)}")
    text = one.get("threshold")
    if not isinstance(text, str):
        raise ThresholdError('`threshold` is missing; write {threshold = "p(95)<200"}')
    return text


def _parsed(name: str, text: str) -> _Parsed:
    named, match = _NAME.fullmatch(name), _TEXT.fullmatch(text)
    if named is None:
        raise ThresholdError("this is no name of a k6 metric, such as http_req_duration{scenario:reads}")
    if match is None:
        raise ThresholdError(
            f'{text!r} is no threshold: one reads like "p(95)<200", "med<100" or "rate<0.01"'
        )
    percent = Decimal(50) if match["of"] == "med" else Decimal(match["percent"] or -1)
    if percent > 100:
        raise ThresholdError(f"{text!r}: a percentile is from 0 to 100")
    return _Parsed(
        named["metric"],
        text,
        match["of"],
        None if percent < 0 else percent,
        match["operator"],
        Decimal(match["number"]),
        _workload(named["tags"]),
    )


def _workload(tags: str | None) -> str | None:
    """The workload that a name's tags choose. Raises ThresholdError."""
    workload = None
    for tag in (tags or "").split(",") if tags is not None else ():
        key, colon, value = (part.strip(" '\"") for part in tag.partition(":"))
        if key == "expected_response":
            raise ThresholdError(
                "leave the tag expected_response out: here a request that failed counts as longer than any"
            )
        if key != "scenario":
            raise ThresholdError(
                f"there is no tag {key!r} here: only scenario:NAME can be kept, as the name of a workload. "
                f'For one JSON-RPC method write an SLO with method = "eth_call"'
            )
        if not colon or not value or workload is not None:
            raise ThresholdError("a tag reads like scenario:NAME, and is given once")
        workload = value
    return workload


def _unknown(name: str) -> str:
    meant = nearest(name, K6_METRICS)
    hint = f"did you mean {meant}? If it is your own:" if meant else "of a metric of your own"
    return f"k6 has no metric {name!r} that Battle knows; {hint} write an SLO on SQL (`queries`, Slo.sql)"


def _refuse_other_kind(parsed: _Parsed, kind: Kind) -> None:
    known = _OF_KIND[kind]
    if ("p(N)" if parsed.of.startswith("p(") else parsed.of) not in re.split(", | and ", known):
        raise ThresholdError(f"{parsed.text!r}: {parsed.k6} of k6 is a {kind} and has {known} only")


def _latency(parsed: _Parsed) -> Threshold:
    if parsed.percent is None:
        selected = f"{parsed.of}(ended_ns - scheduled_ns) / 1e6"
        raise ThresholdError(
            f"{parsed.text!r}: {parsed.of} of all latencies is no SLO: write a percentile such as "
            f'"p(95)<200", or an SLO on SQL: {parsed.sql(selected)}'
        )
    if parsed.operator not in ("<", "<="):
        raise ThresholdError(f"{parsed.text!r}: a latency is limited by < or <=")
    if parsed.percent not in PERCENTILES:
        known = ", ".join(f"p({percent})" for percent in PERCENTILES)
        share = parsed.percent / 100
        selected = f"latency_percentile(outcome, scheduled_ns, ended_ns, {share}) / 1e6"
        raise ThresholdError(
            f"{parsed.text!r}: the percentiles that are SLOs are {known}: "
            f"write one of them, or an SLO on SQL: {parsed.sql(selected)}"
        )
    return Threshold(PERCENTILES[parsed.percent], _number(parsed.number), parsed.workload)


def _success(parsed: _Parsed) -> Threshold:
    if parsed.operator in ("==", "===") and parsed.number == 0:
        return Threshold("success_rate", 1.0, parsed.workload)
    if parsed.operator not in ("<", "<="):
        raise ThresholdError(f"{parsed.text!r}: the share that fails is limited by < or <=, or it is ==0")
    if parsed.number < 0 or (parsed.number == 0 and parsed.operator == "<"):
        raise ThresholdError(f'{parsed.text!r}: no share is below 0: write "rate==0"')
    return Threshold("success_rate", float(1 - parsed.number), parsed.workload)


def _checks(parsed: _Parsed) -> Threshold:
    if parsed.operator in ("==", "===", ">=") and parsed.number == 1:
        return Threshold("max_wrong_answers", 0, parsed.workload)
    raise ThresholdError(
        f"{parsed.text!r}: every answer is checked, and wrong ones are limited by number: "
        f'write "rate==1" for none, or max_wrong_answers = 10; requests that fail are in success_rate'
    )


def _requests(parsed: _Parsed) -> Threshold:
    selected = "count(sent_ns)" if parsed.of == "count" else "count(sent_ns) * 1e9 / max(ended_ns)"
    raise ThresholdError(
        f"{parsed.text!r}: the scenario sets how many requests are sent: write it as the rate of a workload; "
        f"a load that could not be sent makes the run INCONCLUSIVE. "
        f"For users that wait for answers write an SLO on SQL: {parsed.sql(selected)}"
    )


def _number(number: Decimal) -> float:
    return int(number) if number == int(number) else float(number)
