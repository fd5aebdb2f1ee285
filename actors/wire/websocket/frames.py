"""WebSocket frames (RFC 6455, 5 to 8) over wsproto: whole messages out of any bytes, within limits.

No I/O and no state of the connection: who closes, and what is done about it, is decided in `connection`.
"""

from collections.abc import Iterator
from typing import TypeAlias, cast

import msgspec
from wsproto.frame_protocol import Frame, FrameProtocol, Opcode, ParseFailed

from battle.actors.close_codes import BAD_TEXT, NO_CODE, TOO_BIG
from battle.actors.spec.limits import WebSocketLimits

MAX_CONTROL_BYTES = 125
"""What a ping may carry (RFC 6455, 5.5)."""


class Ping(msgspec.Struct, frozen=True):
    """The peer asks for a pong with the same payload."""

    payload: bytes


class Pong(msgspec.Struct, frozen=True):
    """The peer answers a ping, or says that it is there."""

    payload: bytes


class CloseFrame(msgspec.Struct, frozen=True):
    """The peer closes, or answers our closing. `code` is 1005 when it named none."""

    code: int
    reason: str


class Violation(msgspec.Struct, frozen=True):
    """The peer broke the protocol or a limit: the close code and reason for it."""

    code: int
    reason: str


Incoming: TypeAlias = bytes | Ping | Pong | CloseFrame | Violation
"""What the peer sent; bytes are a whole message, valid UTF-8."""


class Frames:
    """Both directions of one connection. `client` says which side we are."""

    # wsproto masks what a client sends with os.urandom. That is fine in a simulation: masking changes the
    # bytes on the wire, which no log holds, and neither their number nor their meaning.

    def __init__(self, client: bool, limits: WebSocketLimits) -> None:
        self._protocol = FrameProtocol(client, [])
        self._limits = limits
        self._parts = bytearray()
        self._fragments = 0
        self._discards = False
        self.broken = False
        """Whether what the peer sends cannot be understood any more."""

    # What the peer sent.

    def read(self, data: bytes) -> Iterator[Incoming]:
        """Take bytes from the wire. Never raises; after a `Violation` only a `CloseFrame` can still come."""
        if self.broken:
            return
        self._protocol.receive_bytes(data)
        try:
            for frame in self._protocol.received_frames():
                incoming = self._read_frame(frame)
                if incoming is not None:
                    yield incoming
        except ParseFailed as error:
            self.broken = True
            if not self._discards:
                self._discards = True
                yield Violation(int(error.code), str(error))

    def _read_frame(self, frame: Frame) -> Incoming | None:
        opcode = frame.opcode
        if opcode is Opcode.CLOSE:
            code, reason = cast("tuple[int, str]", frame.payload)
            return CloseFrame(int(code), reason)
        if self._discards:
            return None
        if opcode is Opcode.TEXT or opcode is Opcode.BINARY:
            return self._read_part(frame)
        payload = cast("bytes", frame.payload)
        return Ping(payload) if opcode is Opcode.PING else Pong(payload)

    def _read_part(self, frame: Frame) -> bytes | Violation | None:
        payload = frame.payload
        # wsproto has made text of it to check it; JSON is read from bytes.
        part = payload.encode() if isinstance(payload, str) else cast("bytes", payload)
        if not self._parts and frame.message_finished and len(part) <= self._limits.message_bytes:
            self._fragments = 0
            return self._checked(part, frame.opcode)
        self._parts += part
        self._fragments += frame.frame_finished
        if len(self._parts) > self._limits.message_bytes:
            return self._refuse(TOO_BIG, f"a message may have {self._limits.message_bytes} bytes")
        if self._fragments > self._limits.fragments:
            return self._refuse(TOO_BIG, f"a message may have {self._limits.fragments} fragments")
        if not frame.message_finished:
            return None
        message = bytes(self._parts)
        self._forget_parts()
        return self._checked(message, frame.opcode)

    def _checked(self, message: bytes, opcode: Opcode) -> bytes | Violation:
        """Servers accept calls in binary messages too, as long as they are text."""
        if opcode is Opcode.BINARY:
            try:
                message.decode()
            except UnicodeDecodeError as error:
                return self._refuse(BAD_TEXT, str(error))
        return message

    def _refuse(self, code: int, reason: str) -> Violation:
        self._discards = True
        self._forget_parts()
        return Violation(code, reason)

    def _forget_parts(self) -> None:
        self._parts.clear()
        self._fragments = 0

    def discard(self) -> None:
        """Nothing but the peer's close frame is of interest from now on."""
        self._discards = True
        self._forget_parts()

    # What we send.

    def text(self, text: bytes | str) -> bytes:
        """A whole text message in one frame."""
        return bytes(self._protocol.send_data(text if isinstance(text, str) else text.decode()))

    def ping(self, payload: bytes) -> bytes:
        """A ping; its payload is at most `MAX_CONTROL_BYTES`."""
        return bytes(self._protocol.ping(payload))

    def pong(self, payload: bytes) -> bytes:
        """The answer to a ping."""
        return bytes(self._protocol.pong(payload))

    def close(self, code: int, reason: str) -> bytes:
        """A close frame; one with `NO_CODE` is empty. A reason that is too long is cut."""
        if code == NO_CODE:
            return bytes(self._protocol.close())
        return bytes(self._protocol.close(code, reason))
