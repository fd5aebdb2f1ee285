"""What the fuzzers begin with: for each target a few valid texts, and one with what JSON's readers disagree about."""

from base64 import b64encode
from collections.abc import Iterable

import msgspec

from battle.actors.chain.notifications import header, logs_of_block, read_pattern
from battle.actors.wire.jsonrpc import encode_call
from tools.fuzz.targets import BUSY, FILL, HEAD, KEY, MODEL, QUESTIONS

_encode = msgspec.json.encode

ODD_VALUES = (
    b"1e999", b"-1e999", b"1e-999", b"-0", b"1.0", b"9" * 400, b"9" * 5000, b"-" + b"9" * 25,
    b"9223372036854775808", b"NaN",
    b"null", b"true", b"[]", b"{}", b'""', b'"\\u0000"', b'"\\ud800"', b'"\\udc00\\ud800"', b'"\xff"',
    b'"\xed\xa0\x80"',
    b'"\\uD83D\\uDE00"', b'"0x"', b'"0x-1"', b'"-0x1"', b'"0x_1"', b'"0x' + b"f" * 16 + b'"',
    b'"0x' + b"f" * 5000 + b'"',
    b'"' + b"exceeded " * 300 + b'"', b'{"a":1,"a":2}', b'{"\xff":1}', b"[1e999]", b'["\xff"]',
    *(b"[" * depth + b"]" * depth for depth in (99, 400, 700, 850, 900, 950, 1000, 5000)),
    *(b'{"a":' * depth + b"1" + b"}" * depth for depth in (400, 850, 950)),
)  # fmt: skip
"""Values to put in the place of others."""


def _call(method: str, params: object, call_id: object = "w0-4") -> bytes:
    return encode_call(method, params, call_id)


def _answer(result: object, call_id: object = "w0-4") -> bytes:
    return _encode({"jsonrpc": "2.0", "id": call_id, "result": result})


def _error(call_id: object = "w0-4") -> bytes:
    return _encode({"jsonrpc": "2.0", "id": call_id, "error": {"code": -32000, "message": "no", "data": [1]}})


def _news(result: object) -> bytes:
    params = {"subscription": "0x1", "result": result}
    return _encode({"jsonrpc": "2.0", "method": "eth_subscription", "params": params})


def _calls() -> list[bytes]:
    single = [_call(method, params) for method, params in QUESTIONS.items()]
    subscribe = _call(
        "eth_subscribe", ["logs", {"address": "0x" + "ab" * 20, "topics": [None, "0x" + "1" * 64]}]
    )
    return [*single, b"[%b]" % b",".join(single[:3]), subscribe, _call("eth_unsubscribe", ["0x1"])]


def _answers() -> list[bytes]:
    single = [_answer(MODEL.answer(method, params, HEAD)) for method, params in QUESTIONS.items()]
    batch = b"[%b]" % b",".join([_answer(hex(HEAD)), _error("w0-5"), _answer([], "w0-6")])
    return [*single, _error(), batch]


def _notifications() -> list[bytes]:
    logs = logs_of_block(MODEL, read_pattern({}), BUSY)
    transaction = MODEL.block_at(BUSY).transactions[0]["hash"]
    return [
        _news(header(MODEL, HEAD)),
        *(_news(log) for log in logs[:1]),
        _news(transaction),
        _answer("0x1", 1),
    ]


def _fills() -> list[bytes]:
    blocks = [_answer(MODEL.answer("eth_getBlockByNumber", [hex(height), False], HEAD), height)
              for height in range(FILL.first, FILL.last + 1)]  # fmt: skip
    logs = MODEL.answer("eth_getLogs", QUESTIONS["eth_getLogs"], HEAD)
    return [b"[%b]" % b",".join(blocks), _answer(hex(HEAD), 0), _answer(logs[:2], 0)]


def _requests() -> list[bytes]:
    body = _call("eth_chainId", [])
    head = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
    key = b64encode(KEY)
    return [
        b"%bcontent-length: %d\r\n\r\n%b" % (head, len(body), body) * 2,
        b"%btransfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\nx: y\r\n\r\n" % (head, len(body), body),
        b"GET / HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
        b"sec-websocket-version: 13\r\nsec-websocket-key: %b\r\n\r\n" % key,
    ]


def _responses() -> list[bytes]:
    body = _answer("0x1")
    return [
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body),
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body),
        b"HTTP/1.0 503 no\r\nretry-after: 1\r\n\r\nno",
    ]


def _switched() -> list[bytes]:
    return [
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
        b"sec-websocket-accept: %b\r\n\r\n\x81\x00" % b"x" * 1,
        b"HTTP/1.1 405 no\r\ncontent-length: 2\r\n\r\nno",
    ]


def _frames(mask: bytes) -> list[bytes]:
    bit = 0x80 if mask else 0
    text = bytes([0x81, bit | 2]) + mask + bytes(b ^ m for b, m in zip(b"[]", mask or b"\0\0", strict=False))
    return [text, bytes([0x89, bit]) + mask, bytes([0x88, bit | 2]) + mask + b"\x03\xe8", text * 3]


def seeds(target: str) -> Iterable[bytes]:
    """Valid inputs of a target."""
    lines = b'{"at_ms": 0, "method": "m", "params": []}\n{"at_ns": 5, "method": "m", "params": {"a": [1]}}\n'
    return {
        "calls": _calls,
        "gateway_calls": _calls,
        "http_requests": _requests,
        "frames_of_clients": lambda: _frames(b"\1\2\3\4"),
        "frames_of_servers": lambda: _frames(b""),
        "traces": lambda: [lines],
        "attempts": lambda: [*_answers(), b"Mon, 01 Jan 2024 00:00:00 -0000"],
        "gateway_messages": _notifications,
        "fills": _fills,
        "http_responses": _responses,
        "handshakes": _switched,
        "answers": _answers,
        "notifications": _notifications,
    }[target]()
