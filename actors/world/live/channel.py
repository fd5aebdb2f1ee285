"""The control channel between the coordinator and a node's process: length-prefixed JSON over a socket pair.

It carries little and is never on the path of a request. Its end means stop: a node whose coordinator is
gone leaves as well.
"""

import socket
import struct

import msgspec
import trio

FRAME_LIMIT_BYTES = 16 * 2**20
"""No specification of a node comes near this; a longer frame is not one of ours."""

_LENGTH = struct.Struct("!I")


class Start(msgspec.Struct, frozen=True, tag="start"):
    """The coordinator's first word: who the node is, and the role it is to play."""

    run_dir: str
    node: str
    incarnation: int
    seed: int
    epoch_ns: int
    role: msgspec.Raw


class Deliver(msgspec.Struct, frozen=True, tag="deliver"):
    """A message for the node's role."""

    message: msgspec.Raw


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The node does its work now."""


class Beat(msgspec.Struct, frozen=True, tag="beat"):
    """The node's event loop still turns."""


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The node ends because of an exception; `for_good` when that is the scenario's own, as in `Exit`."""

    reason: str
    for_good: bool = False


class Done(msgspec.Struct, frozen=True, tag="done"):
    """The node ends because its role has done its work. One that ends without this was ended by something else."""


ToNode = Start | Deliver
FromNode = Ready | Beat | Failed | Done


class Channel:
    """One end of a control channel; only one task at a time may send."""

    def __init__(self, sock: socket.socket) -> None:
        self._stream = trio.SocketStream(trio.socket.from_stdlib_socket(sock))
        self._received = bytearray()

    async def send(self, message: ToNode | FromNode) -> None:
        """Send one frame. Raises trio.BrokenResourceError when the other end is gone."""
        body = msgspec.json.encode(message)
        await self._stream.send_all(_LENGTH.pack(len(body)) + body)

    async def receive(self) -> bytes | None:
        """The next frame's body; None when the other end has closed, also inside a frame."""
        while (body := self._take_frame()) is None:
            try:
                data = await self._stream.receive_some()
            except trio.BrokenResourceError:
                return None
            if not data:
                return None
            self._received += data
        return body

    def _take_frame(self) -> bytes | None:
        if len(self._received) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._received)
        assert length <= FRAME_LIMIT_BYTES, "not a frame of the control channel"
        end = _LENGTH.size + length
        if len(self._received) < end:
            return None
        body = bytes(self._received[_LENGTH.size : end])
        del self._received[:end]
        return body

    async def aclose(self) -> None:
        await self._stream.aclose()
