"""What the load did to the gateway, and the gateway to the providers: retries, leaks, wrong answers."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from battle.analysis.findings import Finding
from battle.analysis.log import Log
from battle.analysis.verdict.checkers.answers import answers_are_right
from battle.analysis.verdict.checkers.leaks import connections_leaked
from battle.analysis.verdict.checkers.retries import retry_amplification
from battle.analysis.verdict.verdict import judge
from battle.scenario.slo.slo import Slo, SloSet
from battle.store.database import open_run
from battle.store.events import Event
from tests.battle.histories import (
    MS,
    S,
    connection_changed,
    failed,
    fault,
    life,
    node_sample,
    open_history,
    phases,
    request,
    served,
    tried,
    write_run,
)

# retry_amplification


def hammered(attempts: int, *, outcome: str = "error", requests: int = 20, at_ns: int = 3 * S) -> list[Event]:
    """So many attempts for each of some requests, all in one second, in the midst of a calm load."""
    events: list[Event] = []
    for number in range(200):
        calm_ns = number * 50 * MS
        events += [request(number, calm_ns, 10 * MS), tried(number, "a", calm_ns + MS, calm_ns + 9 * MS)]
    for number in range(1000, 1000 + requests):
        events.append(failed(number, at_ns, 900 * MS))
        for attempt in range(attempts):
            began_ns = at_ns + attempt * 40 * MS
            events.append(tried(number, "a", began_ns, began_ns + MS, outcome, attempt=attempt + 1))
    return events


def retries(tmp_path: Path, events: list[Event], slo: Slo | None = None) -> Finding | None:
    with open_history(tmp_path, *events) as run:
        return retry_amplification(Log(run), SloSet(run=slo or Slo()))


def test_a_retry_storm_fails_and_names_its_second(tmp_path: Path) -> None:
    finding = retries(tmp_path, hammered(20))
    assert finding is not None
    assert (finding.verdict, finding.ids) == ("FAIL", ("second 3 of the run",))
    assert finding.summary.startswith(
        "a retry storm of 1 second: at 3.000 s of the run there were 420 attempts for 40 requests, 400 of them "
        "failed; in all 2.73"
    )


def test_a_few_retries_are_no_storm(tmp_path: Path) -> None:
    finding = retries(tmp_path, hammered(3))
    assert finding is not None
    assert (finding.verdict, finding.ids) == ("PASS", ())
    assert finding.summary == "1.18 attempts for each of 220 requests, 2.00 in the worst second"


def test_many_attempts_that_succeed_are_no_storm(tmp_path: Path) -> None:
    finding = retries(tmp_path, hammered(20, outcome="ok"))
    assert finding is not None
    assert finding.verdict == "PASS"


def test_retries_of_an_earlier_burst_are_for_that_burst(tmp_path: Path) -> None:
    """100 requests at once; all are tried again two seconds later, when few new ones are sent."""
    burst = [request(number, 0, 3 * S) for number in range(100)]
    first = [tried(number, "a", MS, 2 * MS, "error") for number in range(100)]
    second = [tried(number, "a", 2 * S + MS, 2 * S + 2 * MS, "error", attempt=2) for number in range(100)]
    few = [request(number, 2 * S, 10 * MS) for number in range(200, 212)]
    finding = retries(tmp_path, [*burst, *first, *second, *few])
    assert finding is not None
    assert finding.summary == "1.79 attempts for each of 112 requests, 2.00 in the worst second"


def test_a_gateway_without_a_log_is_seen_by_its_providers(tmp_path: Path) -> None:
    seen = [served(n % 20, "a", 3 * S + n * MS, MS, outcome="error") for n in range(400)]
    asked = [failed(n, 3 * S, 900 * MS) for n in range(20)]
    finding = retries(tmp_path, [*asked, *seen])
    assert finding is not None
    assert finding.verdict == "FAIL"


def test_each_call_of_a_batch_is_an_attempt_of_its_own(tmp_path: Path) -> None:
    seen = [served(n, "a", 3 * S + n * MS, MS, outcome="error") for n in range(400)]
    batches = [request(n * 20, 3 * S, 900 * MS, method="batch") for n in range(20)]
    header = {
        "scenario": {"name": "x", "workloads": [{"type": "http_constant", "name": "load", "batch": 20}]}
    }
    with open_history(tmp_path, *batches, *seen, **header) as run:
        finding = retry_amplification(Log(run), SloSet())
    assert finding is not None
    assert finding.summary == (
        "1.00 attempts for each of 400 requests, 1.00 in the worst second, as the providers saw them (a refused "
        "connection is not visible to them)"
    )


def test_the_slo_on_attempts_takes_precedence(tmp_path: Path) -> None:
    finding = retries(tmp_path, hammered(20), Slo(max_attempts_per_request=11))
    assert finding is not None
    assert finding.verdict == "PASS"
    for limit, status in ((10, "missed"), (11, "met")):
        with open_history(tmp_path / str(limit), *hammered(20)) as run:
            (result,) = judge(run, Slo(max_attempts_per_request=limit)).slos
        assert (result.status, result.measured) == (status, 10.5)


def test_attempts_that_nobody_logged_are_not_judged(tmp_path: Path) -> None:
    assert retries(tmp_path / "1", [request(1)]) is None
    with open_history(tmp_path / "2", request(1)) as run:
        (result,) = judge(run, Slo(max_attempts_per_request=3)).slos
    assert result.status == "not_measured"


# connections_leaked


def sampled(node: str = "gateway", seconds: int = 100, **growth: Any) -> list[Event]:
    """A sample a second; each of `growth` tells a value at a second."""
    return [
        node_sample(at * S, node, **{name: value(at) for name, value in growth.items()})
        for at in range(seconds)
    ]


def leaked(tmp_path: Path, *events: Event, end_ns: int = 100 * S) -> Finding | None:
    with open_run(
        write_run(tmp_path / "run", {"gateway": [*phases(end_ns=end_ns), *events]}, sealed=False)
    ) as run:
        return connections_leaked(Log(run), SloSet())


@pytest.mark.parametrize(
    ("growth", "words"),
    [
        ({"open_fds": lambda at: 10 + at}, "gateway went steadily from 28 to 100 open files"),
        ({"tasks": lambda at: 10 + at}, "gateway went steadily from 28 to 100 tasks"),
        (
            {"rss_bytes": lambda at: (50 + at) * 10**6},
            "gateway went steadily from 68 to 140 MB of memory",
        ),
    ],
)
def test_what_grows_all_through_a_steady_load_leaks(tmp_path: Path, growth: Any, words: str) -> None:
    finding = leaked(tmp_path, *sampled(**growth))
    assert finding is not None
    assert (finding.verdict, finding.ids) == ("FAIL", ("gateway",))
    assert finding.summary == words


@pytest.mark.parametrize(
    "growth",
    [
        {"open_fds": lambda at: 10 if at < 50 else 200},  # a pool that a fault made larger
        {"open_fds": lambda at: 10 + min(at, 64)},  # until it had enough
        {"open_fds": lambda at: 10 + at // 20},  # too little to matter
        {"open_fds": lambda at: 100 + at % 7 * 30},  # up and down
        {"open_fds": lambda at: 10 + min(at, 9) * 20},  # a warm-up
        {"open_fds": lambda at: round(40 - 30 * 0.97**at)},  # a pool that meets ever higher peaks
        {"rss_bytes": lambda at: 200 * 10**6 + at * 10**5},  # a twentieth
        {"rss_bytes": lambda at: None},
    ],
)
def test_what_does_not_grow_steadily_or_much_is_no_leak(tmp_path: Path, growth: Any) -> None:
    finding = leaked(tmp_path, *sampled(**growth))
    assert finding is not None
    assert (finding.verdict, finding.summary) == ("PASS", "no steady growth of files, tasks, memory")


def faulty(*starts_s: int, targets: str = "abcde", lasts_s: int = 6) -> list[Event]:
    """Faults at these times, each at the next of the targets, over and over."""
    events: list[Event] = []
    for at, start_s in enumerate(starts_s):
        target = targets[at % len(targets)]
        fault_id = f"error_rate-{target}.{at}"
        events += fault(fault_id, start_s * S, (start_s + lasts_s) * S, kind="error_rate", target=target)
    return events


EVERY_20_S = (15, 35, 55, 75, 92)


def during(at: int, starts_s: Sequence[int] = EVERY_20_S, lasts_s: int = 6) -> int:
    """How many seconds of faults there were until then."""
    return sum(min(max(at - start_s, 0), lasts_s) for start_s in starts_s)


@pytest.mark.parametrize(
    ("files", "targets"),
    [
        # A pool for each provider that had to take over, and flat between: 18 to 30 and more.
        (lambda at: 18 + 3 * sum(at > start_s for start_s in EVERY_20_S), "abcde"),
        (lambda at: 18 + 6 * sum(at > start_s for start_s in EVERY_20_S), "abcde"),
        # What is in flight to a provider that hangs needs connections until the first attempts time out.
        (lambda at: 18 + 2 * during(at, lasts_s=4), "abcde"),
        # The same provider over and over: the pool grew the first time.
        (lambda at: 18 + 30 * (at > EVERY_20_S[0]), "a"),
        # What a fault needs is given back.
        (lambda at: 18 + 30 * any(0 < at - start_s <= 6 for start_s in EVERY_20_S), "a"),
        # Connections of a provider that fails are lost, and made again slowly after it.
        (lambda at: 60 - 20 * any(0 < at - start_s <= 15 for start_s in EVERY_20_S), "abcde"),
        # Two providers take turns, then nothing is new; what waits is now more, now less.
        (lambda at: 18 + 12 * (at > 15) + 12 * (at > 35) + at % 5, "ab"),
    ],
)
def test_a_pool_that_faults_make_larger_is_no_leak(tmp_path: Path, files: Any, targets: str) -> None:
    finding = leaked(tmp_path, *sampled(open_fds=files), *faulty(*EVERY_20_S, targets=targets))
    assert finding is not None
    assert (finding.verdict, finding.severity) == ("PASS", None)


@pytest.mark.parametrize(
    ("files", "targets"),
    [
        (lambda at: 18 + at, "abcde"),  # all the time, whatever faults do
        (lambda at: 18 + at // 2, "a"),
        (lambda at: 18 + 8 * sum(at > start_s for start_s in EVERY_20_S), "a"),  # with each failover
        (lambda at: 18 + 2 * during(at, lasts_s=15), "a"),  # with each error
        (lambda at: 18 + 2 * during(at, lasts_s=15), "abcde"),  # with each error, of whichever provider
    ],
)
def test_what_grows_again_with_each_fault_leaks(tmp_path: Path, files: Any, targets: str) -> None:
    finding = leaked(tmp_path, *sampled(open_fds=files), *faulty(*EVERY_20_S, targets=targets, lasts_s=15))
    assert finding is not None
    assert (finding.verdict, finding.severity) == ("FAIL", "harm")


def test_both_providers_at_once_are_new_to_a_gateway_that_knows_each_alone(tmp_path: Path) -> None:
    alone = [*faulty(12, 28, targets="ab"), *faulty(45, targets="a", lasts_s=8), *faulty(47, targets="b")]
    more = [*faulty(65, targets="c"), *faulty(85, targets="d")]
    times = (12, 28, 47, 65, 85)
    finding = leaked(
        tmp_path, *sampled(open_fds=lambda at: 18 + 5 * sum(at > s for s in times)), *alone, *more
    )
    assert finding is not None
    assert finding.verdict == "PASS"


def test_faults_that_are_always_new_leave_too_little_to_see_a_leak(tmp_path: Path) -> None:
    changes = faulty(*range(10, 100, 8), targets="abcdefghijkl", lasts_s=4)
    finding = leaked(tmp_path, *sampled(open_fds=lambda at: 18 + at), *changes)
    assert finding is not None
    assert finding.verdict == "PASS"
    assert finding.summary == "the faults changed too often to separate a leak from what each change needs"


def test_a_part_of_the_test_bench_that_leaks_spoils_the_measurement(tmp_path: Path) -> None:
    finding = leaked(tmp_path, *sampled("a", open_fds=lambda at: 10 + at))
    assert finding is not None
    assert (finding.verdict, finding.ids) == ("INCONCLUSIVE", ("a",))


def test_a_load_that_grows_may_need_more(tmp_path: Path) -> None:
    load = [request(n, round(100 * S * (n / 1000) ** 0.5)) for n in range(1000)]
    finding = leaked(tmp_path, *sampled(open_fds=lambda at: 10 + at), *load)
    assert finding is not None
    assert (finding.verdict, finding.summary) == (
        "PASS",
        "the load grew, so growth of the nodes was not judged",
    )


def test_a_short_load_shows_no_leak(tmp_path: Path) -> None:
    finding = leaked(tmp_path, *sampled(seconds=10, open_fds=lambda at: 10 + 5 * at), end_ns=10 * S)
    assert finding is not None
    assert finding.summary == "the load was too short to see a slow leak: that takes about 30 s"


@pytest.mark.parametrize(
    ("growth", "severity"),
    [
        ({"open_fds": lambda at: 10 + 50 * at}, "warning"),
        ({"tasks": lambda at: 10 + 50 * at}, "warning"),
        ({"open_fds": lambda at: 10 + 500 * (at > 5)}, None),  # a pool that grew once
        ({"open_fds": lambda at: 900 + 50 * at}, None),
        ({"rss_bytes": lambda at: 10**7 * (1 + 10 * at)}, None),  # programs take memory as they warm up
    ],
)
def test_a_steep_growth_is_a_warning_also_in_a_short_load(
    tmp_path: Path, growth: Any, severity: str | None
) -> None:
    finding = leaked(tmp_path, *sampled(seconds=20, **growth), end_ns=20 * S)
    assert finding is not None
    assert (finding.verdict, finding.severity) == ("PASS", severity)
    steadily = re.search("gateway went steadily from .* to .*: let the load last longer", finding.summary)
    assert bool(steadily) == bool(severity)


def opened(count: int, *, close: bool, side: str = "gateway") -> list[Event]:
    events: list[Event] = []
    for number in range(count):
        at_ns = number * S
        events.append(connection_changed("connected", at_ns, str(number), side=side, name="a"))
        if close:
            events.append(connection_changed("closed", at_ns + S, str(number), side=side, name="a"))
    return events


@pytest.mark.parametrize("side", ["gateway", "provider"])
def test_connections_that_nobody_closes_heap_up(tmp_path: Path, side: str) -> None:
    finding = leaked(tmp_path / "1", *opened(50, close=False, side=side))
    assert finding is not None
    assert (finding.verdict, finding.summary) == (
        "FAIL",
        "the gateway had 50 WebSocket connections to a open at the end of the load, after 21 early in it",
    )
    calm = leaked(tmp_path / "2", *opened(50, close=True, side=side))
    assert calm is not None
    assert (calm.verdict, calm.summary) == ("PASS", "no steady growth of connections")


def test_a_connection_dies_with_its_node(tmp_path: Path) -> None:
    """A provider that was killed does not write down what it lost."""
    segments: dict[str, list[Event]] = {
        "coordinator": [
            *phases(end_ns=100 * S),
            life("a", "crashed", 60 * S, reason="killed by SIGKILL (fault kill-a.1)"),
        ],
        "a.1": opened(50, close=False, side="provider"),
    }
    with open_run(write_run(tmp_path / "run", segments, sealed=False)) as run:
        finding = connections_leaked(Log(run), SloSet())
        (row,) = run.query("open_connections")
    assert finding is not None
    assert (finding.verdict, row.connected, row.open_at_end) == ("PASS", 50, 0)


# answers_are_right


def answers(tmp_path: Path, *events: Event, slos: SloSet | None = None) -> Finding:
    with open_history(tmp_path, *events) as run:
        finding = answers_are_right(Log(run), slos or SloSet())
    assert finding is not None
    return finding


def test_wrong_answers_are_told_by_where_they_come_from(tmp_path: Path) -> None:
    swapped = request(1, 1, answer="wrong", outcome="error", failure="wrong_id")
    lied, invented, changed, strange = (request(n, n, answer="wrong") for n in (2, 3, 4, 5))
    seen = [
        served(2, "a", 0, fault_id="wrong_answer-a.1"),
        served(4, "a", 0),
        served(5, "a", 0, outcome="error"),
        *fault("wrong_answer-a.1", 0, S, kind="wrong_answer"),
    ]
    halved = request(6, 6, answer="wrong", outcome="error", failure="wrong_batch", method="batch")
    finding = answers(tmp_path, swapped, lied, invented, changed, strange, halved, *seen)
    assert finding.ids == ("r1", "r2", "r3", "r4", "r5", "r6")
    assert finding.summary.startswith("of 6 checked answers 6 were wrong and 0 stale; ")
    assert set(finding.summary.split("; ")[1:]) == {
        "1 had the id of another request (first: r1)",
        "1 came from a provider under a fault (first: r2)",
        "1 came from no known provider (first: r3)",
        "1 had the right answer from a provider, and another one at the client (first: r4)",
        "1 match no provider's log (first: r5)",
        "1 were batches with answers missing, repeated or not asked for (first: r6)",
    }


def test_a_fault_that_leaves_answers_true_made_nobody_lie(tmp_path: Path) -> None:
    """`a` refused under its fault, `b` was right, and the client got something else."""
    held = fault("error_rate-a.1", 0, S, kind="error_rate")
    refused = served(1, "a", 0, outcome="error", http_status=503, fault_id="error_rate-a.1")
    finding = answers(tmp_path, *held, refused, served(1, "b", 1), request(1, answer="wrong"))
    assert finding.summary.endswith(
        "; 1 had the right answer from a provider, and another one at the client (first: r1)"
    )


def test_answers_that_never_came_are_missing(tmp_path: Path) -> None:
    lost = failed(2, 0, outcome="unknown", failure="timeout")
    finding = answers(tmp_path, request(1), lost)
    assert finding.summary == "of 1 checked answer 0 were wrong and 0 stale; 1 answer missing"


def test_a_demand_on_one_workload_decides_for_that_one_alone(tmp_path: Path) -> None:
    events = [request(1, answer="wrong"), request(2, answer="wrong", workload="other")]
    one = SloSet(workloads={"load": Slo(max_wrong_answers=1)})
    assert answers(tmp_path / "1", *events, slos=one).verdict == "FAIL"
    both = SloSet(workloads={name: Slo(max_wrong_answers=1) for name in ("load", "other")})
    assert answers(tmp_path / "2", *events, slos=both).verdict == "PASS"
