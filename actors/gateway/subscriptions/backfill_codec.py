"""What a gap is asked for with over HTTP, and how the answers are read. Pure.

A provider that answers something else than what it was asked makes the fill fail; one that has not got that
far yet makes it end early.
"""

from typing import Any

import msgspec

from battle.actors.gateway.subscriptions.codec import read_item, read_quantity, read_text
from battle.actors.gateway.subscriptions.continuity import Backfill, ChainHead, EthLog
from battle.actors.gateway.subscriptions.key import SubscriptionKey
from battle.actors.wire.jsonrpc import RpcResponse, encode_call, read_answer, read_answers
from battle.actors.wire.untrusted_json import Unreadable, reader

_NOT_IN_HEADER = ("transactions", "uncles", "size", "totalDifficulty", "withdrawals")
"""What a block has and a head that is published has not."""

_decode_block = reader(dict[str, msgspec.Raw] | None)
_decode_list = reader(list[msgspec.Raw])
_decode_filter = reader(dict[str, Any])

HEIGHT_ID = 0
"""The id of the one call of a fill that is no batch."""


def blocks_call(fill: Backfill) -> bytes:
    """A batch that asks for the blocks of a fill; each call's id is its height."""
    calls = [
        encode_call("eth_getBlockByNumber", [hex(height), False], height)
        for height in range(fill.first, fill.last + 1)
    ]
    return b"[%b]" % b",".join(calls)


def height_call() -> bytes:
    """Asks how far the provider is."""
    return encode_call("eth_blockNumber", [], HEIGHT_ID)


def logs_call(key: SubscriptionKey, first: int, last: int) -> bytes:
    """Asks for the logs of a subscription's filter in these heights."""
    wanted = _decode_filter(key.filter)
    return encode_call("eth_getLogs", [{**wanted, "fromBlock": hex(first), "toBlock": hex(last)}], HEIGHT_ID)


def read_blocks(body: bytes, fill: Backfill) -> tuple[tuple[ChainHead, ...], int]:
    """The heads of a fill as far as the provider has them without a hole, and the height up to which that is.

    Raises:
        Unreadable: the answer is no answer to `blocks_call`.
    """
    answers = {bytes(answer.id): answer for answer in read_answers(body)}
    heads: list[ChainHead] = []
    for height in range(fill.first, fill.last + 1):
        head = _read_block(answers.get(b"%d" % height), height)
        if head is None:
            break
        heads.append(head)
    return tuple(heads), fill.first - 1 + len(heads)


def _read_block(answer: RpcResponse | None, height: int) -> ChainHead | None:
    if answer is None or answer.error is not None or answer.result is msgspec.UNSET:
        return None
    block = _decode_block(answer.result)
    if block is None:
        return None
    header = {name: value for name, value in block.items() if name not in _NOT_IN_HEADER}
    head = read_item("newHeads", msgspec.json.encode(header).decode())
    assert isinstance(head, ChainHead)
    if head.number != height:
        raise Unreadable(f"asked for block {height}, got {head.number}")
    return head


def read_height(body: bytes) -> int:
    """How far the provider is.

    Raises:
        Unreadable: it does not say.
    """
    return read_quantity(read_text(_result(body)))


def read_logs(body: bytes) -> tuple[EthLog, ...]:
    """The logs of an eth_getLogs.

    Raises:
        Unreadable: the answer is an error, or no list of logs.
    """
    found = _decode_list(_result(body))
    logs = [read_item("logs", bytes(log).decode()) for log in found]
    return tuple(log for log in logs if isinstance(log, EthLog))


def _result(body: bytes) -> bytes:
    answer = read_answer(body)
    if answer.error is not None or answer.result is msgspec.UNSET:
        raise Unreadable("an error, or no result")
    return bytes(answer.result)
