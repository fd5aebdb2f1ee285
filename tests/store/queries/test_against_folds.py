"""The report's numbers are those of a naive fold over the same events, whatever these are."""

import math
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from battle.analysis.log import Log
from battle.analysis.verdict.requests import latency_rows
from battle.store.events import Event, GatewayAttemptEnded, RequestEnded
from tests.asking import asked
from tests.battle.histories import MS, S, against, failed, open_history, request, tried

RANKS = {"p50_ns": 500, "p90_ns": 900, "p95_ns": 950, "p99_ns": 990, "p999_ns": 999}
"""Of a thousand."""

some_requests = st.lists(
    st.tuples(st.sampled_from(["reads", "writes"]), st.integers(2 * MS, 400 * MS), st.integers(0, 9)),
    max_size=60,
)
some_attempts = st.lists(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(1, 50), st.integers(1, 30)), min_size=1, max_size=4
    ),
    max_size=40,
)


def requests_of(drawn: Sequence[tuple[str, int, int]]) -> list[RequestEnded]:
    """One in ten fails."""
    return [
        (request if luck else failed)(number, number * MS, took_ns, workload=workload)
        for number, (workload, took_ns, luck) in enumerate(drawn)
    ]


def attempts_of(drawn: Sequence[Sequence[tuple[str, int, int]]]) -> list[GatewayAttemptEnded]:
    """All attempts of a request fail but the last, and of every fifth request that one as well."""
    made = []
    for number, tries in enumerate(drawn):
        at_ns = number * 200 * MS
        for place, (provider, wait, took) in enumerate(tries):
            at_ns += wait * MS
            good = place == len(tries) - 1 and number % 5 > 0
            outcome = "ok" if good else "error"
            made.append(tried(number, provider, at_ns, at_ns + took * MS, outcome, attempt=place + 1))
            at_ns += took * MS
    return made


def rank(values: Sequence[float], thousandths: int) -> float | None:
    """The value that so many of a thousand do not exceed; None when that is infinite."""
    place = max(1, -(-len(values) * thousandths // 1000))
    found = sorted(values)[place - 1]
    return None if math.isinf(found) else found


@settings(max_examples=25, deadline=None)
@given(some_requests)
def test_latencies(drawn: list[tuple[str, int, int]]) -> None:
    requests = requests_of(drawn)
    expected: dict[tuple[str | None, str], dict[str, float | None]] = {}
    for workload in {None, *(one.workload for one in requests)}:
        mine = [one for one in requests if workload in (None, one.workload)]
        for clock in ("due", "sent"):
            waits = [_wait(one, clock) if one.outcome == "ok" else math.inf for one in mine]
            good = [wait for wait in waits if not math.isinf(wait)]
            if waits:
                expected[workload, clock] = {
                    **{name: rank(waits, thousandths) for name, thousandths in RANKS.items()},
                    "max_ns": max(good, default=None),
                    "requests": len(waits),
                }
    with TemporaryDirectory() as scratch, open_history(Path(scratch), *requests) as run:
        rows = latency_rows(Log(run))
    found = {
        (row.workload, row.clock): {name: getattr(row, name) for name in (*RANKS, "max_ns", "requests")}
        for row in rows
        if row.clock != "late"
    }
    assert found == expected


def _wait(one: RequestEnded, clock: str) -> int:
    begun_ns = one.scheduled_ns if clock == "due" else one.sent_ns
    assert begun_ns is not None
    return one.ended_ns - begun_ns


@settings(max_examples=25, deadline=None)
@given(some_attempts)
def test_failovers(drawn: list[list[tuple[str, int, int]]]) -> None:
    attempts = attempts_of(drawn)
    by_request: dict[str | None, list[GatewayAttemptEnded]] = defaultdict(list)
    for one in attempts:
        by_request[one.request_id].append(one)
    costs, answered = [], 0
    for tries in by_request.values():
        if len(tries) > 1:
            answering = next((one for one in tries if one.outcome == "ok"), None)
            answered += answering is not None
            costs.append((answering.started_ns if answering else tries[-1].ended_ns) - tries[0].started_ns)
    (summary,) = _ask("failovers_summary", attempts, limit=3)
    assert (summary.failovers, summary.answered) == (len(costs), answered)
    assert summary.cost_max_ns == max(costs, default=None)
    assert [slow["cost_ns"] for slow in summary.slowest] == sorted(costs, reverse=True)[:3]
    if costs:
        ranks = (summary.cost_p50_ns, summary.cost_p95_ns, summary.cost_p99_ns)
        assert ranks == (rank(costs, 500), rank(costs, 950), rank(costs, 990))
        assert abs(summary.cost_mean_ns - sum(costs) / len(costs)) <= 1


@settings(max_examples=15, deadline=None)
@given(some_attempts)
def test_attempts_counted_by_tenths_of_a_second_are_all_of_them(
    drawn: list[list[tuple[str, int, int]]],
) -> None:
    attempts = attempts_of(drawn)
    found = {row.provider: (row.attempts, row.failed) for row in _ask("provider_shares", attempts)}
    assert found == {
        provider: (len(mine), sum(one.outcome != "ok" for one in mine))
        for provider in {one.provider for one in attempts}
        if (mine := [one for one in attempts if one.provider == provider])
    }


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.tuples(st.booleans(), st.integers(0, 300)), min_size=1, max_size=4), max_size=30))
def test_attempts_of_requests_that_had_several(drawn: list[list[tuple[bool, int]]]) -> None:
    """Any of them may have ended ok, also the first one beside a hedge, and they may begin in any order."""
    attempts = [
        tried(number, "a", start, start + MS, "ok" if good else "error", attempt=place, hedged=place > 1)
        for number, tries in enumerate(drawn)
        for place, (good, start) in enumerate(tries, start=1)
    ]
    expected = sorted(
        (f"r{number}", place, "ok" if good else "error", start, min(start for _, start in tries))
        for number, tries in enumerate(drawn)
        if len(tries) > 1
        for place, (good, start) in enumerate(tries, start=1)
    )
    with TemporaryDirectory() as scratch, open_history(Path(scratch), *attempts) as run:
        columns = "request_id, attempt, outcome, started_ns, first_started_ns"
        assert asked(run, f"SELECT {columns} FROM repeated_attempts ORDER BY ALL").rows == expected


def _ask(query: str, events: Sequence[Event], **parameters: object) -> list[Any]:
    with TemporaryDirectory() as scratch, open_history(Path(scratch), *events, **against("embedded")) as run:
        return run.query(query, **parameters)


def test_the_draw_covers_more_than_a_second() -> None:
    """Else nothing would be told of cells and seconds."""
    assert attempts_of([[("a", 1, 1)]] * 8)[-1].started_ns > S
