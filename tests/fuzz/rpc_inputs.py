"""Malformed JSON-RPC: valid calls of every method, with wrong types, wrong envelopes, wrong text."""

from random import Random

import msgspec

from battle.actors.chain.methods import METHODS
from battle.actors.units import ms
from tests.actors.wire.websocket.stage import (
    HANDSHAKE,
    TEXT,
    close_frame,
    frame,
)
from tests.fuzz.http_inputs import HEAD, chunked, encoded, valid
from tests.fuzz.inputs import PATIENCE, Input, Say, Wait, delivered, mangle

ADDRESS, HASH = "0x" + "ab" * 20, "0x" + "cd" * 32
SUBSCRIPTIONS = ("eth_subscribe", "eth_unsubscribe")

PARAMS = {
    "eth_call": [{"to": ADDRESS, "data": "0x01"}, "latest"],
    "eth_estimateGas": [{"from": ADDRESS, "input": "0x01"}, "latest"],
    "eth_feeHistory": [4, "latest", [10, 50]],
    "eth_getBalance": [ADDRESS, "latest"],
    "eth_getBlockByHash": [HASH, True],
    "eth_getBlockByNumber": ["latest", False],
    "eth_getCode": [ADDRESS, {"blockNumber": "0x10"}],
    "eth_getLogs": [
        {"fromBlock": "0x1f0", "toBlock": "latest", "address": [ADDRESS], "topics": [None, [HASH]]}
    ],
    "eth_getStorageAt": [ADDRESS, "0x0", {"blockHash": HASH}],
    "eth_getTransactionByHash": [HASH],
    "eth_getTransactionCount": [ADDRESS, "pending"],
    "eth_getTransactionReceipt": ["0xba771e00" + "0" * 56],
    "eth_sendRawTransaction": ["0x0102"],
    "eth_subscribe": ["logs", {"address": ADDRESS, "topics": [HASH]}],
    "eth_unsubscribe": ["0x1"],
}

WRONG = (
    None, True, False, 0, -1, 1.5, 2**53, 2**63, 2**64 - 1, -(2**63), "", "x", "latest", "0x", "0xg",
    "0x" + "f" * 17,
    "0x" + "f" * 16, "0xffffffffffffffff", "-0x1", "0x1\n", " 0x1", "\u0661", "\U0001f600", "x" * 5000, [],
    {}, [[]], [None] * 300,
    {"a": 1}, {"": None}, ADDRESS, HASH, ADDRESS.upper(), [ADDRESS] * 2000,
    {"fromBlock": "0x0", "toBlock": "0xffff"},
    {"blockHash": HASH, "fromBlock": "0x1"}, {"blockHash": 5}, {"address": [[]]}, {"topics": [[[]]]},
    {"topics": {}},
    {"topics": [None] * 5}, {"to": 5}, {"to": ADDRESS, "data": "0x1"}, "newHeads", "logs",
    "newPendingTransactions",
)  # fmt: skip

WRONG_TEXT = (
    b"1" + b"0" * 30, b"18446744073709551616", b"-99999999999999999999", b"1" + b"0" * 500,
    b"1" + b"0" * 5000, b"1e400", b"1e999999",
    b"-0", b"0.0000000000000000000000001", b'"\\ud800"', b'"\\u0000"', b'"\xff"', b'"\xed\xa0\x80"', b"NaN",
    b"Infinity", b"nul",
    b'"', b"'x'", b"01", b"+1", b"1.", b".5", b"[1,]", b'{"a":1,}', b"{1:2}", b"/**/1", b'{"a":1,"a":2}',
    b"\xef\xbb\xbf1",
)  # fmt: skip

IDS = (b"1", b'"w0-1"', b"null", b"0", b"-1", b"1.5", b"1e3", b'""', b'"\\u00e9"', b'"' + b"i" * 3000 + b'"')
BAD_IDS = (b"{}", b"[]", b"true", b"false", b"[1]", b'{"a":1}')

DEPTHS = (1, 10, 100, 300, 450, 480, 495, 500, 700, 900, *range(930, 1001, 2), 2000, 60_000)
"""Python's own limit is 1000, of which every caller takes some: so each depth around it means something else."""


def call(
    method: bytes | str, params: bytes | None = None, call_id: bytes | None = b"1", version=b'"2.0"'
) -> bytes:
    """A call as JSON text, of parts that are JSON text or should be."""
    name = msgspec.json.encode(method) if isinstance(method, str) else method
    parts = [b'"jsonrpc":%b' % version, b'"method":%b' % name]
    if params is not None:
        parts.append(b'"params":%b' % params)
    if call_id is not None:
        parts.append(b'"id":%b' % call_id)
    return b"{%b}" % b",".join(parts)


def params_of(method: str) -> bytes:
    return msgspec.json.encode(PARAMS.get(method, []))


def a_method(rng: Random) -> str:
    return rng.choice((*METHODS, *SUBSCRIPTIONS, "eth_subscribe", "eth_getLogs"))


def rpc_text(rng: Random) -> tuple[str, bytes, int | None]:
    """What kind, the text, and the error code if it is certain."""
    return rng.choice(_KINDS)(rng)


def _wrong_value(rng: Random) -> tuple[str, bytes, None]:
    method = a_method(rng)
    values = msgspec.json.decode(params_of(method))
    for _ in range(rng.choice((1, 1, 2))):
        at = rng.randrange(len(values) + 1)
        values[at : at + rng.choice((0, 1, 1, 1))] = [rng.choice(WRONG)] * rng.choice((1, 1, 1, 2))
    if values and isinstance(values[0], dict) and values[0]:
        name = rng.choice((*values[0], "fromBlock", "address"))
        values[0] = {**values[0], name: rng.choice(WRONG)}
    return "wrong value", call(method, msgspec.json.encode(values), rng.choice(IDS)), None


def _wrong_number(rng: Random) -> tuple[str, bytes, None]:
    method, value = a_method(rng), rng.choice(WRONG_TEXT)
    shape = rng.choice(
        (b"[%b]", b"%b", b'{"a":%b}', b'["logs",{"address":%b}]', b"[%b,%b]", b'["logs",{"topics":[[%b]]}]')
    )
    return "wrong text inside", call(method, shape.replace(b"%b", value), rng.choice(IDS)), None


def _wrong_envelope(rng: Random) -> tuple[str, bytes, None]:
    wrong = msgspec.json.encode(rng.choice(WRONG))
    method = a_method(rng)
    texts = (
        call(method, params_of(method), rng.choice(BAD_IDS)),
        call(method, wrong, rng.choice(IDS)),
        call(wrong, b"[]", rng.choice(IDS)),
        call(method, b"[]", rng.choice(IDS), version=wrong),
        call(method, params_of(method), wrong),
        call(method, params_of(method), rng.choice(WRONG_TEXT)),
        call(method, params_of(method), None),
        b'{"id":%b}' % rng.choice((*IDS, *BAD_IDS)),
        b"{}",
        wrong,
        rng.choice(WRONG_TEXT),
        b"",
        b" \n",
        b'{"jsonrpc":"2.0","id":1,"result":"0x1"}',
        call(method, b"[]", b'1,"id":2'),
    )
    return "wrong envelope", rng.choice(texts), None


def _unknown(rng: Random) -> tuple[str, bytes, int | None]:
    names = (
        "eth_nothing",
        "",
        "\0",
        "é" * 50,
        "rpc." + "x" * 2000,
        f"m{rng.randrange(10**9)}",
        "eth_chainid",
    )
    return "unknown method", call(rng.choice(names), b"[]", rng.choice(IDS)), -32601


def _deep(rng: Random) -> tuple[str, bytes, None]:
    depth, method = rng.choice(DEPTHS), a_method(rng)
    opened, closed = rng.choice(((b"[", b"]"), (b'{"a":', b"}"), (b'["logs",{"address":', b"}]")))
    if depth > 1000 or opened == b"[":
        deep = opened * depth + b"1" + closed * depth
    else:
        deep = (
            opened * (depth // 2)
            + b"[" * (depth - depth // 2)
            + b"]" * (depth - depth // 2)
            + closed * (depth // 2)
        )
    shape = rng.choice(
        (b"[%b]", b"%b", b'["logs",{"address":%b}]', b'["logs",{"topics":%b}]', b'["logs",%b]')
    )
    params = shape % deep
    if rng.random() < 0.1:
        params = params[: len(params) // 2]
    text = rng.choice((call(method, params), call(method, b"[]", deep), deep, call(deep, b"[]")))
    return f"{depth} deep", b"[%b,%b]" % (text, call(method)) if rng.random() < 0.4 else text, None


def _batch(rng: Random) -> tuple[str, bytes, None]:
    items = []
    for _ in range(rng.choice((1, 2, 3, 10, 40))):
        _, text, _ = rng.choice((_wrong_value, _wrong_number, _wrong_envelope, _unknown, _good))(rng)
        items.append(text)
    batch = b"[%b]" % b",".join(items)
    extra = rng.choice((batch, batch, batch, b"[]", b"[%b]" % batch, batch[:-1], batch + b"]", batch + batch))
    return "batch", extra, None


def _large_batch(rng: Random) -> tuple[str, bytes, None]:
    item = rng.choice(
        (
            b"1",
            b"{}",
            b"[]",
            call("eth_chainId"),
            call("eth_chainId", None, None),
            call("eth_subscribe", b'["newHeads"]'),
        )
    )
    return "large batch", b"[%b]" % b",".join([item] * rng.choice((200, 999, 1000, 1001, 1500))), None


def _mangled(rng: Random) -> tuple[str, bytes, None]:
    method = a_method(rng)
    text = call(method, params_of(method), rng.choice(IDS))
    if rng.random() < 0.3:
        text = b"[%b,%b]" % (text, call(a_method(rng), b"[]", b'"w0-2"'))
    return "mangled", mangle(rng, text), None


def _good(rng: Random) -> tuple[str, bytes, None]:
    method = a_method(rng)
    return "good", call(method, params_of(method), rng.choice(IDS)), None


_KINDS = (
    _wrong_value, _wrong_value, _wrong_value, _wrong_number, _wrong_number, _wrong_envelope,
    _wrong_envelope, _unknown,
    _deep, _deep, _batch, _batch, _mangled, _mangled, _good,
)  # fmt: skip


def rpc_input(rng: Random, name: str) -> Input:
    """One malformed text over HTTP."""
    kind, text, code = _large_batch(rng) if rng.random() < 0.01 else rpc_text(rng)
    if rng.random() < 0.1:
        headers = (*HEAD, (b"transfer-encoding", b"chunked"))
        data = encoded(
            headers=headers,
            body=chunked(rng, text) if len(text) < 5000 else b"%x\r\n%b\r\n0\r\n\r\n" % (len(text), text),
        )
    else:
        data = valid(text)
    steps = delivered(rng, data, pauses=(ms(1), ms(300))) if len(data) < 5000 else (Say(data),)
    return Input(f"{name} rpc {kind}", steps, frozenset({200, 204, 429, 502}), asked=text, code=code)


def ws_rpc_input(rng: Random, name: str) -> Input:
    """The same in a WebSocket's message; the client stays for a few blocks, then closes in good order."""
    kind, text, code = rpc_text(rng)
    # What is no UTF-8 never becomes a message: `ws_inputs` has that.
    text = text.decode("utf-8", "replace").encode()
    pause = Wait(ms(1))
    steps = (Say(HANDSHAKE), pause, Say(frame(TEXT, text)), Wait(PATIENCE), Say(close_frame(1000)))
    return Input(f"{name} ws rpc {kind}", steps, frozenset({101}), frozenset({1000}), asked=text, code=code)
