"""One input: what a client does on one connection, and what the node owes it for that."""

from random import Random

import msgspec

from battle.actors.units import ms

PATIENCE = ms(8000)
"""How long a polite client waits for an answer before it closes: more than the gateway's deadline."""


class Say(msgspec.Struct, frozen=True):
    data: bytes


class Wait(msgspec.Struct, frozen=True):
    duration: int


class HalfClose(msgspec.Struct, frozen=True):
    pass


class Reset(msgspec.Struct, frozen=True):
    pass


Step = Say | Wait | HalfClose | Reset


class Input(msgspec.Struct, frozen=True):
    """What is expected besides the rules that hold for all: None and empty expect nothing more."""

    name: str
    steps: tuple[Step, ...]
    status: frozenset[int] = frozenset()
    """The last response has one of these."""
    close: frozenset[int] = frozenset()
    """The WebSocket is closed by the node with one of these."""
    asked: bytes | None = None
    """The JSON-RPC text that arrives whole: whoever reads it knows which ids must come back."""
    code: int | None = None
    """The JSON-RPC error that answers it."""
    is_head: bool = False
    """A HEAD request: its response has no body."""

    @property
    def said(self) -> bytes:
        return b"".join(step.data for step in self.steps if isinstance(step, Say))

    @property
    def leaves(self) -> bool:
        """Whether the client goes away by itself, so that nobody owes it anything."""
        return any(isinstance(step, HalfClose | Reset) for step in self.steps)

    def __str__(self) -> str:
        said = self.said
        shown = repr(said if len(said) <= 2000 else said[:1000] + b" ... " + said[-500:])
        others = [step for step in self.steps if not isinstance(step, Say)]
        return f"{self.name} ({len(said)} bytes, {len(self.steps)} steps, {others[:5]}): {shown}"


TOKENS = (
    b"\r\n", b"\n", b"\r", b"\0", b"\r\n\r\n", b":", b" ", b"\t", b"\xff", b"\x80", b"\xc3\x28",
    b"\xed\xa0\x80",
    b"HTTP/1.1", b"HTTP/2.0", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"chunked", b"Content-Length: 5\r\n",
    b"0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Upgrade: websocket\r\n", b"Expect: 100-continue\r\n", b"-1",
    b"99999999999999999999", b"ffffffffffffffff", b"18446744073709551616", b"1e999", b"{", b"}", b"[", b"]",
    b'"',
    b",", b"null", b"true", b"\\ud800", b"\\", b"NaN",
    b'{"jsonrpc":"2.0"', b'"id":{}', b"\xef\xbb\xbf", b"//", b"%00",
)  # fmt: skip


def mangle(rng: Random, data: bytes, times: int | None = None) -> bytes:
    """A few small accidents: flipped, lost, doubled, moved and foreign bytes, and an early end."""
    for _ in range(times or rng.choice((1, 1, 1, 2, 3, 8))):
        data = _mangle_once(rng, data)
    return data


def _mangle_once(rng: Random, data: bytes) -> bytes:
    at = rng.randrange(len(data) + 1)
    to = min(len(data), at + rng.choice((1, 1, 2, 4, 16, 64)))
    match rng.randrange(8):
        case 0 if at < len(data):
            return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
        case 1:
            return data[:at] + data[to:]
        case 2:
            return data[:at] + data[at:to] * rng.choice((2, 3, 50)) + data[to:]
        case 3:
            return data[:at] + rng.randbytes(to - at) + data[to:]
        case 4 if at < len(data):
            return data[:at]
        case 5:
            other = rng.randrange(len(data) + 1)
            return data[:other] + data[at:to] + data[other:]
        case _:
            return data[:at] + rng.choice(TOKENS) + data[at:]


PAUSES = (ms(1), ms(300), ms(4000))


def delivered(rng: Random, data: bytes, pauses=PAUSES) -> tuple[Step, ...]:
    """The bytes as a network brings them: whole, in pieces, byte by byte, with pauses."""
    match rng.randrange(6):
        case 0 if len(data) <= 600:
            return tuple(Say(data[at : at + 1]) for at in range(len(data)))
        case 1 | 2:
            cuts = sorted(rng.randrange(len(data) + 1) for _ in range(rng.choice((1, 2, 5))))
            pieces = [Say(data[a:b]) for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True) if a < b]
            if rng.random() < 0.5:
                return tuple(pieces)
            pause = Wait(rng.choice(pauses))
            return tuple(step for piece in pieces for step in (piece, pause))
        case _:
            return (Say(data),)


def ending(rng: Random) -> tuple[Step, ...]:
    """Most clients wait for what comes; some end their side, some are gone."""
    match rng.randrange(12):
        case 0:
            return (HalfClose(),)
        case 1:
            return (Reset(),)
        case 2:
            return (Wait(rng.choice((1, ms(1), ms(500)))), rng.choice((HalfClose(), Reset())))
        case _:
            return ()
