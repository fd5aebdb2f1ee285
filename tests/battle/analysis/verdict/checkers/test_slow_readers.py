"""A slow reader must have been slow, and what it is late by is not put down to the gateway in silence."""

from pathlib import Path
from typing import Any

import pytest

from battle.analysis.log import Log
from battle.analysis.verdict.checkers.bench_limits import bench_within_limits
from battle.analysis.verdict.checkers.continuity import websocket_continuity
from battle.analysis.verdict.checkers.slow_readers import slow_readers
from battle.analysis.verdict.verdict import judge
from battle.scenario.slo.slo import Slo, SloSet
from battle.store.events import BenchLimitReached, Event
from tests.battle.histories import (
    MS,
    S,
    connection_changed,
    notified,
    open_history,
    phases,
    published,
    request,
    sample,
)

WAITED = BenchLimitReached(at_ns=2 * S, node="load-load.0", limit="read_rate", times=7, bound=20_000)


def planned(name: str = "load", read_rate: int | None = 20_000) -> dict[str, Any]:
    workloads = [{"type": "http_constant", "name": name, "read_rate": read_rate}]
    return {"scenario": {"name": "scripted", "workloads": workloads}}


def judged(tmp_path: Path, *events: Event, **header: Any) -> tuple[str, str] | None:
    with open_history(tmp_path, *phases(), sample(10 * S, 1), request(1), *events, **header) as run:
        finding = slow_readers(Log(run), SloSet())
    return None if finding is None else (finding.verdict, finding.summary)


def test_one_that_had_to_wait_says_so(tmp_path: Path) -> None:
    assert judged(tmp_path, WAITED, WAITED, **planned()) == (
        "PASS",
        "workload load reads at most 20,000 bytes per second, and waited 14 times for that",
    )


def test_one_that_never_had_to_wait_proves_nothing(tmp_path: Path) -> None:
    verdict, summary = judged(tmp_path, **planned()) or ("", "")
    assert verdict == "INCONCLUSIVE"
    assert "workload load should read slowly, but never had to wait: no more than 20,000 bytes" in summary


def test_nobody_speaks_of_readers_where_none_is_slow(tmp_path: Path) -> None:
    assert judged(tmp_path, **planned(read_rate=None)) is None


def test_it_is_no_limit_that_the_bench_met(tmp_path: Path) -> None:
    with open_history(tmp_path, *phases(), sample(10 * S, 1), request(1), WAITED, **planned()) as run:
        finding = bench_within_limits(Log(run), SloSet())
    assert finding is not None
    assert (finding.verdict, finding.summary) == ("PASS", "no node of the bench reached a limit")


def two_workloads(*events: Event) -> list[Event]:
    return [*phases(), sample(10 * S, 20), sample(10 * S, 20, workload="other"), WAITED, *events]


def taking(duration_ns: int, workload: str, first: int) -> list[Event]:
    return [request(first + number, number * S // 4, duration_ns, workload=workload) for number in range(20)]


@pytest.mark.parametrize(
    ("other_ns", "name", "status"),
    [(5 * MS, None, "not_measured"), (900 * MS, None, "missed"), (5 * MS, "load", "missed")],
    ids=["the others met it", "the others missed it too", "it is asked of the slow one"],
)
def test_what_slow_readers_alone_miss_is_not_put_down_to_the_gateway(
    tmp_path: Path, other_ns: int, name: str | None, status: str
) -> None:
    events = two_workloads(*taking(900 * MS, "load", 0), *taking(other_ns, "other", 100))
    with open_history(tmp_path, *events, **planned()) as run:
        judgement = judge(run, [Slo(p95_latency_ms=300, workload=name)])
    results = [*judgement.slos, *(one for own in judgement.workload_slos for one in own.slos)]
    assert [one.status for one in results] == [status]
    (reason,) = [one for one in judgement.reasons if "p95_latency_ms" in one]
    slow = "workload load reads at most 20,000 bytes per second, and waited 7 times for that"
    told = {
        None: f"{slow}, and the requests of the others met it",
        "load": f"{slow}, so its delays are partly its own",
    }
    if other_ns == 900 * MS:
        assert slow not in reason
    else:
        assert told[name] in reason


@pytest.mark.parametrize(
    ("missing", "why"),
    [(0, "and the others met it"), (None, "and nobody else subscribed"), (3, None)],
    ids=["the others got all", "there are no others", "the others missed some too"],
)
def test_heads_that_slow_readers_alone_miss_are_not_put_down_to_the_gateway(
    tmp_path: Path, missing: int | None, why: str | None
) -> None:
    events = [*subscribed("1", "heads"), *(notified(number, number * S + 5 * MS) for number in range(1, 3))]
    if missing is not None:
        events += subscribed("2", "quick")
        events += [
            notified(number, number * S + 5 * MS, "2", workload="quick") for number in range(1, 7 - missing)
        ]
    heads = [published(number, number * S) for number in range(1, 7)]
    with open_history(tmp_path, *phases(), *heads, *events, **planned_heads()) as run:
        (result,) = judge(run, [Slo(max_missed_heads=0)]).slos
    if why is None:
        assert result.status == "missed"
    else:
        assert result.status == "not_measured"
        assert why in (result.note or "")


def subscribed(connection: str, workload: str) -> list[Event]:
    return [
        connection_changed("connected", 0, connection, name=workload),
        connection_changed("subscribed", MS, connection, subscription="s", kind="newHeads", name=workload),
    ]


def planned_heads() -> dict[str, Any]:
    workloads = [
        {"type": "ws_subscribe", "name": "heads", "read_rate": 400, "connections": 1, "subscriptions": 1}
    ]
    return {"scenario": {"name": "scripted", "workloads": workloads}}


@pytest.mark.parametrize(("read_rate", "verdict"), [(400, "PASS"), (None, "FAIL")])
def test_what_a_slow_subscriber_has_not_read_is_not_missing(
    tmp_path: Path, read_rate: int | None, verdict: str
) -> None:
    events = [
        connection_changed("connected", 0),
        connection_changed("subscribed", 1 * MS, subscription="s", kind="newHeads"),
        *(published(number, number * S) for number in range(1, 6)),
        *(notified(number, number * S + 5 * MS) for number in range(1, 3)),
    ]
    with open_history(tmp_path, *phases(), *events, **planned("heads", read_rate)) as run:
        finding = websocket_continuity(Log(run), SloSet())
    assert finding is not None
    assert finding.verdict == verdict
