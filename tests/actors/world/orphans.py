"""A coordinator with a node, a paused node and a guarded program; prints their pids, waits to be killed."""

import sys
from pathlib import Path

import trio

from battle.actors.world.cluster import Command
from battle.actors.world.live.run import run_live
from tests.actors.world.nodes import untold
from tests.actors.world.playing import Echo

_SERVER = """
import os, socket, sys, time
with socket.create_server(("127.0.0.1", int(sys.argv[1]))):
    print(os.getpid(), flush=True)
    time.sleep(60)
"""


async def main(cluster):
    async with trio.open_nursery() as nursery:
        one = await nursery.start(cluster.run_node, "one", 1, Echo(cluster.reserve("one")), untold())
        two = await nursery.start(cluster.run_node, "two", 1, Echo(cluster.reserve("two")), untold())
        two.pause()
        address = cluster.reserve("program")
        words = (sys.executable, "-c", _SERVER, address.rpartition(":")[2])
        command = Command(words, address, 10 * 10**9)
        await nursery.start(cluster.run_command, "program", 1, command, untold())
        program = int((Path(sys.argv[1]) / "nodes" / "program.1.txt").read_text())
        print(one.pid, two.pid, program, flush=True)
        await trio.sleep(30)


run_live(main, run_dir=Path(sys.argv[1]), seed=1, module="tests.actors.world.playing")
