"""Roles for nodes in tests, and `python -m tests.actors.world.playing FD`, a node's process that plays them."""

import sys
import time

import trio

from actors.spec import Spec
from store.events import RunChanged


class Echo(Spec, frozen=True, tag="echo"):
    """Answers on `address` with what it hears; appends each message from the coordinator to its log."""

    address: str


class Crash(Spec, frozen=True, tag="crash"):
    """Raises, before or after it is ready."""

    ready: bool


class Spin(Spec, frozen=True, tag="spin"):
    """Is ready, then blocks its event loop for ever."""


class Finish(Spec, frozen=True, tag="finish"):
    """Is ready, then done."""


class Note(Spec, frozen=True, tag="note"):
    """A message."""

    text: str


Role = Echo | Crash | Spin | Finish


async def boot(world, role, control):
    match role:
        case Echo(address):
            await _echo(world, address, control)
        case Crash(ready):
            if ready:
                control.ready()
                await trio.sleep(0.05)
            raise RuntimeError("the role broke")
        case Spin():
            control.ready()
            await trio.sleep(0.05)
            _block()
        case Finish():
            control.ready()


def _block():
    time.sleep(60)


async def _echo(world, address, control):
    async def answer(stream):
        while data := await stream.receive_some():
            stream.write(data)

    async with trio.open_nursery() as nursery:
        await nursery.start(world.serve, address, answer)
        control.ready()
        try:
            async for note in control.inbox:
                world.log.append(RunChanged(at_ns=world.now_ns(), phase="started", detail=note.text))
        finally:
            world.log.append(RunChanged(at_ns=world.now_ns(), phase="ended", detail="finally"))


if __name__ == "__main__":
    from actors.world.live.child import run_node

    sys.exit(run_node(int(sys.argv[1]), Role, Note, boot))
