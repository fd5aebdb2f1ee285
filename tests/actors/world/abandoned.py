"""A coordinator with a program that has started others; says that it is up, and waits to be killed."""

import sys
from pathlib import Path

import trio

from battle.actors.world.cluster import Command
from battle.actors.world.live.run import run_live
from tests.actors.world.nodes import untold


async def main(cluster):
    address = cluster.reserve("gateway")
    words = (sys.executable, "-m", "tests.actors.world.leftovers", "own_session", address.rpartition(":")[2])
    async with trio.open_nursery() as nursery:
        await nursery.start(cluster.run_command, "gateway", 1, Command(words, address, 10**10), untold())
        await trio.sleep(0.5)
        print("up", flush=True)
        await trio.sleep(30)


run_live(main, run_dir=Path(sys.argv[1]), seed=1, module="tests.actors.world.playing")
