"""Roles for nodes in tests, and `python -m tests.actors.world.playing FD`, a node's process that plays them."""

import os
import resource
import sys
import time
from contextlib import suppress

import trio

from battle.actors.spec.base import Spec
from battle.store.events import RunChanged


class Echo(Spec, frozen=True, tag="echo"):
    """Answers on `address` with what it hears; appends each message from the coordinator to its log."""

    address: str


class Crash(Spec, frozen=True, tag="crash"):
    """Raises, before or after it is ready."""

    ready: bool


class Break(Spec, frozen=True, tag="break"):
    """Is ready; 50 ms later a callback of its raises, and there is another one due after that."""

    by: str
    """`timer`, or `data`: what the node hears on a connection to itself."""


class Spin(Spec, frozen=True, tag="spin"):
    """Is ready, then blocks its event loop for ever."""


class Tick(Spec, frozen=True, tag="tick"):
    """Appends to its log every 20 ms, by trio's sleep; each second that a deadline of trio's has passed."""


class Stubborn(Spec, frozen=True, tag="stubborn"):
    """Does not end when it is asked to."""


class Finish(Spec, frozen=True, tag="finish"):
    """Is ready, then done."""


class NeverReady(Spec, frozen=True, tag="never_ready"):
    """Does not say that it is ready, and does not end."""


class Starved(Spec, frozen=True, tag="starved"):
    """As `Echo`, but first without a descriptor left: it reads its usage, is ready, and soon lets go of them."""

    address: str


class Note(Spec, frozen=True, tag="note"):
    """A message."""

    text: str


Role = Echo | Crash | Break | Spin | Finish | Tick | Stubborn | NeverReady | Starved


async def boot(world, role, control):
    match role:
        case Echo(address):
            await _echo(world, address, control)
        case Crash(ready):
            if ready:
                control.ready()
                await trio.sleep(0.05)
            raise RuntimeError("the role broke")
        case Break(by):
            await _break(world, by, control)
        case Spin():
            control.ready()
            await trio.sleep(0.05)
            _block()
        case Finish():
            control.ready()
        case Tick():
            await _tick(world, control)
        case NeverReady():
            await trio.sleep_forever()
        case Starved(address):
            await _starve(world, address, control)
        case Stubborn():
            control.ready()
            with trio.CancelScope(shield=True):
                await trio.sleep_forever()


async def _break(world, by, control):
    def fail(*_):
        world.call_at(world.now_ns(), _note, world, "a callback after the crash")
        raise RuntimeError("the callback broke")

    async def listen(stream):
        stream.on_data(fail, _nothing)
        await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        address = await nursery.start(world.serve, "127.0.0.1:0", listen)
        control.ready()
        if by == "timer":
            world.call_at(world.now_ns() + 50_000_000, fail)
        else:
            (await world.connect(address)).write(b"?")
        try:
            await trio.sleep_forever()
        finally:
            _note(world, "finally")


def _nothing(*_):
    pass


async def _starve(world, address, control):
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    async with trio.open_nursery() as nursery:
        await nursery.start(world.serve, address, _answer)
        taken = []
        with suppress(OSError):
            while True:
                taken.append(os.open("/dev/null", os.O_RDONLY))
        assert world.usage() is None
        control.ready()
        await trio.sleep(0.5)
        for fd in taken:
            os.close(fd)


def _block():
    time.sleep(60)


async def _tick(world, control):
    async def expire():
        while True:
            with trio.move_on_after(1) as scope:
                await trio.sleep_forever()
            assert scope.cancelled_caught
            _note(world, "deadline")

    def fire():
        _note(world, "timer")
        world.call_at(world.now_ns() + 20_000_000, fire)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(expire)
        fire()
        control.ready()
        while True:
            await trio.sleep(0.02)
            _note(world, "tick")


def _note(world, text):
    world.log.append(RunChanged(at_ns=world.now_ns(), phase="started", detail=text))


async def _answer(stream):
    while data := await stream.receive_some():
        stream.write(data)


async def _echo(world, address, control):
    async with trio.open_nursery() as nursery:
        await nursery.start(world.serve, address, _answer)
        control.ready()
        try:
            async for note in control.inbox:
                _note(world, note.text)
        finally:
            _note(world, "finally")


if __name__ == "__main__":
    from battle.actors.world.live.node_main import run_node

    sys.exit(run_node(int(sys.argv[1]), Role, Note, boot))
