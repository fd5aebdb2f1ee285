"""Malformed WebSockets: wrong handshakes, and frames that break a rule, or almost."""

import struct
from random import Random

from battle.actors.units import ms
from tests.actors.wire.websocket.stage import (
    BINARY,
    CLOSE,
    CONTINUATION,
    HANDSHAKE,
    PING,
    PONG,
    TEXT,
    close_frame,
    frame,
)
from tests.fuzz.inputs import HalfClose, Input, Reset, Say, Wait, delivered, ending, mangle
from tests.fuzz.rpc_inputs import call

CALL = call("eth_chainId")
SUBSCRIBE = call("eth_subscribe", b'["newHeads"]')

HANDSHAKE_CHANGES = (
    (b"GET ", b"POST ", {405, 400, 413}),
    (b"GET ", b"HEAD ", {405}),
    (b"HTTP/1.1", b"HTTP/1.0", {404, 405, 426, 400}),
    (b"host: a\r\n", b"", {400}),
    (b"version: 13", b"version: 8", {426}),
    (b"version: 13", b"version: 13, 8", {426}),
    (b"sec-websocket-version: 13\r\n", b"", {426}),
    (b"dGhlIHNhbXBsZSBub25jZQ==", b"short", {400}),
    (b"dGhlIHNhbXBsZSBub25jZQ==", b"", {400}),
    (b"dGhlIHNhbXBsZSBub25jZQ==", b"\xff" * 24, {400}),
    (b"dGhlIHNhbXBsZSBub25jZQ==", b"A" * 15_000, {400, 431}),
    (b"upgrade: websocket", b"upgrade: h2c", {404, 405, 426}),
    (b"upgrade: websocket", b"upgrade: h2c, WebSocket", {101}),
    (b"connection: keep-alive, Upgrade", b"connection: keep-alive", {404, 405, 426}),
    (b"\r\n\r\n", b"\r\ncontent-length: 5\r\n\r\nhello", {400}),
    (b"\r\n\r\n", b"\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", {400}),
    (b"\r\n\r\n", b"\r\nsec-websocket-extensions: permessage-deflate\r\n\r\n", {101}),
    (b"\r\n\r\n", b"\r\nsec-websocket-protocol: soap\r\n\r\n", {101}),
)

BAD_CODES = (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65535)
GOOD_CODES = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 4999)


def _head(opcode: int, length: int, *, fin: bool = True) -> bytes:
    """The beginning of a masked frame that says it is this long."""
    short = length if length < 126 else 126 if length <= 0xFFFF else 127
    extended = b"" if short < 126 else struct.pack("!H" if short == 126 else "!Q", length)
    return bytes([fin << 7 | opcode, 0x80 | short]) + extended + b"\x12\x34\x56\x78"


VIOLATIONS = (
    ("unmasked", frame(TEXT, CALL, masked=False), {1002}),
    ("unmasked ping", frame(PING, masked=False), {1002}),
    *((f"reserved bit {bit}", frame(TEXT, CALL, rsv=bit), {1002}) for bit in range(1, 8)),
    *((f"opcode {code}", frame(code, b"x"), {1002}) for code in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)),
    *((f"fragmented control {code}", frame(code, b"", fin=False), {1002}) for code in (PING, PONG, CLOSE)),
    ("ping of 126 bytes", frame(PING, b"x" * 126), {1002}),
    ("pong of 70000 bytes", frame(PONG, b"x" * 70_000), {1002}),
    ("close of 126 bytes", close_frame(1000, b"x" * 124), {1002}),
    ("continues nothing", frame(CONTINUATION, b"x"), {1002}),
    ("continues nothing, unfinished", frame(CONTINUATION, b"x", fin=False), {1002}),
    ("interleaved messages", frame(TEXT, b"[", fin=False) + frame(TEXT, CALL), {1002}),
    ("continues a finished one", frame(TEXT, CALL) + frame(CONTINUATION, b"]"), {1002}),
    ("invalid UTF-8", frame(TEXT, b'"\xff"'), {1007}),
    ("a surrogate in UTF-8", frame(TEXT, b'"\xed\xa0\x80"'), {1007}),
    ("cut UTF-8", frame(TEXT, b"\xc3"), {1007}),
    ("invalid UTF-8 over fragments", frame(TEXT, b"\xc3", fin=False) + frame(CONTINUATION, b"("), {1007}),
    ("binary that is no text", frame(BINARY, b"\xff\xfe"), {1007}),
    *((f"close code {code}", close_frame(code), {1002}) for code in BAD_CODES),
    ("half a close code", frame(CLOSE, b"\x03"), {1002}),
    ("a close reason that is no text", close_frame(1000, b"\xff"), {1002, 1007}),
    ("a length of 2**63", b"\x81\xff" + b"\xff" * 8, {1002, 1009}),
    ("length not minimal", b"\x81\xfe\x00\x05\0\0\0\0hello", {1002}),
    ("64 bit length not minimal", b"\x81\xff" + struct.pack("!Q", 5) + b"\0\0\0\0hello", {1002}),
    ("too many fragments", frame(TEXT, b"[", fin=False) + frame(CONTINUATION, b"", fin=False) * 1030, {1009}),
)


def _in_fragments(text: bytes) -> bytes:
    """A frame for each byte."""
    last = len(text) - 1
    opcodes = [TEXT] + [CONTINUATION] * last
    return b"".join(frame(code, text[at : at + 1], fin=at == last) for at, code in enumerate(opcodes))


FINE = (
    ("a ping of 125 bytes", frame(PING, b"x" * 125)),
    ("an unasked pong", frame(PONG, b"x")),
    ("a pong of keep-alive", frame(PONG, b"keep-alive 1")),
    ("a call in fragments", _in_fragments(CALL)),
    ("a ping inside a message", frame(TEXT, CALL[:9], fin=False) + frame(PING, b"?") + frame(CONTINUATION, CALL[9:])),
    ("an empty message", frame(TEXT)),
    ("a call in a binary frame", frame(BINARY, CALL)),
    ("a call", frame(TEXT, CALL)),
    ("a subscription", frame(TEXT, SUBSCRIBE)),
    ("two hundred calls", frame(TEXT, CALL) * 200),
    ("two hundred pings", frame(PING, b"?") * 200),
)  # fmt: skip


def ws_input(rng: Random, name: str) -> Input:
    """A WebSocket with something wrong."""
    return rng.choice(_KINDS)(rng, f"{name} ws")


def _handshake(rng: Random, name: str) -> Input:
    old, new, statuses = rng.choice(HANDSHAKE_CHANGES)
    data = HANDSHAKE.replace(old, new, 1)
    more = frame(TEXT, CALL) if rng.random() < 0.3 and 101 in statuses else b""
    status = frozenset(statuses)
    return Input(f"{name} handshake {new[:40]!r}", (Say(data + more),), status, is_head=new == b"HEAD ")


def _mangled_handshake(rng: Random, name: str) -> Input:
    data = mangle(rng, HANDSHAKE) + rng.choice((b"", frame(TEXT, CALL), rng.randbytes(40)))
    return Input(f"{name} handshake mangled", (*delivered(rng, data), *ending(rng)))


def _before(rng: Random) -> list[bytes]:
    """What may come first without harm; nothing that is still unanswered when the connection ends."""
    return [rng.choice(FINE)[1] for _ in range(rng.choice((0, 0, 1, 3)))]


def _violation(rng: Random, name: str) -> Input:
    what, data, codes = rng.choice(VIOLATIONS)
    frames = b"".join(_before(rng)) + data + rng.choice((b"", b"", frame(TEXT, CALL), rng.randbytes(99)))
    together = rng.random() < 0.2
    steps = (Say(HANDSHAKE + frames),) if together else (Say(HANDSHAKE), Wait(ms(1)), *delivered(rng, frames))
    return Input(f"{name} {what}", steps, frozenset({101}), frozenset(codes))


def _closed(rng: Random, name: str) -> Input:
    code = rng.choice(GOOD_CODES)
    close = rng.choice((close_frame(code, b"bye"), close_frame(code, b"x" * 123)))
    frames = b"".join(_before(rng)) + close + rng.choice((b"", frame(TEXT, CALL)))
    steps = (Say(HANDSHAKE), Wait(ms(1)), *delivered(rng, frames))
    return Input(f"{name} closed with {code}", steps, frozenset({101}), frozenset({code}))


def _left(rng: Random, name: str) -> Input:
    frames = b"".join(_before(rng))
    frames += rng.choice((b"", frame(TEXT, CALL)[: rng.randrange(9)], _head(TEXT, 10**6) + b"[" * 500))
    end = rng.choice(((), (), (HalfClose(),), (Reset(),), (Wait(ms(3000)), Reset())))
    return Input(
        f"{name} left alone", (Say(HANDSHAKE), Wait(ms(1)), *delivered(rng, frames), *end), frozenset({101})
    )


def _mangled_frames(rng: Random, name: str) -> Input:
    parts = [
        *_before(rng),
        rng.choice(FINE)[1],
        rng.choice(VIOLATIONS)[1] if rng.random() < 0.3 else frame(TEXT, CALL),
    ]
    rng.shuffle(parts)
    frames = mangle(rng, b"".join(parts))
    steps = (Say(HANDSHAKE), Wait(ms(1)), *delivered(rng, frames), *ending(rng))
    return Input(f"{name} frames mangled", steps, frozenset({101}))


def _oversized(rng: Random, name: str) -> Input:
    size = rng.choice((2**21 + 1, 2**24, 2**31, 2**40, 2**62))
    kind = rng.choice((TEXT, BINARY))
    # Only what is announced is large: it is the bytes that come that count.
    steps = (Say(HANDSHAKE), Wait(ms(1)), Say(_head(kind, size) + b"[" * 30_000))
    return Input(f"{name} announces {size} bytes", steps, frozenset({101}))


_KINDS = (
    _handshake, _mangled_handshake, _violation, _violation, _violation, _closed, _left, _mangled_frames,
    _mangled_frames, _oversized,
)  # fmt: skip
