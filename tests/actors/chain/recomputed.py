"""Checks answers as who trusts nobody would: with py-evm's trie and rlp and with eth-account, from JSON alone."""

from typing import Any

import rlp
from eth_account import Account
from eth_utils import keccak
from trie import HexaryTrie

HEADER = [
    ("parentHash", bytes.fromhex), ("sha3Uncles", bytes.fromhex), ("miner", bytes.fromhex),
    ("stateRoot", bytes.fromhex), ("transactionsRoot", bytes.fromhex), ("receiptsRoot", bytes.fromhex),
    ("logsBloom", bytes.fromhex), ("difficulty", int), ("number", int), ("gasLimit", int), ("gasUsed", int),
    ("timestamp", int), ("extraData", bytes.fromhex), ("mixHash", bytes.fromhex), ("nonce", bytes.fromhex),
    ("baseFeePerGas", int),
]  # fmt: skip


def as_bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def as_int(text: str) -> int:
    assert text == hex(int(text, 16)), f"{text} is not written as a quantity"
    return int(text, 16)


def block_hash(block: dict[str, Any]) -> str:
    fields = [as_int(block[name]) if kind is int else as_bytes(block[name]) for name, kind in HEADER]
    return "0x" + keccak(rlp.encode(fields)).hex()


def raw_transaction(one: dict[str, Any]) -> bytes:
    """The signed bytes, put together from the fields of an answer."""
    kind = as_int(one["type"])
    rest = [
        as_int(one["gas"]), as_bytes(one["to"] or "0x"), as_int(one["value"]), as_bytes(one["input"]),
    ]  # fmt: skip
    signature = [as_int(one["v"]), as_int(one["r"]), as_int(one["s"])]
    if kind == 0:
        return bytes(rlp.encode([as_int(one["nonce"]), as_int(one["gasPrice"]), *rest, *signature]))
    access = [
        [as_bytes(each["address"]), [*map(as_bytes, each["storageKeys"])]] for each in one["accessList"]
    ]
    prices = ["gasPrice"] if kind == 1 else ["maxPriorityFeePerGas", "maxFeePerGas"]
    fields = [as_int(one["chainId"]), as_int(one["nonce"]), *(as_int(one[name]) for name in prices)]
    assert one["yParity"] == one["v"]
    return bytes((kind,)) + bytes(rlp.encode([*fields, *rest, access, *signature]))


def check_transaction(one: dict[str, Any]) -> bytes:
    """The hash is that of the signed bytes, and the sender is who signed them. Returns the bytes."""
    raw = raw_transaction(one)
    assert "0x" + keccak(raw).hex() == one["hash"]
    assert Account.recover_transaction(raw).lower() == one["from"]
    return raw


def encoded_receipt(receipt: dict[str, Any]) -> bytes:
    logs = [
        [as_bytes(log["address"]), [*map(as_bytes, log["topics"])], as_bytes(log["data"])]
        for log in receipt["logs"]
    ]
    fields = [
        as_int(receipt["status"]),
        as_int(receipt["cumulativeGasUsed"]),
        as_bytes(receipt["logsBloom"]),
        logs,
    ]
    kind = as_int(receipt["type"])
    return (bytes((kind,)) if kind else b"") + bytes(rlp.encode(fields))


def bloom(logs: list[dict[str, Any]]) -> str:
    bits = 0
    for log in logs:
        for value in (log["address"], *log["topics"]):
            digest = keccak(as_bytes(value))
            for at in (0, 2, 4):
                bits |= 1 << (int.from_bytes(digest[at : at + 2], "big") % 2048)
    return f"0x{bits:0512x}"


def root(values: list[bytes]) -> str:
    trie = HexaryTrie({})
    for place, value in enumerate(values):
        trie[rlp.encode(place)] = value
    return "0x" + trie.root_hash.hex()


def check_block(block: dict[str, Any], receipts: list[dict[str, Any]]) -> None:
    """A block in full, with the receipts of its transactions: hash, size, roots, blooms and gas."""
    assert block_hash(block) == block["hash"]
    raws = [check_transaction(one) for one in block["transactions"]]
    assert root(raws) == block["transactionsRoot"]
    for one, receipt in zip(block["transactions"], receipts, strict=True):
        check_receipt(block, one, receipt)
    assert root([*map(encoded_receipt, receipts)]) == block["receiptsRoot"]
    assert bloom([log for receipt in receipts for log in receipt["logs"]]) == block["logsBloom"]
    assert as_int(block["gasUsed"]) == sum(as_int(receipt["gasUsed"]) for receipt in receipts)
    assert as_int(block["gasUsed"]) <= as_int(block["gasLimit"])
    header = [as_int(block[name]) if kind is int else as_bytes(block[name]) for name, kind in HEADER]
    listed = [raw if raw[0] < 0x80 else rlp.decode(raw) for raw in raws]
    assert as_int(block["size"]) == len(rlp.encode([header, listed, []]))


def check_receipt(block: dict[str, Any], one: dict[str, Any], receipt: dict[str, Any]) -> None:
    """A receipt agrees with its transaction and its block; its bloom is that of its logs."""
    assert receipt["transactionHash"] == one["hash"]
    assert receipt["logsBloom"] == bloom(receipt["logs"])
    base_fee = as_int(block["baseFeePerGas"])
    if one["type"] == "0x2":
        price = min(as_int(one["maxFeePerGas"]), base_fee + as_int(one["maxPriorityFeePerGas"]))
    else:
        price = as_int(one["gasPrice"])
    assert as_int(receipt["effectiveGasPrice"]) == as_int(one["gasPrice"]) == price >= base_fee
    assert as_int(receipt["gasUsed"]) <= as_int(one["gas"])
    if one["to"] is None:
        created = keccak(rlp.encode([as_bytes(one["from"]), as_int(one["nonce"])]))[12:]
        assert receipt["contractAddress"] == "0x" + created.hex()
    for log in receipt["logs"]:
        assert (log["blockHash"], log["transactionHash"]) == (block["hash"], one["hash"])
