"""Nodes that a fault asks to stop: they end in good order, and are forced when they do not."""

import sys

import pytest
import trio

from battle.actors.units import seconds
from battle.actors.world.cluster import Command, Exit
from tests.actors.world.nodes import Running, both_worlds, details, live, process_exists, untold
from tests.actors.world.playing import Echo, Note, Stubborn


@both_worlds
def test_a_node_that_is_asked_to_stop_runs_its_finally_and_closes_its_streams(run, tmp_path):
    async def main(cluster):
        address = cluster.reserve("a")
        async with trio.open_nursery() as nursery:
            running = await Running(cluster, "a", 1, Echo(address)).start(nursery)
            running.tell(Note("said"))
            async with await cluster.world.connect(address) as stream:
                stream.write(b"hello")
                assert await stream.receive_some() == b"hello"
                running.node.stop("fault restart-a.1")
                assert await stream.receive_some() == b""
            await running.ended.wait()
            with pytest.raises(ConnectionRefusedError):
                await cluster.world.connect(address)
            first = running.exit
            again = await Running(cluster, "a", 2, Echo(address)).start(nursery)
            async with await cluster.world.connect(address) as stream:
                stream.write(b"again")
                assert await stream.receive_some() == b"again"
            again.node.kill("test")
        return first

    assert run(main, tmp_path) == Exit("stopped", "stopped (fault restart-a.1)", induced=True)
    assert details(tmp_path, "a.1.ndjson") == ["said", "finally"]


@both_worlds
def test_a_node_that_was_asked_to_stop_can_be_killed_on_the_way(run, tmp_path):
    async def main(cluster):
        async with trio.open_nursery() as nursery:
            running = await Running(cluster, "a", 1, Echo(cluster.reserve("a"))).start(nursery)
            running.node.stop("fault restart-a.1")
            running.node.kill("fault kill-a.1")
            await running.ended.wait()
        return running.exit

    assert run(main, tmp_path) == Exit("killed", "killed by SIGKILL (fault kill-a.1)", induced=True)


@pytest.mark.live
def test_a_node_that_does_not_stop_when_a_fault_asks_it_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr("battle.actors.world.live.process.ASK_SECONDS", 0.2)
    monkeypatch.setattr("battle.actors.world.live.process.TERM_SECONDS", 0.2)

    async def main(cluster):
        async with trio.open_nursery() as nursery:
            running = await Running(cluster, "a", 1, Stubborn()).start(nursery)
            running.node.stop("fault restart-a.1")
            await running.ended.wait()
        return running.exit

    assert live(main, tmp_path) == Exit("stopped", "stopped at SIGKILL (fault restart-a.1)", induced=True)


TREE = """
import os, signal, socket, sys, time

listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
if os.fork() == 0:
    print(os.getpid(), flush=True)
    while True:
        listener.accept()[0].close()
signal.signal(signal.SIGUSR2, lambda *_: sys.exit(7))
while True:
    time.sleep(60)
"""


class Program:
    """A program with a worker, which listens, under its reaper."""

    def __init__(self, cluster, grace=5 * 10**9):
        self._cluster = cluster
        self.address = cluster.reserve("gateway")
        words = (sys.executable, "-c", TREE, self.address.rpartition(":")[2])
        self._command = Command(words, self.address, seconds(20), stop_signal="SIGUSR2", grace=grace)

    async def live(self, task_status):
        self.exit = await self._cluster.run_command("gateway", 1, self._command, untold(), task_status)

    async def answers(self):
        async with await self._cluster.world.connect(self.address) as stream:
            with trio.move_on_after(0.3):
                return await stream.receive_some() == b""
        return False


async def wait_until(condition):
    for _ in range(1000):
        if condition():
            return
        await trio.sleep(0.01)
    raise AssertionError("it did not come about")


def ended(act, tmp_path, **fields):
    """How a program ended after `act` was done to it, and whether its worker is left."""

    async def main(cluster):
        program = Program(cluster, **fields)
        async with trio.open_nursery() as nursery:
            node = await nursery.start(program.live)
            await act(node, program)
        return program.exit, node

    exit, node = live(main, tmp_path)
    worker = int((tmp_path / "nodes" / "gateway.1.txt").read_text().split()[0])
    assert not process_exists(worker)
    return exit, node


@pytest.mark.live
def test_all_processes_of_a_program_are_paused_and_killed_at_once(tmp_path):
    async def act(node, program):
        assert await program.answers()
        node.pause()
        await wait_until(lambda: node.state() == "paused")
        assert not await program.answers()
        node.resume()
        assert await program.answers()
        node.kill("fault kill-gateway.1")

    exit, node = ended(act, tmp_path)
    assert exit == Exit("killed", "killed by SIGKILL (fault kill-gateway.1)", induced=True)
    assert (node.asked_ns, node.forced) == (None, False)


@pytest.mark.live
def test_the_first_process_of_a_program_is_asked_to_stop_by_its_own_signal(tmp_path):
    async def act(node, program):
        node.pause()
        node.stop("fault restart-gateway.1")

    exit, node = ended(act, tmp_path)
    assert exit == Exit("stopped", "stopped with exit status 7 (fault restart-gateway.1)", induced=True)
    assert node.asked_ns is not None
    assert not node.forced


@pytest.mark.live
def test_a_program_that_does_not_stop_in_its_time_of_grace_is_killed(tmp_path):
    async def act(node, program):
        node.stop("fault restart-gateway.1")

    exit, node = ended(act, tmp_path, grace=0)
    assert exit == Exit("stopped", "stopped at SIGKILL (fault restart-gateway.1)", induced=True)
    assert node.forced


@pytest.mark.live
def test_what_a_server_uses_is_read_by_the_port_that_it_listens_on(tmp_path):
    async def main(cluster):
        program = Program(cluster)
        nobody = cluster.reserve("nobody")
        async with trio.open_nursery() as nursery:
            await nursery.start(program.live)
            used, unused = cluster.usage_at(program.address), cluster.usage_at(nobody)
            elsewhere = cluster.usage_at("gateway.example:" + program.address.rpartition(":")[2])
            nursery.cancel_scope.cancel()
        return used, unused, elsewhere

    used, unused, elsewhere = live(main, tmp_path)
    assert used.threads == 2  # of the program and of its worker
    assert used.rss_bytes > 5_000_000
    assert (unused, elsewhere) == (None, None)
