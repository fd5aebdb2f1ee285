"""Nodes at the limits of the machine: they live on, and say in their logs which limit it was."""

import errno
import os
import signal
import subprocess
import sys
import time

import pytest
import trio

from battle.actors.world.live.limits import NOTE_INTERVAL_NS, LimitNotes
from battle.store.events import BenchLimitReached
from tests.actors.world.nodes import Running, both_worlds, live, logged, untold
from tests.actors.world.playing import NeverReady, Starved


class Kept(list):
    """A log that keeps its events."""


def error(number):
    return OSError(number, os.strerror(number))


@pytest.mark.parametrize(
    ("number", "limit"),
    [
        (errno.EMFILE, "open_files"),
        (errno.ENFILE, "open_files"),
        (errno.ENOMEM, "memory"),
        (errno.ENOBUFS, "memory"),
        (errno.EAGAIN, "processes"),
        (errno.EADDRNOTAVAIL, "ports"),
    ],
)
def test_a_limit_of_the_system_is_noted(number, limit):
    log = Kept()
    assert LimitNotes("a").note(error(number), "accepting", 5, log)
    assert log == [
        BenchLimitReached(at_ns=5, node="a", limit=limit, times=1, detail=f"accepting: {os.strerror(number)}")
    ]


def test_any_other_error_is_somebody_elses_matter():
    log = Kept()
    assert not LimitNotes("a").note(error(errno.ECONNREFUSED), "opening", 5, log)
    assert log == []


def test_a_limit_that_is_met_all_the_time_is_counted_and_fills_no_log():
    notes, log = LimitNotes("a"), Kept()
    for number in range(1000):
        notes.note(error(errno.EMFILE), "accepting", number * NOTE_INTERVAL_NS // 500, log)
    assert [event.times for event in log] == [1, 500]


@pytest.mark.live
def test_a_node_without_descriptors_lives_on_serves_when_it_can_and_says_so(tmp_path):
    """It opens files until there is none left, reads its own usage, is connected to, and lets go of them."""

    async def main(cluster):
        address = cluster.reserve("a")
        async with trio.open_nursery() as nursery:
            running = await Running(cluster, "a", 1, Starved(address)).start(nursery)
            async with await cluster.world.connect(address) as stream:
                stream.write(b"hello")
                assert await stream.receive_some() == b"hello"
            assert running.exit is None
            running.node.kill("test")

    live(main, tmp_path)
    noted = [event for event in logged(tmp_path, "a.1.ndjson") if isinstance(event, BenchLimitReached)]
    assert {event.limit for event in noted} == {"open_files"}
    assert noted[0].detail == "reading /proc: Too many open files"


@both_worlds
def test_a_node_that_is_never_ready_is_ended(run, tmp_path, monkeypatch):
    for module in (
        "battle.actors.world.live.cluster.READY_SECONDS",
        "battle.actors.world.cluster.READY_SECONDS",
    ):
        monkeypatch.setattr(module, 1.0)
    monkeypatch.setattr("battle.actors.world.simulated.cluster.READY_NS", 10**9)

    async def main(cluster):
        return await cluster.run_node("a", 1, NeverReady(), untold())

    exit = run(main, tmp_path)
    assert exit.how == "hung"
    assert exit.reason.startswith("it was not ready within 1 s")
    assert not exit.induced


@pytest.mark.live
def test_what_a_node_printed_that_was_never_ready_is_told(tmp_path):
    async def main(cluster):
        cluster._module = "tests.actors.world.no_such_module"
        return await cluster.run_node("a", 1, NeverReady(), untold())

    exit = live(main, tmp_path)
    assert exit.how == "failed"
    assert "last output: " in exit.reason
    assert "no_such_module" in exit.reason


@pytest.mark.live
def test_a_coordinator_that_was_stopped_kills_no_node_when_it_wakes_and_says_for_how_long(tmp_path):
    words = [sys.executable, "-m", "tests.actors.world.standstill", str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as coordinator:
        assert coordinator.stdout is not None
        assert int(coordinator.stdout.readline()) == coordinator.pid
        coordinator.send_signal(signal.SIGSTOP)
        time.sleep(6)
        coordinator.send_signal(signal.SIGCONT)
        assert coordinator.stdout.readline() == "alive\n"
    stood = [event for event in logged(tmp_path, "coordinator.1.ndjson") if event.limit == "standstill"]
    assert len(stood) == 1
    assert stood[0].duration_ns > 2 * 10**9
