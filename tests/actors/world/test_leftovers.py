"""Nothing that a program under test has started outlives it, however it tries; nothing else is touched."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import trio

from battle.actors.world.cluster import Command
from battle.actors.world.live.descendants import (
    MARK,
    descendants,
    end_descendants,
    has_mark,
)
from tests.actors.world.nodes import live, process_exists, untold

pytestmark = pytest.mark.live

MODULE = "tests.actors.world.leftovers"


def printed(tmp_path, node="gateway"):
    text = (tmp_path / "nodes" / f"{node}.1.txt").read_text()
    return [int(line) for line in text.splitlines() if line.isdigit()]


def wait_for(condition):
    for _ in range(200):
        if condition():
            return True
        time.sleep(0.05)
    return False


async def run_program(cluster, kind, then):
    """Run a program until `then` has been done to it; how it ended."""
    address = cluster.reserve("gateway")
    words = (sys.executable, "-m", MODULE, kind, address.rpartition(":")[2])
    command = Command(words, address, 5 * 10**9)
    exits = []

    async def run(task_status):
        exits.append(await cluster.run_command("gateway", 1, command, untold(), task_status))

    async with trio.open_nursery() as nursery:
        node = await nursery.start(run)
        await trio.sleep(0.2)
        then(node)
        nursery.cancel_scope.cancel()
    return exits


@pytest.mark.parametrize("kind", ["own_session", "clean_environment"])
def test_what_a_program_has_started_ends_with_it(tmp_path, kind):
    async def main(cluster):
        await run_program(cluster, kind, lambda node: None)

    live(main, tmp_path)
    pids = printed(tmp_path)
    assert pids
    assert [pid for pid in pids if process_exists(pid)] == []


def test_what_a_program_has_started_ends_though_its_guard_was_killed(tmp_path):
    async def main(cluster):
        await run_program(cluster, "own_session", lambda node: os.kill(node.pid, signal.SIGKILL))

    live(main, tmp_path)
    pids = printed(tmp_path)
    assert len(pids) == 2
    assert [pid for pid in pids if process_exists(pid)] == []


def test_a_program_that_goes_into_the_background_is_ended_and_told_of(tmp_path):
    async def main(cluster):
        address = cluster.reserve("gateway")
        words = (sys.executable, "-m", MODULE, "daemon", address.rpartition(":")[2])
        return await cluster.run_command("gateway", 1, Command(words, address, 5 * 10**9), untold())

    exit = live(main, tmp_path)
    assert (exit.how, exit.reason.partition(";")[0]) == ("failed", "it ended by itself, with exit status 0")
    [pid] = printed(tmp_path)
    assert not process_exists(pid)
    assert "must stay in the foreground" in (tmp_path / "nodes" / "gateway.1.txt").read_text()


@pytest.mark.parametrize(
    "killed",
    [
        ["coordinator"],
        ["coordinator", "keeper"],
        ["coordinator", "guard"],
        ["keeper", "coordinator"],
        ["guard", "coordinator"],
    ],
    ids="-".join,
)
def test_nothing_is_left_whoever_is_killed_at_once(tmp_path, killed):
    words = [sys.executable, "-m", "tests.actors.world.abandoned", str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as coordinator:
        assert coordinator.stdout is not None
        assert coordinator.stdout.readline() == "up\n"
        keeper, guard = guards_below(coordinator.pid)
        left = printed(tmp_path)
        assert len(left) == 2
        everybody = [keeper, guard, *left]
        assert all(map(process_exists, everybody))
        who = {"coordinator": coordinator.pid, "keeper": keeper, "guard": guard}
        for number in (signal.SIGSTOP, signal.SIGKILL):  # stopped first: none of them sees another's end
            for name in killed:
                os.kill(who[name], number)
    assert wait_for(lambda: not any(map(process_exists, everybody)))


def guards_below(pid):
    """The two processes of the guard, the one that was started first."""
    found = psutil.Process(pid).children(recursive=True)
    return [one.pid for one in found if "battle.actors.world.live.reaper" in one.cmdline()]


def test_only_what_bears_the_mark_is_ended():
    """A coordinator in somebody's own process has children that are not of any run."""
    script = "import time; time.sleep(60)"
    marked = subprocess.Popen([sys.executable, "-c", script], env={**os.environ, MARK: "one.gateway.1."})
    other = subprocess.Popen([sys.executable, "-c", script], env={**os.environ, MARK: "one.gateway.11."})
    plain = subprocess.Popen([sys.executable, "-c", script])
    try:
        ended = end_descendants(os.getpid(), 0, has_mark("one.gateway.1."), unreaped={marked.pid})
        assert ended == [marked.pid]
        assert marked.wait() < 0
        assert (other.poll(), plain.poll()) == (None, None)
    finally:
        for process in (marked, other, plain):
            process.kill()
            process.wait()


def test_descendants_are_found_below_their_parents():
    shell = subprocess.Popen(["/bin/sh", "-c", "sleep 30 & wait"])
    try:
        assert wait_for(lambda: len(descendants(shell.pid)) == 1)
        [sleeper] = descendants(shell.pid)
        assert sleeper.parent == shell.pid
        comm = Path(f"/proc/{sleeper.pid}/comm")
        assert wait_for(lambda: comm.read_text() == "sleep\n"), (
            "it is the shell's copy until it has become sleep"
        )
    finally:
        end_descendants(shell.pid, 1)
        shell.kill()
        shell.wait()
