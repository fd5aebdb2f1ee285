"""Samples once a second, and the choice of what is kept."""

import resource
import subprocess
import sys
from functools import partial
from types import SimpleNamespace
from typing import NamedTuple

import psutil
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.collector.sampler import sample_system, usage_of
from battle.actors.collector.selection import selected
from battle.actors.spec.collection import COLLECTED
from battle.actors.system.mailbox import Mailbox
from battle.actors.units import seconds
from battle.actors.world.cluster import ReadUsage
from battle.actors.world.interfaces import Usage
from battle.actors.world.live.usage import UsageMeter, files_at_limit, steal_ratio
from battle.store.events import ActorChanged, BenchLimitReached, BreakerRejected, RunChanged, SystemSampled
from tests.actors.worlds import live, simulated


def test_a_node_is_sampled_every_second():
    async def main(stage):
        stage.nursery.start_soon(sample_system, stage.client)
        await stage.sleep(seconds(3.5))
        return stage.client.log

    log = simulated(main)
    assert [event.at_ns for event in log] == [seconds(1), seconds(2), seconds(3)]
    assert {event.node for event in log} == {"client"}
    assert all(event.rss_bytes is None and event.loop_lag_ns is None for event in log)


def sample_program(stage, read):
    """Sample the node `gateway`, which answers with what `read` gives."""
    mailbox = Mailbox("gateway")

    async def answer():
        async for question in mailbox.open():
            assert question.message == ReadUsage()
            question.reply(read())

    stage.nursery.start_soon(answer)
    stage.nursery.start_soon(sample_system, stage.client, mailbox.ref.name, partial(usage_of, mailbox.ref))


def test_another_node_is_sampled_while_it_runs():
    readings = iter(
        [Usage(1, 2, pid=7, rss_bytes=10), None, Usage(1, 2, pid=7, rss_bytes=20, steal_ratio=0.5)]
    )

    async def main(stage):
        sample_program(stage, lambda: next(readings))
        await stage.sleep(seconds(3.5))
        return stage.client.log

    log = simulated(main)
    assert [(event.node, event.rss_bytes, event.loop_lag_ns, event.steal_ratio) for event in log] == [
        ("gateway", 10, None, None),
        ("gateway", 20, None, 0.5),
    ]


def test_a_program_that_does_not_run_or_does_not_answer_has_no_sample():
    async def main(stage):
        dead, mute = Mailbox("dead"), Mailbox("mute")
        mute.open()
        for mailbox in (dead, mute):
            stage.nursery.start_soon(
                sample_system, stage.client, mailbox.ref.name, partial(usage_of, mailbox.ref)
            )
        await stage.sleep(seconds(5.5))
        return stage.client.log, dead.statistics().dropped_dead, mute.statistics().queued

    log, asked_of_dead, asked_of_mute = simulated(main)
    assert log == []
    assert asked_of_dead == 5
    assert asked_of_mute > 1


@pytest.mark.live
def test_a_live_node_knows_its_memory_and_descriptors():
    async def main(stage):
        return stage.client.usage()

    usage = live(main)
    assert usage.rss_bytes > 10_000_000
    assert usage.open_fds > 3
    assert usage.tasks > 0
    assert usage.cpu_percent >= 0


def test_a_node_knows_what_its_hypervisor_took_since_the_reading_before(monkeypatch):
    readings = iter([Counters(user=1.0, idle=5.0, steal=1.0), Counters(user=2.0, idle=5.0, steal=4.0)])
    monkeypatch.setattr(psutil, "cpu_times", lambda: next(readings))
    meter = UsageMeter()
    monkeypatch.setattr(trio.lowlevel, "current_statistics", lambda: SimpleNamespace(tasks_living=1))
    assert meter.read().steal_ratio == 0.75


def test_a_program_that_has_all_the_files_it_may_open_is_a_limit_of_the_machine():
    readings = iter([Usage(1, 2, pid=7), Usage(1, 2, pid=7, at_limit="nginx had 4,096 of 4,096")])

    async def main(stage):
        sample_program(stage, lambda: next(readings))
        await stage.sleep(seconds(2.5))
        return stage.client.log

    noted = [event for event in simulated(main) if isinstance(event, BenchLimitReached)]
    assert [(event.node, event.limit, event.detail) for event in noted] == [
        ("gateway", "open_files", "nginx had 4,096 of 4,096")
    ]


OPENS = """
import os, resource, sys
limit, opened = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
files = [os.dup(0) for _ in range(opened)]
print(flush=True)
sys.stdin.read()
"""


@pytest.mark.live
@pytest.mark.parametrize(
    ("opened", "ours", "needed", "full"),
    [
        (57, 60, 100, True),
        (20, 60, 100, False),
        (57, 1000, 100, False),  # it has set itself a lower one
        (57, 60, 60, False),  # it has more open than it needs
    ],
)
def test_a_limit_that_a_program_has_from_us_is_told_from_one_of_its_own(
    monkeypatch, opened, ours, needed, full
):
    command = [sys.executable, "-c", OPENS, "60", str(opened)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        program.stdout.readline()
        monkeypatch.setattr(resource, "getrlimit", lambda _: (ours, ours))
        process = psutil.Process(program.pid)
        said = files_at_limit(process, process.num_fds(), needed)
        name = process.name()
        program.stdin.close()
    assert said == (f"{name} had 60 of 60" if full else None)


class Counters(NamedTuple):
    user: float
    idle: float
    steal: float


COUNTERS = ("user", "nice", "system", "idle", "steal", "guest")


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=6, max_size=6))
def test_the_steal_ratio_is_the_part_of_all_cpu_time_that_passed(readings):
    before = {name: first for name, (first, _) in zip(COUNTERS, readings, strict=True)}
    after = {name: first + passed for name, (first, passed) in zip(COUNTERS, readings, strict=True)}
    passed = {name: passed for name, (_, passed) in zip(COUNTERS, readings, strict=True) if name != "guest"}
    total = sum(passed.values())
    assert steal_ratio(before, after) == (passed["steal"] / total if total else None)


def test_without_a_counter_of_steal_nobody_knows_it():
    assert steal_ratio({"user": 1.0, "idle": 1.0}, {"user": 2.0, "idle": 2.0}) is None


def test_a_counter_that_goes_back_is_no_steal():
    before, after = {"user": 5.0, "steal": 3.0}, {"user": 6.0, "steal": 2.0}
    assert steal_ratio(before, after) == 0


EVENTS = [
    SystemSampled(at_ns=1, node="a", tasks=1, open_fds=1),
    BreakerRejected(at_ns=1, provider="a", transport="http"),
    RunChanged(at_ns=1, phase="started"),
    ActorChanged(at_ns=1, actor="a", node="a", change="started", incarnation=1),
]


@pytest.mark.parametrize(
    ("collect", "kept"),
    [
        (COLLECTED, [0, 1, 2, 3]),
        (("requests", "circuit_breaker"), [1, 2, 3]),
        (("system",), [0, 2, 3]),
        ((), [2, 3]),
    ],
)
def test_only_what_is_collected_is_kept_and_what_the_verdict_needs_always(collect, kept):
    log = []
    chosen = selected(_Log(log), collect)
    for event in EVENTS:
        chosen.append(event)
    assert log == [EVENTS[number] for number in kept]


class _Log:
    def __init__(self, events):
        self.append = events.append
