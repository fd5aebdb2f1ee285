"""newHeads: every block once, after its parent. Pure.

Blocks form a tree and a block is delivered when its parent was. One whose parent is not known waits, and the
heights between are fetched: upwards from the last delivered block, or, when it is not higher than that,
downwards until the branch meets a block that was delivered.

What a client sees of a reorg is what a node shows: blocks of heights it has seen, with other hashes, each
after its parent, from the fork up. A branch to which the chain returns is not repeated, only continued.
"""

import msgspec

from battle.actors.gateway.subscriptions.continuity.core import ContinuityCore
from battle.actors.gateway.subscriptions.continuity.messages import (
    Backfill,
    BackfillAnswered,
    BackfillFailed,
    ChainHead,
    GapReason,
    HeadKnown,
    Notified,
)
from battle.actors.spec.continuity import LARGEST_GAP_BLOCKS, Continuity
from battle.actors.units import Duration

REMEMBERED_HEADS = 2 * LARGEST_GAP_BLOCKS
"""Hashes of delivered blocks that are known again; about 150 bytes each."""

FILL_CHUNK_BLOCKS = 16
"""Blocks asked for at a time, each a call of its own: clients get the first ones while the rest is fetched."""

FORK_STEP_BLOCKS = 4
"""How far down to look at a time for the fork of a branch; nearly all reorgs are shallower."""


class _Delivered:
    """The latest blocks delivered. Nothing below `floor` can be judged any more, so it is not looked at."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self.anchor = 0
        """The height of a block delivered without its parent: the first, or the first after a gap."""
        self.forgotten = 0
        """Up to this height a block may have been delivered without our knowing it."""

    @property
    def floor(self) -> int:
        return max(self.anchor, self.forgotten + 1)

    def __contains__(self, block_hash: str) -> bool:
        return block_hash in self._numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def add(self, head: ChainHead) -> None:
        self._numbers[head.hash] = head.number
        if len(self._numbers) > REMEMBERED_HEADS:
            self.forgotten = max(self.forgotten, self._numbers.pop(next(iter(self._numbers))))


class _Tries(msgspec.Struct, frozen=True):
    """How often the same gap was asked for: the block to reach, and the one delivered last."""

    root: str | None = None
    tip: str | None = None
    count: int = 0


class Heads(ContinuityCore[ChainHead]):
    """A shared newHeads subscription."""

    def __init__(self, settings: Continuity, block_time: Duration) -> None:
        super().__init__(settings, block_time)
        self._patience = min(settings.reorder_wait, block_time // 2)
        self._delivered = _Delivered()
        self._tip: ChainHead | None = None
        self._base: int | None = None
        """Before anything was delivered: the height at which the stream began."""
        self._held: dict[str, ChainHead] = {}
        self._goal: int | None = None
        """A height the upstream has that was neither delivered nor held."""
        self._settled = False
        """A head of this upstream was found to follow what was delivered."""
        self._fill_from_ns: int | None = None
        self._tries = _Tries()
        self._unlinked = 0
        """Upstreams in a row whose blocks did not connect."""

    @property
    def remembered(self) -> int:
        return len(self._delivered) + len(self._held)

    def _joined(self) -> None:
        self._settled = False
        self._tries = _Tries()

    def _left(self) -> None:
        if self._last is None:
            self._gap(None, None, "unknown_start")
        self._forget_held()

    def _forget_held(self) -> None:
        self._held.clear()
        self._goal = self._fill_from_ns = None

    @property
    def _last(self) -> int | None:
        """The height up to which nothing is owed."""
        return self._base if self._tip is None else self._tip.number

    def _heard_of(self, event: Notified[ChainHead] | HeadKnown) -> None:
        if isinstance(event, HeadKnown):
            self._head_known(event.number)
        elif self._is_stranded(event.item):
            self._skip_to(event.item, None, "unlinked")
        elif self._is_known(event.item):
            if event.item.number < (self._last or 0):
                self._upstream.repeated()
            self._settled |= event.item.hash in self._delivered
        else:
            self._upstream.heard(event.at_ns)
            self._published(event.item, event.at_ns)

    def _head_known(self, number: int) -> None:
        if self._last is None:
            self._base = number
        elif number > self._last:
            self._goal = max(number, self._goal or 0)

    def _is_known(self, head: ChainHead) -> bool:
        return head.hash in self._delivered or head.hash in self._held or head.number < self._delivered.floor

    def _is_stranded(self, head: ChainHead) -> bool:
        """The chain goes on below a gap that was left: one provider lied about the height, all others agree."""
        fresh = head.hash not in self._delivered and head.hash not in self._held
        below = self._delivered.forgotten < head.number < self._delivered.anchor
        return fresh and below and self._upstream.failures >= self._settings.fill_attempts

    def _published(self, head: ChainHead, at_ns: int) -> None:
        if self._follows(head):
            self._settled = True
            self._deliver(head)
        elif len(self._held) < self._settings.hold_back:
            self._held[head.hash] = head
            if self._fill_from_ns is None:
                # Right after a failover a missing parent cannot be on its way.
                self._fill_from_ns = at_ns + (self._patience if self._settled else 0)
        else:
            self._goal = max(head.number, self._goal or 0)

    def _follows(self, head: ChainHead) -> bool:
        if self._tip is None:
            return self._base is None or head.number <= self._base + 1
        return head.parent in self._delivered or head.number == self._delivered.anchor

    def _deliver(self, head: ChainHead) -> None:
        if self._tip is None:
            self._delivered.anchor = head.number
        self._delivered.add(head)
        self._tip = head
        self._ready.append(head)
        self._unlinked = 0

    def _connect(self) -> None:
        """Deliver what was held and follows now: in one pass, for a child is one higher than its parent."""
        for head in sorted(self._held.values(), key=_number):
            if self._is_old(head):
                del self._held[head.hash]
            elif self._follows(head):
                del self._held[head.hash]
                self._deliver(head)
        if not self._held:
            self._fill_from_ns = None

    def _is_old(self, head: ChainHead) -> bool:
        return head.hash in self._delivered or head.number < self._delivered.floor

    def _answered(self, event: BackfillAnswered[ChainHead] | BackfillFailed, asked: Backfill) -> None:
        if isinstance(event, BackfillFailed):
            return
        if asked.attempt == 1:
            self._drop_orphans(event.items)
        for head in event.items:
            wanted = asked.first <= head.number <= asked.last and not self._is_known(head)
            if wanted and len(self._held) < self._settings.hold_back + self._settings.max_gap_blocks:
                self._held[head.hash] = head
                self._fill_from_ns = event.at_ns if self._fill_from_ns is None else self._fill_from_ns
        self._connect()
        if self._ready:
            self._upstream.heard(event.at_ns)

    def _drop_orphans(self, items: tuple[ChainHead, ...]) -> None:
        """The publisher itself has another parent by now: the chain left this branch before we could follow."""
        there = {head.number: head.hash for head in items}
        for head in list(self._held.values()):
            if there.get(head.number - 1, head.parent) != head.parent:
                del self._held[head.hash]

    def _wake_ns(self) -> int | None:
        return self._fill_from_ns if self._fill is None else None

    def _advance(self, at_ns: int) -> None:
        if self._held:
            self._connect()
        while self._fill is None and self._fill_from_ns is not None and at_ns >= self._fill_from_ns:
            assert self._last is not None
            self._reach(min(self._held.values(), key=_number), self._last, at_ns)
        if self._fill is None and not self._held and self._goal is not None and self._last is not None:
            self._reach_goal(self._goal, self._last)

    def _reach_goal(self, goal: int, last: int) -> None:
        # With no head in hand that could be delivered instead, giving up waits for the next one.
        if not 0 < goal - last <= self._settings.max_gap_blocks or not self._try(None, last + 1, goal):
            self._goal = None

    def _reach(self, root: ChainHead, last: int, at_ns: int) -> None:
        """`root` is the lowest block whose parent is missing."""
        below = root.number - 1
        if below > last:
            if below - last > self._settings.max_gap_blocks:
                self._skip_to(root, last + 1, "too_long")
            elif not self._try(root, last + 1, below):
                self._skip_to(root, last + 1, "unfilled")
            return
        lowest = max(self._delivered.floor, last - self._settings.max_gap_blocks)
        if below < lowest or not self._try(root, max(lowest, below - FORK_STEP_BLOCKS + 1), below):
            self._cannot_link(root, at_ns)

    def _try(self, root: ChainHead | None, first: int, last: int) -> bool:
        """Ask for these heights, unless that has failed often enough."""
        key = (root.hash if root else None, self._tip.hash if self._tip else None)
        tried = self._tries.count if key == (self._tries.root, self._tries.tip) else 0
        if tried >= self._settings.fill_attempts:
            return False
        self._tries = _Tries(*key, tried + 1)
        if root is not None and first <= (self._last or 0):
            self._ask(first, last, tried + 1)  # downwards: what is nearest to the root says most
        else:
            self._ask(first, min(last, first + FILL_CHUNK_BLOCKS - 1), tried + 1)
        return True

    def _cannot_link(self, root: ChainHead, at_ns: int) -> None:
        """A provider of another chain, or a reorg deeper than we remember: the latter when all say the same."""
        if self._unlinked < self._settings.fill_attempts:
            self._unlinked += 1
            self._leave("unlinked", at_ns)
        else:
            self._skip_to(root, None, "unlinked")

    def _skip_to(self, root: ChainHead, first: int | None, reason: GapReason) -> None:
        self._gap(first, root.number - 1, reason)
        self._delivered.anchor = root.number
        self._held.pop(root.hash, None)
        self._deliver(root)
        self._connect()


def _number(head: ChainHead) -> int:
    return head.number
