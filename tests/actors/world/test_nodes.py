"""The life of nodes, by the same bodies in both worlds: started, told, killed, restarted, stopped."""

import socket
import subprocess
import sys
import time

import psutil
import pytest
import trio

from tests.actors.world.nodes import Running, both_worlds, details, live, process_exists, simulated, untold
from tests.actors.world.playing import Break, Crash, Echo, Finish, Note, Spin


@both_worlds
def test_a_killed_node_is_gone_for_its_peers_and_comes_back_at_the_same_address(run, tmp_path):
    async def main(cluster):
        address = cluster.reserve("a")
        async with trio.open_nursery() as nursery:
            first = await Running(cluster, "a", 1, Echo(address)).start(nursery)
            async with await cluster.world.connect(address) as stream:
                stream.write(b"hello")
                assert await stream.receive_some() == b"hello"
                first.node.kill("fault kill-a.1")
                assert await stream.receive_some() == b""
            await first.ended.wait()
            with pytest.raises(
                ConnectionRefusedError
            ):  # by now: a dying process may still accept, then reset
                await cluster.world.connect(address)
            assert (first.exit.how, first.exit.induced) == ("killed", True)
            assert first.exit.reason == "killed by SIGKILL (fault kill-a.1)"
            await Running(cluster, "a", 2, Echo(address)).start(nursery)
            async with await cluster.world.connect(address) as again:
                again.write(b"again")
                assert await again.receive_some() == b"again"
            nursery.cancel_scope.cancel()

    run(main, tmp_path)


@both_worlds
def test_a_kill_loses_only_what_was_not_flushed_and_runs_no_finally(run, tmp_path):
    async def main(cluster):
        async with trio.open_nursery() as nursery:
            running = await Running(cluster, "a", 1, Echo(cluster.reserve("a"))).start(nursery)
            running.tell(Note("flushed"))
            await trio.sleep(0.3)
            running.node.kill("fault kill-a.1")
            await running.ended.wait()

    run(main, tmp_path)
    assert details(tmp_path, "a.1.ndjson") == ["flushed"]


@both_worlds
def test_a_stopped_node_ends_in_order_and_keeps_its_log(run, tmp_path):
    async def main(cluster):
        async with trio.open_nursery() as nursery:
            running = await Running(cluster, "a", 1, Echo(cluster.reserve("a"))).start(nursery)
            running.tell(Note("said"))
            await trio.sleep(0.3)
            nursery.cancel_scope.cancel()

    run(main, tmp_path)
    assert details(tmp_path, "a.1.ndjson") == ["said", "finally"]


@both_worlds
def test_how_a_node_ends_by_itself(run, tmp_path):
    async def main(cluster):
        async with trio.open_nursery() as nursery:
            running = await Running(cluster, "a", 1, Crash(ready=True)).start(nursery)
            await running.ended.wait()
            crashed = running.exit
        unready = await cluster.run_node("b", 1, Crash(ready=False), untold())
        finished = await cluster.run_node("c", 1, Finish(), untold())
        return crashed, unready, finished

    crashed, unready, finished = run(main, tmp_path)
    for exit in (crashed, unready):
        assert exit.how == "failed"
        assert "RuntimeError: the role broke" in exit.reason
    assert finished.how == "finished"


@both_worlds
@pytest.mark.parametrize("by", ["timer", "data"])
def test_a_callback_that_raises_is_the_crash_of_its_node_and_nobody_else_s(run, by, tmp_path):
    async def main(cluster):
        async with trio.open_nursery() as nursery:
            other = await Running(cluster, "other", 1, Echo(cluster.reserve("other"))).start(nursery)
            broken = await Running(cluster, "a", 1, Break(by)).start(nursery)
            await broken.ended.wait()
            again = await Running(cluster, "a", 2, Break(by)).start(nursery)
            await again.ended.wait()
            other.tell(Note("alive"))
            await trio.sleep(0.3)
            nursery.cancel_scope.cancel()
        return broken.exit, again.exit

    for exit in run(main, tmp_path):
        assert (exit.how, exit.induced) == ("failed", False)
        assert "RuntimeError: the callback broke" in exit.reason
    assert details(tmp_path, "a.1.ndjson") == details(tmp_path, "a.2.ndjson") == ["finally"]
    assert details(tmp_path, "other.1.ndjson") == ["alive", "finally"]


def test_what_breaks_a_simulated_node_as_it_is_resumed_is_its_crash(tmp_path):
    async def main(cluster):
        async with trio.open_nursery() as nursery:
            broken = await Running(cluster, "a", 1, Break("timer")).start(nursery)
            broken.node.pause()
            await trio.sleep(1)
            broken.node.resume()
            await broken.ended.wait()
        return broken.exit

    exit = simulated(main, tmp_path)
    assert (exit.how, exit.reason) == ("failed", "RuntimeError: the callback broke")


def test_nothing_happens_in_a_simulation_whose_own_callback_raised(tmp_path):
    later = []

    async def main(cluster):
        def tick():
            later.append(cluster.world.now_ns())
            cluster.world.call_at(cluster.world.now_ns() + 1, tick)

        def fail():
            tick()
            raise RuntimeError("the coordinator broke")

        cluster.world.call_at(cluster.world.now_ns() + 10, fail)
        await trio.sleep_forever()

    with pytest.raises(RuntimeError, match="the coordinator broke"):
        simulated(main, tmp_path)
    assert len(later) == 1


@pytest.mark.live
def test_the_kernel_gives_a_reserved_port_to_nobody_else(tmp_path):
    async def main(cluster):
        port = int(cluster.reserve("a").rpartition(":")[2])
        with socket.socket() as stranger, pytest.raises(OSError, match="in use"):
            stranger.bind(("127.0.0.1", port))

    live(main, tmp_path)


@pytest.mark.live
def test_a_port_somebody_listens_on_cannot_be_reserved(tmp_path):
    async def main(cluster):
        with socket.create_server(("127.0.0.1", 0)) as stranger:
            port = stranger.getsockname()[1]
            with pytest.raises(OSError, match=f"port {port} for a is not available"):
                cluster.reserve("a", port)

    live(main, tmp_path)


@pytest.mark.live
def test_a_node_that_does_not_beat_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr("battle.actors.world.live.cluster.HANG_SECONDS", 2.0)

    async def main(cluster):
        return await cluster.run_node("a", 1, Spin(), untold())

    exit = live(main, tmp_path)
    assert (exit.how, exit.reason) == ("hung", "no heartbeat for 2 s")


@pytest.mark.live
def test_a_node_that_will_not_stop_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr("battle.actors.world.live.process.ASK_SECONDS", 0.2)
    monkeypatch.setattr("battle.actors.world.live.process.TERM_SECONDS", 0.2)

    async def main(cluster):
        async with trio.open_nursery() as nursery:
            running = await Running(cluster, "a", 1, Spin()).start(nursery)
            await trio.sleep(0.2)
            nursery.cancel_scope.cancel()
        return running.node.pid

    assert not process_exists(live(main, tmp_path))


@pytest.mark.live
def test_no_node_outlives_a_coordinator_that_is_killed(tmp_path):
    """Not even one that is stopped and so cannot see its control channel close."""
    coordinator = subprocess.Popen(
        [sys.executable, "-m", "tests.actors.world.orphans", str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert coordinator.stdout is not None
    with coordinator, coordinator.stdout as said:
        pids = [int(word) for word in said.readline().split()]
        assert len(pids) == 3
        assert all(map(process_exists, pids))
        coordinator.kill()
        coordinator.wait()
    for _ in range(100):
        if not any(map(process_exists, pids)):
            break
        time.sleep(0.05)
    assert [pid for pid in pids if process_exists(pid)] == []


@pytest.mark.live
def test_a_program_dies_with_its_guard_even_when_that_is_killed():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        words = ["-m", "battle.actors.world.live.reaper", str(theirs.fileno()), "--", "sleep", "30"]
        guard = subprocess.Popen([sys.executable, *words], pass_fds=(theirs.fileno(),))
        below: list[int] = []
        for _ in range(200):
            below = [one.pid for one in psutil.Process(guard.pid).children(recursive=True)]
            if len(below) == 2:
                break
            time.sleep(0.05)
        _, program = below
        guard.kill()
        guard.wait()
    for _ in range(100):
        if not process_exists(program):
            break
        time.sleep(0.05)
    assert not process_exists(program)
