"""What a node holds for all its peers together is bounded, whatever it is, and the slowest go first."""

from dataclasses import dataclass

import trio
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.world import interfaces
from battle.actors.world.held import Held
from tests.actors.world.nodes import both_worlds

MIB = 2**20
PEERS = 20


@dataclass(eq=False)
class Keeps:
    held_bytes: int


@given(st.lists(st.integers(0, 100), min_size=1, max_size=30), st.integers(0, 1000))
def test_over_the_limit_somebody_must_go_and_nobody_who_reads(sizes, limit):
    held, streams = Held(), [Keeps(size) for size in sizes]
    for stream in streams:
        held.must_go(stream, limit)
    told = {stream: held.must_go(stream, limit) for stream in streams}
    assert any(told.values()) == (sum(sizes) > limit)
    assert not any(goes for stream, goes in told.items() if stream.held_bytes == 0)
    slowest = max(streams, key=lambda stream: stream.held_bytes)
    assert told[slowest] == (sum(sizes) > limit)


STEPS = st.lists(st.tuples(st.integers(0, 9), st.integers(-5, 20)), min_size=100, max_size=200)
SILENT_FIRST = st.just([(place, 19) for place in range(5)] + [(place, 1) for place in (5, 6, 7, 8, 9)] * 20)


@given(STEPS | SILENT_FIRST, st.integers(50, 200))
def test_there_is_a_bound_whoever_grows_and_whoever_never_asks_again(steps, limit):
    """Those that hold most may be silent: the average then rises with what the others add."""
    held, streams = Held(), [Keeps(0) for _ in range(10)]
    for place, change in steps:
        stream = streams[place]
        stream.held_bytes = max(0, stream.held_bytes + change)
        if change > 0 and held.must_go(stream, limit):
            stream.held_bytes = 0
            held.forget(stream)
        assert sum(each.held_bytes for each in streams) <= limit * 3 // 2


@given(STEPS, st.integers(50, 200))
def test_whoever_waits_while_it_is_full_keeps_it_within_the_limit(steps, limit):
    held, streams = Held(), [Keeps(0) for _ in range(10)]
    for place, change in steps:
        stream = streams[place]
        if change < 0 or not held.is_full(stream, limit):
            stream.held_bytes = max(0, stream.held_bytes + change)
        assert sum(each.held_bytes for each in streams) <= limit + 10 * 20  # each may take one in any case


def test_what_was_read_meanwhile_counts_no_more():
    held, slow, other = Held(), Keeps(60), Keeps(60)
    assert not held.must_go(slow, 100)
    assert held.must_go(other, 100)
    slow.held_bytes = 0
    assert not held.must_go(other, 100)


def test_who_has_gone_counts_no_more():
    held, gone, other = Held(), Keeps(60), Keeps(60)
    held.must_go(gone, 100)
    held.forget(gone)
    held.forget(Keeps(1))
    assert not held.must_go(other, 100)


@both_worlds
def test_a_node_holds_so_much_for_all_its_peers_and_cuts_the_slowest(run, tmp_path, monkeypatch):
    monkeypatch.setattr(interfaces, "NODE_HELD_BYTES", 4 * MIB)
    ours, complete = [], trio.Event()

    async def main(cluster):
        async def keep(stream):
            ours.append(stream)
            if len(ours) == PEERS:
                complete.set()
            await trio.sleep_forever()

        async with trio.open_nursery() as nursery:
            address = await nursery.start(
                cluster.world.serve,
                "coordinator:7" if cluster.world.name == "simulated" else "127.0.0.1:0",
                keep,
            )
            peers = [await cluster.world.connect(address) for _ in range(PEERS)]
            await complete.wait()
            worst = 0
            for _ in range(60):
                for stream in ours:
                    stream.write(b"x" * (MIB // 4))
                worst = max(worst, sum(stream.unsent_bytes for stream in ours))
                await trio.sleep(0.001)
            for stream in (*peers, *ours):
                stream.abort()
            nursery.cancel_scope.cancel()
        return worst

    worst = run(main, tmp_path)
    assert 4 * MIB < worst <= 9 * MIB
