"""Nodes that a fault asks to stop: they end in good order, and are forced when they do not."""

import pytest
import trio

from battle.actors.world.cluster import Exit
from tests.actors.world.nodes import Running, both_worlds, details, live
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
