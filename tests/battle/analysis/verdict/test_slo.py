"""What an SLO may say, and how it compares with what was measured."""

from pathlib import Path

import msgspec
import pytest

from battle.analysis.log import Log
from battle.analysis.verdict.measures import MEASURED, measures
from battle.analysis.verdict.metrics import READINGS
from battle.analysis.verdict.parts import WHOLE_PART, part_of_workload
from battle.analysis.verdict.slo_comparison import Measure, compare
from battle.analysis.verdict.slo_text import slo_text
from battle.analysis.verdict.verdict import judge
from battle.scenario.slo.metrics import METRICS
from battle.scenario.slo.slo import Slo
from battle.store.events import Event
from tests.asking import asked
from tests.battle.histories import (
    MS,
    S,
    breaker,
    connection_changed,
    failed,
    fault,
    node_sample,
    open_history,
    phases,
    published,
    request,
    served,
    subscribed,
    tried,
)

ALL = Slo(
    success_rate=0.99,
    p50_latency_ms=100,
    p95_latency_ms=300,
    p99_latency_ms=500,
    max_failover_latency_ms=2000,
    min_failovers=1,
    min_breaker_changes=2,
    max_memory_mb=256,
    max_wrong_answers=0,
    max_stale_answers=0,
    max_attempts_per_request=2,
    max_missed_heads=0,
    max_duplicate_heads=0,
    max_head_delay_ms=500,
    max_silence_ms=5000,
    max_disconnects=0,
)


def measured(metric: str, value: float | None, *, known: bool = True) -> dict[str, Measure]:
    nothing = dict.fromkeys(MEASURED, Measure("query", False))
    return {**nothing, metric: Measure("query", known, value, None if known else "why")}


def test_every_metric_is_a_field() -> None:
    scopes = ["queries", "when", "fault", "grace", "workload", "method"]
    assert [*METRICS, *scopes] == list(Slo.__struct_fields__)
    assert len({one.place for one in METRICS.values()}) == len(METRICS)


def test_every_metric_is_measured_in_one_way() -> None:
    """By its own question, by a shipped one, or by what reads it from the log."""
    for name, metric in METRICS.items():
        reading = READINGS.get(name)
        ways = [bool(metric.sql), bool(metric.query), reading is not None and reading.measure is not None]
        assert sum(ways) == 1, f"{name}: {ways}"
    assert all(METRICS[name] is reading.metric for name, reading in READINGS.items())


def test_sensible_demands_have_no_problems() -> None:
    assert list(ALL.problems()) == []
    assert list(Slo().problems()) == []
    assert list(Slo(min_failovers=0, max_wrong_answers=0).problems()) == []


@pytest.mark.parametrize(
    "slo",
    [
        Slo(success_rate=99),
        Slo(success_rate=0),
        Slo(p95_latency_ms=0),
        Slo(p95_latency_ms=float("nan")),
        Slo(max_failover_latency_ms=-1),
        Slo(min_failovers=-1),
        Slo(max_memory_mb=0),
    ],
)
def test_each_problem_names_its_demand(slo: Slo) -> None:
    (problem,) = slo.problems()
    assert next(iter(slo.targets())) in problem


def test_unknown_demand_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="p96"):
        msgspec.convert({"p96_latency_ms": 3}, Slo)


def test_demand_on_what_is_not_collected_is_a_problem() -> None:
    assert list(ALL.not_collected({"requests", "circuit_breaker", "system"})) == []
    assert list(ALL.not_collected({"requests"})) == [
        'slo: min_breaker_changes cannot be measured: add "circuit_breaker" to collect',
        'slo: max_memory_mb cannot be measured: add "system" to collect',
    ]


@pytest.mark.parametrize(
    ("slo", "metric", "value", "status"),
    [
        (Slo(success_rate=0.99), "success_ratio", 0.99, "met"),
        (Slo(success_rate=0.99), "success_ratio", 0.98999, "missed"),
        (Slo(p95_latency_ms=300), "p95_latency_ns", 300 * MS, "met"),
        (Slo(p95_latency_ms=300), "p95_latency_ns", 300 * MS + 1, "missed"),
        (Slo(p95_latency_ms=300), "p95_latency_ns", None, "missed"),
        (Slo(min_failovers=1), "failovers", 1, "met"),
        (Slo(min_failovers=1), "failovers", 0, "missed"),
        (Slo(max_memory_mb=100), "gateway_rss_max_bytes", 100_000_001, "missed"),
        (Slo(max_wrong_answers=0), "wrong_answers", 0, "met"),
    ],
)
def test_limits_are_inclusive(slo: Slo, metric: str, value: float | None, status: str) -> None:
    (result,) = compare(slo, measured(metric, value))
    assert result.status == status


def test_what_was_not_measured_is_never_met() -> None:
    (result,) = compare(Slo(max_memory_mb=100), measured("gateway_rss_max_bytes", 0, known=False))
    assert (result.status, result.note) == ("not_measured", "why")


def test_a_narrow_miss_reads_as_one() -> None:
    (late,) = compare(Slo(p95_latency_ms=300), measured("p95_latency_ns", 300 * MS + 40_000))
    assert slo_text(late) == "p95_latency_ms was missed: 300.04 ms (target ≤ 300 ms)"
    (roughly,) = compare(Slo(p95_latency_ms=300), measured("p95_latency_ns", 108_776_123))
    assert slo_text(roughly) == "p95_latency_ms 108.8 ms (target ≤ 300 ms)"
    (rate,) = compare(Slo(success_rate=0.99), measured("success_ratio", 0.98999996))
    assert slo_text(rate) == "success_rate was missed: 98.999 % (target ≥ 99 %)"


QUIET = [*subscribed(500 * MS), published(7, 0), *phases()]
"""A subscription after the chain's last head."""

HISTORIES: dict[str, list[Event]] = {
    "nothing": [],
    "requests alone": [request(1), request(2)],
    "some failed": [*(request(n, 0, n * MS) for n in range(1, 98)), *(failed(n) for n in range(97, 100))],
    "no answer was checked": [request(1, answer="none"), served(1, "a", 0)],
    "wrong answers": [request(1, answer="wrong"), request(2, answer="stale")],
    "failovers": [
        tried(1, "a", 0, MS, "error"),
        tried(1, "b", 7 * MS, 9 * MS, attempt=2),
        breaker(S, "closed", "open"),
    ],
    "failover in vain": [tried(1, "a", 0, MS, "error"), tried(1, "b", 7 * MS, 9 * MS, "error", attempt=2)],
    "memory": [node_sample(S, "gateway"), node_sample(S, "a", rss_bytes=10**9)],
    "a quiet chain": [*QUIET],
    "heads missed": [published(1, S), *subscribed(500 * MS)],
    "connections lost": [
        connection_changed("connected", 0),
        connection_changed("closed", S, closed_by="peer"),
    ],
    "nothing due at all": [
        *subscribed(500 * MS, None),
        connection_changed("unsubscribed", 9 * S, was_due=False),
        published(7, 0),
        *phases(),
    ],
    "all providers lag": [
        *fault("stale_head-a.1", 2 * S, 6 * S, kind="stale_head"),
        *fault("kill-b.1", 3 * S, 5 * S, target="b"),
        *(request(number, number * S, answer="stale") for number in range(1, 9)),
    ],
    "no memory": [node_sample(S, "gateway", rss_bytes=None)],
}


@pytest.mark.parametrize("name", HISTORIES)
def test_the_view_slo_says_the_same(name: str, tmp_path: Path) -> None:
    in_view = {metric.key for metric in METRICS.values() if not metric.sql}
    with open_history(tmp_path, *HISTORIES[name]) as run:
        view = {metric: (measured, value) for metric, value, measured in run.execute("FROM slo").rows}
        ours = {
            metric: (measure.known, measure.value)
            for metric, measure in measures(Log(run), WHOLE_PART, in_view).items()
        }
    assert {metric: told for metric, told in ours.items() if told[0]} == {
        metric: told for metric, told in view.items() if told[0]
    }
    assert ours.keys() == view.keys() == in_view


HEADS = Slo(max_missed_heads=0, max_duplicate_heads=0, max_head_delay_ms=1, max_silence_ms=1)


def test_slos_on_heads_are_met_when_none_was_due_and_say_so(tmp_path: Path) -> None:
    with open_history(tmp_path, *QUIET) as run:
        results = compare(HEADS, measures(Log(run), WHOLE_PART))
        part = compare(HEADS, measures(Log(run), part_of_workload("heads")))
    assert [(one.status, one.measured, one.note) for one in results] == [("met", 0, "no head was due")] * 4
    assert [one.status for one in part] == ["met"] * 4


def test_stale_answers_count_unless_no_provider_had_anything_newer(tmp_path: Path) -> None:
    header = {"scenario": {"name": "scripted", "providers": [{"name": "a"}, {"name": "b"}]}}
    with open_history(tmp_path, *HISTORIES["all providers lag"], *phases(), **header) as run:
        log = Log(run)
        (whole,) = compare(Slo(max_stale_answers=0), measures(log, WHOLE_PART))
        (view,) = asked(run, "SELECT value FROM slo WHERE metric = 'stale_answers'").rows
        (part,) = judge(run, Slo(max_stale_answers=0, when="during", fault="kill b")).slos
    # At 3, 4 seconds neither has a newer block; at 2, 5 seconds b has.
    assert (whole.measured, whole.note) == (6, "2 more while no provider had anything newer")
    assert view == (6,)
    assert (part.status, part.measured) == ("met", 0)


def test_disconnects_name_the_sides(tmp_path: Path) -> None:
    cuts = [
        connection_changed("closed", S, "1.1", closed_by="peer"),
        connection_changed("closed", 2 * S, "2.1", closed_by="us", detail="ping timeout"),
    ]
    with open_history(tmp_path, connection_changed("connected", 0), *cuts, *phases()) as run:
        (result,) = compare(Slo(max_disconnects=1), measures(Log(run), WHOLE_PART))
    assert (result.status, result.measured) == ("missed", 2)
    assert result.note == "1 by the gateway, 1 by the client"
