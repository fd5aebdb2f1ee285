"""The story of a stream's gaps, for the log: when each was found, how long it was, what was found for it. Pure.

An episode begins when the upstream is lost, a fill is asked for, or the fold leaves a gap. It ends when the fold
has heard from an upstream and wants nothing filled any more. Further losses on the way belong to the same one.
"""

from typing import Any, Literal, TypeAlias

import msgspec

from battle.actors.gateway.subscriptions.continuity import (
    Backfill,
    BackfillAnswered,
    BackfillFailed,
    ChainHead,
    Deliver,
    EthLog,
    GapLeft,
    HeadKnown,
    Notified,
    StreamAction,
    StreamEvent,
    Subscribed,
)
from battle.actors.spec.chain import SubscriptionKind
from battle.store.events import GapFilled

Reason: TypeAlias = Literal["failover", "missed", "reorg"]
Outcome: TypeAlias = Literal["filled", "partly", "failed", "nothing_missing"]


class _Episode(msgspec.Struct):
    began_ns: int
    reason: Reason
    from_provider: str | None = None
    first: int | None = None
    last: int | None = None
    left: bool = False
    """Whether the fold gave something up."""
    found: dict[tuple[object, ...], None] = {}
    """What fills brought, delivered or not."""
    delivered: dict[int, None] = {}
    """The heights of which something was delivered."""
    filled: int = 0

    def missing(self, first: int, last: int) -> None:
        self.first = first if self.first is None else min(first, self.first)
        self.last = last if self.last is None else max(last, self.last)


class GapTracker:
    """Watches one stream's fold. `observe` is to be called after each step."""

    def __init__(self, kind: SubscriptionKind) -> None:
        self._kind = kind
        self._episode: _Episode | None = None
        self._fill: int | None = None
        self._highest = -1
        """The height up to which nothing was missing before the episode."""
        self._seen = -1
        self._reached = -1
        """The highest block delivered, or the one the stream began with."""
        self._known = -1
        """The highest block the upstream said it has."""

    def observe(
        self,
        event: StreamEvent[Any],
        actions: tuple[StreamAction[Any], ...],
        before: str | None,
        after: str | None,
    ) -> GapFilled | None:
        """What there is to log. `before` and `after` are where the stream was subscribed around the step."""
        if before is not None and after != before:
            self._fill, self._known = None, -1
            left = self._begin(event.at_ns, "failover")
            left.reason = "failover"
            left.from_provider = left.from_provider or before
        self._hear(event)
        for action in actions:
            self._note(action, event.at_ns)
        closed = None
        episode = self._episode
        if episode is not None and after is not None and self._is_over(episode, event, actions):
            closed = self._close(episode, after, event.at_ns)
        if self._episode is None:
            self._highest = max(self._highest, self._seen)
        return closed

    def _begin(self, at_ns: int, reason: Reason) -> _Episode:
        if self._episode is None:
            self._episode = _Episode(at_ns, reason)
        return self._episode

    def _hear(self, event: StreamEvent[Any]) -> None:
        if isinstance(event, HeadKnown):
            self._seen = max(self._seen, event.number)
            self._known = max(self._known, event.number)
            if self._reached < 0:
                self._reached = event.number
        elif isinstance(event, BackfillAnswered | BackfillFailed) and event.fill == self._fill:
            self._fill = None
            if isinstance(event, BackfillAnswered) and self._episode is not None:
                self._episode.found.update(dict.fromkeys(map(_key, event.items)))

    def _note(self, action: StreamAction[Any], at_ns: int) -> None:
        if isinstance(action, Deliver):
            for item in action.items:
                self._delivered(item)
        elif isinstance(action, Backfill):
            downwards = self._kind == "newHeads" and action.last <= self._highest
            self._fill = action.fill
            episode = self._begin(at_ns, "reorg" if downwards else "missed")
            if action.last > self._highest:
                episode.missing(max(action.first, self._highest + 1), action.last)
        elif isinstance(action, GapLeft):
            changed = action.reason in ("reorged", "forgotten")
            episode = self._begin(at_ns, "reorg" if changed else "missed")
            episode.left = True
            if action.first is not None and action.last is not None:
                episode.missing(action.first, action.last)

    def _delivered(self, item: ChainHead | EthLog | Any) -> None:
        if not isinstance(item, ChainHead | EthLog):
            return
        self._seen = max(self._seen, item.number)
        self._reached = max(self._reached, item.number)
        episode = self._episode
        if episode is None:
            return
        episode.delivered[item.number] = None
        if _key(item) in episode.found:
            episode.filled += 1
            episode.missing(item.number, item.number)

    def _is_over(
        self, episode: _Episode, event: StreamEvent[Any], actions: tuple[StreamAction[Any], ...]
    ) -> bool:
        if self._fill is not None:
            return False
        if episode.left and episode.from_provider is None:
            return True
        if isinstance(event, Notified):
            # One that was known already, or has to wait, says nothing about what is missing.
            return any(isinstance(action, Deliver) for action in actions)
        if isinstance(event, Subscribed):
            return self._kind == "newPendingTransactions"
        if isinstance(event, HeadKnown | BackfillAnswered | BackfillFailed):
            return self._kind != "newHeads" or self._known <= self._reached
        return False

    def _close(self, episode: _Episode, provider: str, at_ns: int) -> GapFilled | None:
        self._episode = None
        outcome = self._outcome(episode)
        if outcome == "nothing_missing":
            if episode.reason != "failover":
                return None  # it came by the subscription while it was asked for
            episode.first = episode.last = None
        return GapFilled(
            began_ns=episode.began_ns,
            ended_ns=at_ns,
            kind=self._kind,
            reason=episode.reason,
            outcome=outcome,
            filled=episode.filled,
            to_provider=provider,
            from_provider=episode.from_provider or provider,
            first_number=episode.first,
            last_number=episode.last,
        )

    def _outcome(self, episode: _Episode) -> Outcome:
        if episode.left:
            return "partly" if episode.filled else "failed"
        if episode.first is None or episode.last is None:
            return "nothing_missing"
        if self._kind != "newHeads":
            return "filled" if episode.filled else "nothing_missing"
        heights = range(episode.first, episode.last + 1)
        delivered = sum(height in episode.delivered for height in heights)
        if delivered == len(heights):
            return "filled" if episode.filled else "nothing_missing"
        return "partly" if delivered else "failed"


def _key(item: ChainHead | EthLog) -> tuple[object, ...]:
    return (item.hash,) if isinstance(item, ChainHead) else (item.block_hash, item.index)
