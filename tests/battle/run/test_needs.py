"""What a run needs is known before it, and refused with the number when it cannot be had."""

import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from battle import (
    EmbeddedGateway,
    HttpBurst,
    HttpConstant,
    HttpRamp,
    HttpStep,
    HttpUsers,
    MockProvider,
    Scenario,
    WsSubscribe,
)
from battle.actors.units import seconds
from battle.errors import StartError
from battle.run.needs import (
    Machine,
    gateway_files,
    needs,
    require,
    shortages,
    this_machine,
)
from tests.extend.toys.pairs import HttpPairs

BIG = Machine(processes=10**9, memory_bytes=10**18, disk_bytes=10**18, open_files=10**12)
SMALL = Machine(processes=500, memory_bytes=8 * 10**9, disk_bytes=10**11, open_files=1024)


def scenario(*workloads: Any, **more: Any) -> Scenario:
    return Scenario("x", providers=[MockProvider("a")], workloads=list(workloads), **more)


def constant(**more: Any) -> HttpConstant:
    fields: dict[str, Any] = {"rate": 50, "duration": seconds(10), **more}
    return HttpConstant("eth_blockNumber", **fields)


def test_a_usual_run_needs_little() -> None:
    for world in ("live", "simulated"):
        assert list(shortages(needs(scenario(constant()), world), SMALL)) == []


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (scenario(constant(shards=100_000)), "it needs 100,002 processes, and at most 500 are available"),
        (
            scenario(constant(shards=100_000)),
            "it needs at least 3.1 TB of memory, and this machine has 8.0 GB",
        ),
        (
            scenario(HttpUsers("eth_blockNumber", users=10_000, duration=seconds(5))),
            "load 1 needs 10,032 open files, and the limit is 1,024: raise it (ulimit -Hn)",
        ),
        (scenario(WsSubscribe(connections=10**9, duration=seconds(5))), "1,000,000,032 open files"),
        (scenario(constant(rate=10**6, duration=seconds(3600))), "its log needs at least 540.0 GB"),
        (
            scenario(*[HttpUsers("eth_blockNumber", users=600, duration=seconds(5))] * 2),
            "the embedded gateway needs 1,232 open files",
        ),
        (scenario(constant(shards=300)), "the coordinator needs 1,336 open files"),
    ],
)
def test_what_cannot_be_had_is_named_with_the_number(one: Scenario, said: str) -> None:
    assert said in "; ".join(shortages(needs(one, "live"), SMALL))
    assert list(shortages(needs(one, "live"), BIG)) == []


def test_the_simulated_world_needs_no_processes_and_no_descriptors_but_memory() -> None:
    many = scenario(WsSubscribe(connections=10**9, duration=seconds(5)))
    told = list(shortages(needs(many, "simulated"), SMALL))
    assert [text for text in told if "open files" in text or "processes" in text] == []
    assert any("memory" in text for text in told)


def test_users_that_share_connections_need_no_more_than_those() -> None:
    users = HttpUsers("eth_blockNumber", users=10_000, duration=seconds(5), max_connections=100)
    assert list(shortages(needs(scenario(users, gateway=EmbeddedGateway()), "live"), SMALL)) == []


def test_all_that_is_missing_is_refused_at_once_and_before_anything_is_written(tmp_path: Path) -> None:
    one = scenario(constant(shards=10**7))
    with pytest.raises(StartError, match=r"cannot hold the run: .* processes, .* of memory"):
        require(one, "live", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_that_counts_no_blocks_is_not_a_full_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for total, room in ((0, sys.maxsize), (10**9, 0)):
        monkeypatch.setattr("shutil.disk_usage", lambda place, total=total: _Usage(total, total, 0))
        assert this_machine(tmp_path).disk_bytes == room


class _Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.mark.parametrize(
    ("workload", "connections"),
    [
        (HttpUsers("eth_blockNumber", users=3900, duration=seconds(5)), 3900),
        (HttpUsers("eth_blockNumber", users=3900, max_connections=100, duration=seconds(5)), 100),
        (WsSubscribe(connections=300, duration=seconds(5), shards=3), 300),
        (constant(rate=20, timeout=seconds(3)), 60),
        (constant(rate=20, timeout=seconds(60)), 200),  # there are no more requests
        (constant(rate=5000, shards=2), 2048),  # of which each opens no more than 1,024 connections
        (HttpBurst("eth_blockNumber", size=100, every=seconds(2), duration=seconds(9), timeout=seconds(3)), 200),
        (HttpRamp("eth_blockNumber", start_rate=1, end_rate=50, duration=seconds(9), timeout=seconds(2)), 100),
        (HttpStep("eth_blockNumber", rates=[1, 50], step_duration=seconds(9), timeout=seconds(2)), 100),
        (HttpPairs("eth_blockNumber", period=seconds(1), duration=seconds(9), timeout=seconds(3)), 6),
    ],
)  # fmt: skip
def test_a_gateway_may_need_two_files_for_each_connection_that_its_clients_may_open(
    workload: Any, connections: int
) -> None:
    assert gateway_files(scenario(workload)) == 2 * connections + 33
