"""Nodes that are paused: nothing of them runs, they can still be ended, and nobody takes them for hung."""

import pytest
import trio

from battle.actors.world.cluster import Exit
from tests.actors.world.nodes import Running, both_worlds, details, live, logged, process_exists, simulated
from tests.actors.world.playing import Echo, Note, Tick

MS = 10**6


async def until_state(node, state):
    """A signal takes a moment until it shows."""
    for _ in range(1000):
        if node.state() == state:
            return
        await trio.sleep(0.005)
    raise AssertionError(f"{node.state()}, not {state}")


@both_worlds
def test_a_paused_node_answers_when_it_is_resumed(run, tmp_path):
    async def main(cluster):
        address = cluster.reserve("a")
        async with trio.open_nursery() as nursery:
            running = await Running(cluster, "a", 1, Echo(address)).start(nursery)
            async with await cluster.world.connect(address) as stream:
                running.node.pause()
                stream.write(b"hello")
                with trio.move_on_after(0.2) as waiting:
                    await stream.receive_some()
                running.node.resume()
                assert await stream.receive_some() == b"hello"
            nursery.cancel_scope.cancel()
        return waiting.cancelled_caught

    assert run(main, tmp_path)


@both_worlds
def test_nothing_of_a_paused_node_runs_and_what_fell_due_happens_at_once_when_it_goes_on(run, tmp_path):
    async def main(cluster):
        async with trio.open_nursery() as nursery:
            running = await Running(cluster, "a", 1, Tick()).start(nursery)
            await trio.sleep(0.5)
            assert running.node.state() == "running"
            running.node.pause()
            await until_state(running.node, "paused")
            paused_ns = cluster.world.now_ns()
            await trio.sleep(0.8)
            resumed_ns = cluster.world.now_ns()
            running.node.resume()
            await until_state(running.node, "running")
            await trio.sleep(0.3)
            nursery.cancel_scope.cancel()
        return paused_ns, resumed_ns

    paused_ns, resumed_ns = run(main, tmp_path)
    events = logged(tmp_path, "a.1.ndjson")
    assert [event for event in events if paused_ns < event.at_ns < resumed_ns] == []
    for kind in ("tick", "timer", "deadline"):
        after = [event.at_ns for event in events if event.detail == kind and event.at_ns >= resumed_ns]
        assert after[0] - resumed_ns < 100 * MS, kind
    before = [event for event in events if event.detail == "tick" and event.at_ns <= paused_ns]
    assert len(before) > 10


def test_a_deadline_of_a_paused_node_is_noticed_in_the_very_moment_it_goes_on(tmp_path):
    async def main(cluster):
        async with trio.open_nursery() as nursery:
            running = await Running(cluster, "a", 1, Tick()).start(nursery)
            begun_ns = cluster.world.now_ns()
            await trio.sleep(0.5)
            running.node.pause()
            await trio.sleep(2)
            running.node.resume()
            await trio.sleep(1.1)
            nursery.cancel_scope.cancel()
        return begun_ns

    begun_ns = simulated(main, tmp_path)
    deadlines = [e.at_ns - begun_ns for e in logged(tmp_path, "a.1.ndjson") if e.detail == "deadline"]
    assert deadlines == [2500 * MS, 3500 * MS]


def test_a_simulated_node_is_paused_without_its_neighbours(tmp_path):
    async def main(cluster):
        async with trio.open_nursery() as nursery:
            nodes = [
                (await Running(cluster, name, 1, Tick()).start(nursery)).node for name in ("a", "b", "c")
            ]
            await trio.sleep(0.1)
            nodes[0].pause()
            nodes[1].pause()
            paused_ns = cluster.world.now_ns()
            await trio.sleep(0.2)
            nodes[0].resume()
            await trio.sleep(0.2)
            nursery.cancel_scope.cancel()
        return paused_ns

    paused_ns = simulated(main, tmp_path)
    ticks = {
        name: [
            (event.at_ns - paused_ns) // (200 * MS)
            for event in logged(tmp_path, f"{name}.1.ndjson")
            if event.detail == "tick" and event.at_ns > paused_ns
        ]
        for name in "abc"
    }
    assert ticks["a"].count(0) == 0 < ticks["a"].count(1)
    assert ticks["b"] == []
    assert min(ticks["c"].count(0), ticks["c"].count(1)) > 5


@both_worlds
def test_a_paused_node_can_be_killed_and_what_it_had_not_flushed_is_lost(run, tmp_path):
    async def main(cluster):
        async with trio.open_nursery() as nursery:
            running = await Running(cluster, "a", 1, Echo(cluster.reserve("a"))).start(nursery)
            running.node.pause()
            await until_state(running.node, "paused")
            running.tell(Note("never read"))
            running.node.kill("fault kill-a.1")
            await running.ended.wait()
            running.node.resume()
            running.node.pause()
            assert running.node.state() == "gone"
        return running.exit

    exit = run(main, tmp_path)
    assert exit == Exit("killed", "killed by SIGKILL (fault kill-a.1)", induced=True)
    assert details(tmp_path, "a.1.ndjson") == []


@both_worlds
def test_a_paused_node_can_be_stopped_in_good_order(run, tmp_path):
    async def main(cluster):
        async with trio.open_nursery() as nursery:
            running = await Running(cluster, "a", 1, Echo(cluster.reserve("a"))).start(nursery)
            running.node.pause()
            await until_state(running.node, "paused")
            running.node.stop("fault restart-a.1")
            with trio.fail_after(1.5):  # sooner than any force is used
                await running.ended.wait()
        return running.exit

    assert run(main, tmp_path) == Exit("stopped", "stopped (fault restart-a.1)", induced=True)
    assert details(tmp_path, "a.1.ndjson") == ["finally"]


@both_worlds
def test_a_node_that_is_still_paused_at_the_end_of_the_run_leaves_in_good_order(run, tmp_path):
    async def main(cluster):
        async with trio.open_nursery() as nursery:
            running = await Running(cluster, "a", 1, Echo(cluster.reserve("a"))).start(nursery)
            running.node.pause()
            await until_state(running.node, "paused")
            began = trio.current_time()
            nursery.cancel_scope.cancel()
        return running.node.pid, trio.current_time() - began

    pid, took = run(main, tmp_path)
    assert took < 1.5
    assert pid is None or not process_exists(pid)
    assert details(tmp_path, "a.1.ndjson") == ["finally"]


@pytest.mark.live
def test_a_paused_node_is_not_taken_for_one_that_hangs(tmp_path, monkeypatch):
    monkeypatch.setattr("battle.actors.world.live.cluster.HANG_SECONDS", 1.0)

    async def main(cluster):
        address = cluster.reserve("a")
        async with trio.open_nursery() as nursery:
            running = await Running(cluster, "a", 1, Echo(address)).start(nursery)
            running.node.pause()
            await trio.sleep(2.5)
            running.node.resume()
            await trio.sleep(1.5)
            assert running.exit is None
            async with await cluster.world.connect(address) as stream:
                stream.write(b"hello")
                assert await stream.receive_some() == b"hello"
            nursery.cancel_scope.cancel()

    live(main, tmp_path)
