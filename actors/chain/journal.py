"""What happens to a chain in a run, and is not in its seed: transactions that were accepted, and forks.

    provider ── accept ──> line ─┐                          ┌─> provider
    provider ── fork ────> line ─┼─> one list of lines ─────┼─> provider
    whoever builds a block ────> │   for the whole run      └─> load generator's oracle
       ── seal ──────────> line ─┘

Every node of a run reads the same lines in the same order, and works out from them alone which transaction is in
which block: so all providers agree, and the oracle with them, also after one was killed, paused or started again.

A transaction is accepted for a block two after the newest, which nobody has built yet. A node that was stopped in
between may write too late for that. Therefore whoever builds a block first writes that it is sealed, up to which
height, and reads once more: what is in the list after that line comes into a later block, for everybody. What is
written is never taken back.

A transaction is in the first block that is not before the one it was accepted for, is not sealed, has room, and is
not before that of its sender's previous transaction. One whose nonce is too high waits until those before it are
there. Of two with one nonce the first counts.
"""

from bisect import bisect_right
from typing import TypeAlias

import msgspec

from battle.actors.chain.signed_transactions import SignedTransaction, read
from battle.actors.shared_lines import SharedLines
from battle.store import typed

BLOCKS_UNTIL_INCLUDED = 2
"""How far after the newest block a transaction stands that is accepted."""

SENT_TRANSACTIONS_MAX = 150
"""Of those that were sent, so many have room in a block: it is built in a few milliseconds."""

_SENT_GAS_MAX = 25_000_000
"""And so much gas, which leaves enough for the chain's own."""

WAITING_MAX = 100_000
"""So many may wait to be in a block."""

WAITING_BYTES_MAX = 128 * 2**20
"""And so many bytes of them: most have a few hundred, but one may have 128 kB."""


class Sent(msgspec.Struct, frozen=True, tag="sent"):
    """A transaction was accepted, to be in the block at `height` if it can be; it takes `gas` of that block's."""

    height: int
    sender: bytes
    nonce: int
    gas: int
    hash: bytes
    raw: bytes

    @property
    def accepted_at(self) -> int:
        """The height of the newest block when it was accepted."""
        return self.height - BLOCKS_UNTIL_INCLUDED

    def signed(self) -> SignedTransaction:
        """The transaction itself; its signature was looked at when it was accepted."""
        return read(self.raw, self.sender)


class Forked(msgspec.Struct, frozen=True, tag="forked"):
    """A provider is on the branch whose first own block is at `height`."""

    height: int


class Sealed(msgspec.Struct, frozen=True, tag="sealed"):
    """The blocks up to `height` are as they are from here on."""

    height: int


Entry: TypeAlias = Sent | Forked | Sealed

_encode = msgspec.json.Encoder().encode
_decode = typed.decoder(Entry).decode


class Journal:
    """The journal of one chain, as one reader knows it. Each method reads first what others have added."""

    def __init__(self, lines: SharedLines) -> None:
        self._lines = lines
        self._position = 0
        self._sealed = -1
        self._sent: dict[bytes, Sent] = {}
        self._included: dict[int, list[Sent]] = {}
        self._gas: dict[int, int] = {}
        """By the height of each block that is not sealed and has transactions: what they take of its gas."""
        self._heights: dict[bytes, list[int]] = {}
        """By sender: the height of the block with the transaction of each nonce."""
        self._too_early: dict[tuple[bytes, int], Sent] = {}
        self._waiting = 0
        self._waiting_bytes = 0
        self._forks: dict[int, None] = {}

    # What is added.

    def add(self, sent: Sent) -> None:
        """A transaction was accepted."""
        self._lines.append(_encode(sent))

    def fork(self, height: int) -> None:
        """A branch begins at this height; harmless when it is known."""
        if height not in self.forks():
            self._lines.append(_encode(Forked(height)))

    def sealed_up_to(self, height: int) -> None:
        """The blocks up to this height are about to be built: nothing more comes into them."""
        if self._sealed >= height:
            return
        self._read()
        if self._sealed < height:
            self._lines.append(_encode(Sealed(height)))
            self._read()

    # What is known.

    def transactions_in(self, height: int) -> list[Sent]:
        """Those in the block at this height, which is sealed, in the order in which they stand there."""
        assert self._sealed >= height, f"block {height} is not sealed"
        return self._included.get(height, [])

    def forks(self) -> list[int]:
        """The heights at which branches begin, the newest first."""
        self._read()
        return [*reversed(self._forks)]

    def sent(self, transaction_hash: bytes) -> Sent | None:
        """The accepted transaction with this hash."""
        self._read()
        return self._sent.get(transaction_hash)

    def transaction_count(self, sender: bytes, height: int) -> int:
        """How many transactions of this address are in the blocks up to a height."""
        self._read()
        return bisect_right(self._heights.get(sender, ()), height)

    def waiting_count(self, sender: bytes) -> int:
        """How many transactions of this address are in blocks, or will be without further ones."""
        self._read()
        return len(self._heights.get(sender, ()))

    def is_taken(self, sender: bytes, nonce: int) -> bool:
        """Whether this address has a transaction with this nonce."""
        self._read()
        return nonce < len(self._heights.get(sender, ())) or (sender, nonce) in self._too_early

    def is_full(self) -> bool:
        """Whether as many wait as may."""
        self._read()
        return self._waiting >= WAITING_MAX or self._waiting_bytes >= WAITING_BYTES_MAX

    # Reading.

    def _read(self) -> None:
        lines, self._position = self._lines.read(self._position)
        for line in lines:
            try:
                entry = _decode(line)
            except msgspec.DecodeError:
                continue  # a node was killed while it wrote: it has not accepted what is there in part
            self._take(entry)

    def _take(self, entry: Entry) -> None:
        match entry:
            case Sealed():
                self._seal(entry.height)
            case Forked():
                self._forks[entry.height] = None
            case Sent() if entry.hash not in self._sent and not self._has_nonce(entry):
                self._sent[entry.hash] = entry
                self._waiting += 1
                self._waiting_bytes += len(entry.raw)
                self._too_early[entry.sender, entry.nonce] = entry
                self._place_those_of(entry.sender)
            case _:
                pass  # accepted by two nodes at once: the first line counts

    def _seal(self, height: int) -> None:
        self._sealed = max(self._sealed, height)
        for full in [one for one in self._gas if one <= self._sealed]:
            self._waiting -= len(self._included[full])
            self._waiting_bytes -= sum(len(one.raw) for one in self._included[full])
            del self._gas[full]

    def _has_nonce(self, entry: Sent) -> bool:
        return (
            entry.nonce < len(self._heights.get(entry.sender, ()))
            or (entry.sender, entry.nonce) in self._too_early
        )

    def _place_those_of(self, sender: bytes) -> None:
        heights = self._heights.setdefault(sender, [])
        while (entry := self._too_early.pop((sender, len(heights)), None)) is not None:
            height = max(entry.height, self._sealed + 1, heights[-1] if heights else 0)
            while not self._has_room(height, entry.gas):
                height += 1
            heights.append(height)
            self._included.setdefault(height, []).append(entry)
            self._gas[height] = self._gas.get(height, 0) + entry.gas

    def _has_room(self, height: int, gas: int) -> bool:
        return (
            len(self._included.get(height, ())) < SENT_TRANSACTIONS_MAX
            and self._gas.get(height, 0) + gas <= _SENT_GAS_MAX
        )
