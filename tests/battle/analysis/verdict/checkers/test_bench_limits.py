"""What the bench itself could not do is no doing of the gateway's, and is named."""

from pathlib import Path

import pytest

from battle.analysis.log import Log
from battle.analysis.verdict.checkers.bench_limits import bench_within_limits
from battle.analysis.verdict.verdict import judge
from battle.scenario.slo.slo import SloSet
from battle.store.events import BenchLimit, BenchLimitReached, Event
from tests.battle.histories import MS, S, open_history, phases


def limit(name: BenchLimit, at_ns: int = 2 * S, **changes: object) -> Event:
    fields: dict[str, object] = {"at_ns": at_ns, "node": "load-main.0", "limit": name, "times": 1}
    return BenchLimitReached(**{**fields, **changes})  # type: ignore[arg-type]


def found(tmp_path: Path, *events: Event) -> tuple[str, str]:
    with open_history(tmp_path, *phases(), *events) as run:
        finding = bench_within_limits(Log(run), SloSet())
    assert finding is not None
    return finding.verdict, finding.summary


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (
            limit("open_files", times=35, detail="accepting a connection: Too many open files"),
            "load-main.0 reached the machine's limit of open files: raise it (ulimit -n); 35 times, "
            "first at 2.000 s (accepting a connection: Too many open files)",
        ),
        (
            limit("open_files", node="gateway", detail="x"),
            "the gateway reached the machine's limit of open files",
        ),
        (limit("processes", detail="x"), "limit of processes: raise it (ulimit -u"),
        (limit("memory", detail="x"), "limit of memory"),
        (limit("ports", detail="x"), "limit of local ports"),
        (
            limit("standstill", at_ns=15 * S, node="coordinator", duration_ns=13 * S),
            "the coordinator was stopped for 13 s until 15.000 s (Ctrl-Z, or the machine was paused): run again",
        ),
        (
            limit("connections", times=8976, bound=1024, duration_ns=9 * S),
            "load-main.0 reached its limit of 1,024 connections (max_connections): 8,976 requests waited up to 9 s",
        ),
        (
            limit("unread", times=3, bound=8 * 2**20),
            "load-main.0 dropped 3 connections on which more than 8 MiB waited to be read, or more than "
            "its share of the total: send smaller requests, or fewer at once",
        ),
        (
            limit("kept", node="a", bound=64 * 2**20),
            "provider a kept more than 64 MiB of answers that had not been read, first at 2.000 s, and accepted no "
            "more",
        ),
    ],
    ids=["files", "gateway", "processes", "memory", "ports", "standstill", "connections", "unread", "kept"],
)
def test_a_limit_that_was_met_is_named(tmp_path: Path, event: Event, said: str) -> None:
    verdict, summary = found(tmp_path, event)
    assert verdict == "INCONCLUSIVE"
    assert said in summary


@pytest.mark.parametrize(
    "event",
    [
        limit("connections", times=3, bound=4, duration_ns=2 * MS),
        limit("standstill", at_ns=30 * S, duration_ns=5 * S, node="coordinator"),
        limit("standstill", at_ns=-1, duration_ns=5 * S, node="coordinator"),
        limit("open_files", at_ns=11 * S, detail="after the load"),
    ],
    ids=["short waits", "after the load", "before the load", "a limit after the load"],
)
def test_what_distorted_nothing_is_no_doubt(tmp_path: Path, event: Event) -> None:
    assert found(tmp_path, event)[0] == "PASS"


def test_the_verdict_hears_of_it(tmp_path: Path) -> None:
    with open_history(tmp_path, *phases(), limit("open_files", detail="x")) as run:
        judgement = judge(run, None)
    assert any("open files" in reason for reason in judgement.reasons)
