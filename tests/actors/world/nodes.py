"""Running single nodes in tests, by the same bodies in both worlds, and what is read off their logs."""

from functools import partial
from pathlib import Path

import msgspec
import pytest
import trio

from battle.actors.system.mailbox import Mailbox
from battle.actors.world.live.run import run_live
from battle.actors.world.simulated import simulate
from battle.run.nodes import NODE_MAILBOX
from battle.store.events import AnyEvent
from tests.actors.world.playing import boot

MODULE = "tests.actors.world.playing"


def simulated(main, tmp_path):
    return simulate(main, run_dir=tmp_path, seed=1, boot=boot, limit_ns=3600 * 10**9)


def live(main, tmp_path):
    async def bounded(cluster):
        with trio.fail_after(30):
            return await main(cluster)

    return run_live(bounded, run_dir=tmp_path, seed=1, module=MODULE)


both_worlds = pytest.mark.parametrize(
    "run", [simulated, pytest.param(live, marks=pytest.mark.live)], ids=["simulated", "live"]
)


def untold():
    """The inbox of a node that is told nothing."""
    return Mailbox("a").open()


class Running:
    """A node that runs in a nursery, with how it ended afterwards. `tell` is as to a child of a supervisor."""

    def __init__(self, cluster, name, incarnation, role):
        mailbox = Mailbox(name, NODE_MAILBOX)
        self.tell = mailbox.ref.tell_nowait
        self._run = partial(cluster.run_node, name, incarnation, role, mailbox.open())
        self.exit = None
        self.ended = trio.Event()

    async def start(self, nursery):
        self.node = await nursery.start(self._live)
        return self

    async def _live(self, task_status):
        self.exit = await self._run(task_status=task_status)
        self.ended.set()


def logged(tmp_path, segment):
    lines = (tmp_path / "events" / segment).read_bytes().splitlines()
    return [msgspec.json.decode(line, type=AnyEvent) for line in lines if b"block_flushed" not in line]


def details(tmp_path, segment):
    return [event.detail for event in logged(tmp_path, segment)]


def process_exists(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
