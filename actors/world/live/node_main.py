"""The inside of a live node's process: plays the role that it is sent, leaves when stopped or orphaned."""

import ctypes
import faulthandler
import gc
import os
import resource
import signal
import socket
import traceback
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import trio

from battle.actors.author_errors import is_authors
from battle.actors.spec.base import Spec
from battle.actors.system.mailbox import ActorRef, Inbox, Mailbox, MailboxSpec
from battle.actors.world.common import describe_failure
from battle.actors.world.interfaces import INBOX_MESSAGES, Control, World
from battle.actors.world.live.channel import Beat, Channel, Deliver, Done, Failed, Ready, Start, ToNode
from battle.actors.world.live.process import WHERE_SIGNAL
from battle.actors.world.live.reactor import Reactor
from battle.actors.world.live.shared_file import SharedFile, shared_lines_path
from battle.actors.world.live.world import LiveWorld
from battle.store import typed
from battle.store.segment import FLUSH_INTERVAL_NS, SegmentWriter, open_segment, run_mark

BEAT_SECONDS = 0.5

_PR_SET_PDEATHSIG = 1
_GC_THRESHOLD = 50_000
"""With what exists at the start frozen and this threshold, the longest pause measured was 0.16 ms, not 18."""

_decode = typed.decoder(ToNode).decode

Boot = Callable[[World, Any, Control], Awaitable[None]]


class _LiveControl:
    def __init__(self, inbox: Inbox) -> None:
        self.inbox = inbox
        self.is_ready = trio.Event()

    def ready(self) -> None:
        self.is_ready.set()


def run_node(fd: int, role_type: Any, message_type: Any, boot: Boot) -> int:
    """Be the node that the coordinator on the other end of control socket `fd` asks for.

    Arguments: `role_type` and `message_type` are what roles and messages decode to; `boot` runs a role.
    Returns the process's exit status: 0 when the role ended or was stopped in order.
    """
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # holds even while we are SIGSTOPped
    if os.getppid() != parent:
        return 1  # the coordinator died before we could ask to die with it
    faulthandler.register(WHERE_SIGNAL, all_threads=False)
    return trio.run(_main, fd, role_type, message_type, boot)


async def _main(fd: int, role_type: Any, message_type: Any, boot: Boot) -> int:
    channel = Channel(socket.socket(fileno=fd))
    frame = await channel.receive()
    if frame is None:
        return 1
    start = _decode(frame)
    assert isinstance(start, Start)
    role = typed.decode(start.role, role_type)
    try:
        done = await _play(channel, start, role, message_type, boot)
    except Exception as error:
        traceback.print_exc()
        await _send_last(channel, Failed(describe_failure(error), for_good=is_authors(error)))
        return 1
    if done:
        await _send_last(channel, Done())
    return 0


async def _play(channel: Channel, start: Start, role: Spec, message_type: Any, boot: Boot) -> bool:
    """Run the role with the reactor beneath it, its log beside it, and the control channel over it.

    Returns whether it has done its work, and was not stopped.
    """
    _raise_open_files()
    done = False
    reactor = Reactor(start.epoch_ns)
    run = run_mark(start.seed, start.epoch_ns)
    sink = open_segment(Path(start.run_dir), start.node, start.incarnation, run)

    def arm_flush() -> None:
        reactor.call_at(reactor.now_ns() + FLUSH_INTERVAL_NS, writer.flush)

    writer = SegmentWriter(sink, arm_flush)
    shared_lines = SharedFile(shared_lines_path(Path(start.run_dir)))
    world = LiveWorld(reactor, start.node, start.seed, writer, shared_lines)
    mailbox = Mailbox(start.node, MailboxSpec(INBOX_MESSAGES, "wait"))
    control = _LiveControl(mailbox.open())
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD)
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(reactor.run)
            nursery.start_soon(_obey, channel, mailbox.ref, message_type, nursery.cancel_scope)
            nursery.start_soon(_report, channel, control)
            nursery.start_soon(_stop_at_sigterm, nursery.cancel_scope)
            await boot(world, role, control)
            done = True
            nursery.cancel_scope.cancel()
    finally:
        mailbox.close()
        writer.close()
        shared_lines.close()
        reactor.close()
    return done


def _raise_open_files() -> None:
    """As many as may be had: the usual limit of 1,024 is fewer than the connections of a large load."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # where that is forbidden, the limit is named when it is met
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def _obey(channel: Channel, role: ActorRef, message_type: Any, scope: trio.CancelScope) -> None:
    """Pass on to the role what comes; stop when the coordinator closes the channel, or is gone.

    While the mailbox of the role is full, what else comes waits in the channel.
    """
    decode = typed.decoder(message_type).decode
    while (frame := await channel.receive()) is not None:
        message = _decode(frame)
        assert isinstance(message, Deliver)
        await role.tell(decode(message.message))
    scope.cancel()


async def _report(channel: Channel, control: _LiveControl) -> None:
    """Say once that the node is ready, then now and then that it is alive."""
    await control.is_ready.wait()
    await channel.send(Ready())
    while True:
        await trio.sleep(BEAT_SECONDS)
        await channel.send(Beat())


async def _stop_at_sigterm(scope: trio.CancelScope) -> None:
    with trio.open_signal_receiver(signal.SIGTERM) as signals:
        async for _ in signals:
            scope.cancel()


async def _send_last(channel: Channel, message: Failed | Done) -> None:
    # When nobody is left to hear it, the exit status and stderr still say it.
    with suppress(trio.BrokenResourceError), trio.move_on_after(1):
        await channel.send(message)
