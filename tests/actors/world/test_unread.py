"""Peers that do not read: what a node holds for all of them together is bounded, and the slowest go."""

from dataclasses import dataclass

import trio
from hypothesis import given
from hypothesis import strategies as st

from actors.world import seam
from actors.world.unread import Unread
from tests.actors.world.nodes import both_worlds

MIB = 2**20
PEERS = 20


@dataclass(eq=False)
class Held:
    unsent_bytes: int


@given(st.lists(st.integers(0, 100), min_size=1, max_size=30), st.integers(0, 1000))
def test_over_the_limit_somebody_must_go_and_nobody_who_reads(sizes, limit):
    unread, streams = Unread(), [Held(size) for size in sizes]
    for stream in streams:
        unread.must_go(stream, limit)
    told = {stream: unread.must_go(stream, limit) for stream in streams}
    assert any(told.values()) == (sum(sizes) > limit)
    assert not any(goes for stream, goes in told.items() if stream.unsent_bytes == 0)
    slowest = max(streams, key=lambda stream: stream.unsent_bytes)
    assert told[slowest] == (sum(sizes) > limit)


def test_what_was_read_meanwhile_counts_no_more():
    unread, slow, other = Unread(), Held(60), Held(60)
    assert not unread.must_go(slow, 100)
    assert unread.must_go(other, 100)
    slow.unsent_bytes = 0
    assert not unread.must_go(other, 100)


@both_worlds
def test_a_node_holds_so_much_for_all_its_peers_and_cuts_the_slowest(run, tmp_path, monkeypatch):
    monkeypatch.setattr(seam, "NODE_UNREAD_BYTES", 4 * MIB)
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
