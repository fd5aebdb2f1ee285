"""A coordinator with a node that counts as hung after four seconds; it is stopped, and says what it found then."""

import os
import sys
from pathlib import Path

import trio

import battle.actors.world.live.cluster as live_cluster
from battle.actors.world.live.run import run_live
from tests.actors.world.nodes import Running
from tests.actors.world.playing import Echo

live_cluster.HANG_SECONDS = 4.0


async def main(cluster):
    async with trio.open_nursery() as nursery:
        running = await Running(cluster, "a", 1, Echo(cluster.reserve("a"))).start(nursery)
        await trio.sleep(0.7)  # so that the node has said that it lives
        print(os.getpid(), flush=True)
        with trio.move_on_after(9):
            await running.ended.wait()
        print("alive" if running.exit is None else running.exit, flush=True)
        nursery.cancel_scope.cancel()


run_live(main, run_dir=Path(sys.argv[1]), seed=1, module="tests.actors.world.playing")
