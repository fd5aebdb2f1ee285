"""Nothing that has ended stays in memory, though the garbage collector has no say while a simulation runs."""

import gc
from weakref import WeakSet

from battle.actors.units import ms
from battle.actors.world.simulated.clock import COLLECT_EVERY_NS
from battle.actors.world.simulated.stream import SimulatedStream
from tests.actors.worlds import simulated


class _Holder:
    """As connections are used: whoever receives from a stream holds it, and the stream holds whom it calls."""

    def __init__(self, stream):
        self._stream = stream
        stream.on_data(self._take, self._lost)

    def _take(self, data, at_ns):
        if not data:
            self._stream.close()

    def _lost(self, how, at_ns):
        pass


def test_a_node_forgets_a_connection_that_is_closed():
    async def main(stage):
        async def serve(stream):
            while await stream.receive_some():
                pass

        server = stage.world("server")
        address = await stage.nursery.start(server.serve, stage.address("server"), serve)
        one, other = await stage.client.connect(address), await stage.client.connect(address)
        before = stage.client.usage().open_fds, server.usage().open_fds
        one.close()
        other.abort()
        await stage.sleep(ms(10))
        after = stage.client.usage().open_fds, server.usage().open_fds
        stage.nursery.cancel_scope.cancel()
        return before, after

    assert simulated(main) == ((2, 2), (0, 0))


def test_closed_connections_are_collected_in_virtual_time(monkeypatch):
    alive: WeakSet[SimulatedStream] = WeakSet()
    begin = SimulatedStream.__init__

    def counted(stream, *arguments):
        begin(stream, *arguments)
        alive.add(stream)

    monkeypatch.setattr(SimulatedStream, "__init__", counted)

    async def main(stage):
        async def serve(stream):
            while await stream.receive_some():
                pass

        address = await stage.nursery.start(stage.world("server").serve, stage.address("server"), serve)
        assert not gc.isenabled()
        counts = []
        for _ in range(200):
            stream = await stage.client.connect(address)
            _Holder(stream)
            stream.close()
            await stage.sleep(COLLECT_EVERY_NS // 50)
            counts.append(len(alive))
        stage.nursery.cancel_scope.cancel()
        return counts

    counts = simulated(main)
    assert max(counts) <= 2 * 52
    assert min(counts[60:]) <= 4, "nothing of the first is left"
