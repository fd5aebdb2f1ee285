"""Transactions with their receipts and logs: pure functions of where they stand in the chain."""

from typing import Any

from battle.actors.chain.accounts import Accounts
from battle.actors.chain.branches import Branch
from battle.actors.chain.hashes import Hashes
from battle.actors.spec.chain import Chain

TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
"""The topic of an ERC-20 Transfer, the only event this chain's contracts emit."""

_PLAIN_GAS = 21_000
_LOG_GAS = 25_000
_ASKED_FOR_BLOCKS = 128
"""Over how many blocks before the run's epoch transactions with a request's id in their hash are spread."""


class Transactions:
    """The transactions of one branch of a chain."""

    def __init__(self, spec: Chain, hashes: Hashes, branch: Branch) -> None:
        self._chain_id = hex(spec.chain_id)
        self._start_height = spec.start_height
        self._hashes = hashes
        self._branch = branch
        self._accounts = Accounts(hashes)

    def asked_for_height(self, transaction_hash: str) -> int:
        """The height of a transaction whose hash carries a request's id: always in the chain's past."""
        number = int(transaction_hash[14:26], 16)
        return self._start_height - number % _ASKED_FOR_BLOCKS

    def build(
        self,
        height: int,
        index: int,
        transaction_hash: str,
        base_fee_wei: int,
        gas_before: int,
        logs_before: int,
        *,
        plain: bool = False,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """A transaction and its receipt; `plain` ones move ether only and have no logs."""
        draw = self._hashes.digest(b"content", bytes.fromhex(transaction_hash[2:]), 64)
        transfers = 0 if plain else draw[0] % 4
        recipient = self._accounts.token(draw[2]) if transfers else self._accounts.person(draw[2])
        place = {
            "blockHash": self._branch.block_hash(height),
            "blockNumber": hex(height),
            "transactionIndex": hex(index),
        }
        parties = {"from": self._accounts.person(draw[1]), "to": recipient}
        logs = [
            self._log(place, transaction_hash, logs_before + number, draw, number)
            for number in range(transfers)
        ]
        transaction = self._transaction(
            height, transaction_hash, base_fee_wei, draw, transfers, place | parties
        )
        gas = _PLAIN_GAS + _LOG_GAS * transfers
        receipt = _receipt(transaction, gas, gas_before + gas, logs)
        return transaction, receipt

    def _transaction(
        self, height: int, name: str, base_fee_wei: int, draw: bytes, transfers: int, where: dict[str, Any]
    ) -> dict[str, Any]:
        tip_wei = 10**9 + int.from_bytes(draw[3:6], "big")
        return {
            **where,
            "hash": name,
            "type": "0x2",
            "chainId": self._chain_id,
            "nonce": hex(self._accounts.transaction_count(where["from"], height) - 1),
            "value": "0x0" if transfers else hex(int.from_bytes(draw[6:14], "big")),
            "gas": hex(_PLAIN_GAS + 2 * _LOG_GAS * transfers),
            "gasPrice": hex(base_fee_wei + tip_wei),
            "maxFeePerGas": hex(2 * base_fee_wei + tip_wei),
            "maxPriorityFeePerGas": hex(tip_wei),
            "input": "0x" + draw[14 : 14 + 18].hex() if transfers else "0x",
            "accessList": [],
            "v": hex(draw[0] & 1),
            "yParity": hex(draw[0] & 1),
            "r": "0x1" + draw[:31].hex(),
            "s": "0x1" + draw[32:63].hex(),
        }

    def _log(
        self, place: dict[str, Any], name: str, log_index: int, draw: bytes, number: int
    ) -> dict[str, Any]:
        sender, receiver, token = draw[16 + number], draw[20 + number], draw[2] + number
        return {
            "address": self._accounts.token(token),
            "topics": [
                TRANSFER,
                _as_topic(self._accounts.person(sender)),
                _as_topic(self._accounts.person(receiver)),
            ],
            "data": "0x" + draw[24 + 8 * number : 32 + 8 * number].hex().rjust(64, "0"),
            **place,
            "transactionHash": name,
            "logIndex": hex(log_index),
            "removed": False,
        }


def _receipt(
    transaction: dict[str, Any], gas: int, cumulative_gas: int, logs: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "transactionHash": transaction["hash"],
        **{name: transaction[name] for name in ("blockHash", "blockNumber", "transactionIndex")},
        **{name: transaction[name] for name in ("from", "to", "type")},
        "status": "0x1",
        "gasUsed": hex(gas),
        "cumulativeGasUsed": hex(cumulative_gas),
        "effectiveGasPrice": transaction["gasPrice"],
        "contractAddress": None,
        "logs": logs,
        "logsBloom": "0x" + ("ff" if logs else "00") * 256,
    }


def _as_topic(address: str) -> str:
    return "0x" + address[2:].rjust(64, "0")
