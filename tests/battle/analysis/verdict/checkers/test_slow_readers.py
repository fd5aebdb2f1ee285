"""A slow reader must have been slow, and what it is late by is not put down to the gateway in silence."""

from pathlib import Path
from typing import Any

import pytest

from battle.analysis.log import Log
from battle.analysis.verdict.checkers.bench_limits import bench_within_limits
from battle.analysis.verdict.checkers.continuity import websocket_continuity
from battle.analysis.verdict.checkers.slow_readers import slow_reader_texts, slow_readers
from battle.analysis.verdict.verdict import judge
from battle.scenario.slo.slo import Slo, SloSet
from battle.store.events import BenchLimitReached, Event
from tests.battle.histories import (
    MS,
    S,
    connection_changed,
    failed,
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


@pytest.mark.parametrize(("name", "told"), [("load", True), ("other", False)])
def test_a_missed_target_names_the_slow_reader_it_is_about(tmp_path: Path, name: str, told: bool) -> None:
    late = failed(2, 3 * S, 500 * MS, failure="timeout", workload=name)
    events = (sample(10 * S, 1), sample(10 * S, 1, workload="other"), request(1), late, WAITED)
    slos = [Slo(success_rate=1.0, workload=name)]
    with open_history(tmp_path, *phases(), *events, **planned()) as run:
        judgement = judge(run, slos)
        assert slow_reader_texts(Log(run), None) == slow_reader_texts(Log(run), "load") != []
    assert any("so its delays are partly its own" in reason for reason in judgement.reasons) is told


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
