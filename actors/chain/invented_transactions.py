"""The transactions that a chain has of itself: signed by its people, they follow from its seed and their height."""

from functools import lru_cache

import msgspec

from battle.actors.chain.accounts import Accounts
from battle.actors.chain.bodies import Body, IncludedTransaction, body_of
from battle.actors.chain.digests import Digests
from battle.actors.chain.headers import base_fee_wei
from battle.actors.chain.receipts import EmittedLog
from battle.actors.chain.signed_transactions import sign
from battle.actors.spec.chain import Chain

TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
"""The topic of an ERC-20 Transfer, the only event this chain's contracts emit."""

PLAIN_GAS = 21_000
_LOG_GAS = 25_000
_TRANSACTIONS_MAX = 7
_HEIGHTS_KEPT = 512
_CHAINS_KEPT = 8


class InventedTransactions:
    """The transactions of one chain, by height. They cannot be changed, so all models of a process share them."""

    def __init__(self, spec: Chain, accounts: Accounts, digests: Digests) -> None:
        self._chain_id = spec.chain_id
        self._accounts = accounts
        self._digests = digests
        self.at = lru_cache(_HEIGHTS_KEPT)(self._at)
        self.body = lru_cache(_HEIGHTS_KEPT)(self._body)

    def _body(self, height: int) -> Body:
        """The body of a block with these alone."""
        return body_of(self.at(height))

    def _at(self, height: int) -> tuple[IncludedTransaction, ...]:
        """Those of the block at `height`; the first block of all has none."""
        first_sender, draw = self._digests.at(b"transactions", height, 2)
        count = draw % (_TRANSACTIONS_MAX + 1) if height else 0
        return tuple(self._transaction(height, index, first_sender + index) for index in range(count))

    def _transaction(self, height: int, index: int, sender_number: int) -> IncludedTransaction:
        draw = self._digests.digest(b"content", b"%d:%d" % (height, index), 64)
        transfers = draw[0] % 4
        sender, receiver = self._accounts.person(sender_number), self._accounts.person(draw[2]).address
        tip_wei = 10**9 + int.from_bytes(draw[3:6], "big")
        signed = sign(
            sender,
            chain_id=self._chain_id,
            nonce=self._accounts.transaction_count("0x" + sender.address.hex(), height) - 1,
            tip_wei=tip_wei,
            max_fee_wei=2 * base_fee_wei(self._digests, height) + tip_wei,
            gas=PLAIN_GAS + 2 * _LOG_GAS * transfers,
            to=bytes.fromhex(self._accounts.token(draw[2])[2:]) if transfers else receiver,
            value_wei=0 if transfers else int.from_bytes(draw[6:14], "big"),
            data=draw[14:32] if transfers else b"",
        )
        logs = tuple(self._log(draw, number) for number in range(transfers))
        return IncludedTransaction(signed, PLAIN_GAS + _LOG_GAS * transfers, logs)

    def _log(self, draw: bytes, number: int) -> EmittedLog:
        sender, receiver, token = draw[16 + number], draw[20 + number], draw[2] + number
        return EmittedLog(
            self._accounts.token(token),
            (TRANSFER, self._person_as_topic(sender), self._person_as_topic(receiver)),
            "0x" + draw[24 + 8 * number : 32 + 8 * number].hex().rjust(64, "0"),
        )

    def _person_as_topic(self, number: int) -> str:
        return "0x" + self._accounts.person(number).address.hex().rjust(64, "0")


class Invention(msgspec.Struct, frozen=True):
    """All of a chain that follows from its seed and id alone."""

    digests: Digests
    accounts: Accounts
    transactions: InventedTransactions


@lru_cache(_CHAINS_KEPT)
def invention_of(spec: Chain) -> Invention:
    """What is invented about this chain, one for all its models in this process: it cannot be changed."""
    digests = Digests(spec.seed, spec.chain_id)
    accounts = Accounts(digests)
    return Invention(digests, accounts, InventedTransactions(spec, accounts, digests))
