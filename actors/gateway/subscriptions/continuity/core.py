"""What the three kinds of streams have in common: the upstream's life, the outstanding fill, the timer. Pure."""

from abc import ABC, abstractmethod
from typing import Generic

from battle.actors.gateway.subscriptions.continuity.messages import (
    Backfill,
    BackfillAnswered,
    BackfillFailed,
    Deliver,
    Elapsed,
    GapLeft,
    GapReason,
    HeadKnown,
    Item,
    LossReason,
    Notified,
    Started,
    StreamAction,
    StreamEvent,
    Subscribed,
    UpstreamLost,
    WakeAt,
)
from battle.actors.gateway.subscriptions.continuity.upstream_state import UpstreamState
from battle.actors.spec.continuity import Continuity
from battle.actors.units import Duration


class ContinuityCore(ABC, Generic[Item]):
    """One shared subscription as a fold: `step` takes an event and says what is to be done about it."""

    def __init__(self, settings: Continuity, block_time: Duration) -> None:
        self._settings = settings
        self._upstream = UpstreamState(settings, block_time)
        self._actions: list[StreamAction[Item]] = []
        self._ready: list[Item] = []
        self._fill: Backfill | None = None
        self._fills = 0
        self._armed_ns: int | None = None

    @property
    def provider(self) -> str | None:
        """The provider it is subscribed at; None while there is none."""
        return self._upstream.provider

    @property
    @abstractmethod
    def remembered(self) -> int:
        """How many things it keeps at the moment, for whoever watches that this is bounded."""

    def step(self, event: StreamEvent[Item]) -> tuple[StreamAction[Item], ...]:
        """Take an event; what is to be done about it, in this order."""
        self._take(event)
        if self._upstream.provider is not None:
            self._advance(event.at_ns)
        self._flush()
        self._arm()
        actions = tuple(self._actions)
        self._actions.clear()
        return actions

    def _take(self, event: StreamEvent[Item]) -> None:
        match event:
            case Notified(provider=provider) | HeadKnown(provider=provider):
                if provider == self._upstream.provider:
                    self._heard_of(event)
            case BackfillAnswered(fill=number) | BackfillFailed(fill=number):
                if self._fill is not None and number == self._fill.fill:
                    asked, self._fill = self._fill, None
                    self._answered(event, asked)
            case Elapsed(at_ns=at_ns):
                self._armed_ns = None
                if (reason := self._upstream.overdue(at_ns)) is not None:
                    self._leave(reason, at_ns)
                self._actions += self._upstream.resume(at_ns)
            case Subscribed(provider=provider, at_ns=at_ns):
                self._upstream.subscribed(provider, at_ns)
                self._joined()
            case UpstreamLost(provider=provider, at_ns=at_ns):
                if self._upstream.lost(provider):
                    self._leave("lost", at_ns, provider)
            case Started():
                self._actions += self._upstream.start()

    def _leave(self, reason: LossReason, at_ns: int, provider: str | None = None) -> None:
        if self._upstream.provider is not None:
            self._left()
        self._fill = None  # its answer, should one come, is ignored: the next upstream says what is missing
        self._flush()
        self._actions += self._upstream.replace(reason, at_ns, provider)

    def _ask(self, first: int, last: int, attempt: int) -> None:
        assert self._fill is None, "one fill at a time"
        assert self._upstream.provider is not None
        assert first <= last
        self._fills += 1
        self._fill = Backfill(self._fills, first, last, attempt, self._upstream.provider)
        self._actions.append(self._fill)

    def _gap(self, first: int | None, last: int | None, reason: GapReason) -> None:
        self._flush()  # what comes before the gap is delivered before it
        self._actions.append(GapLeft(first, last, reason))

    def _flush(self) -> None:
        if self._ready:
            self._upstream.delivered()
            self._actions.append(Deliver(tuple(self._ready)))
            self._ready.clear()

    def _arm(self) -> None:
        # A time that has moved further away is found out when the timer fires; one timer per block is saved.
        times = [at_ns for at_ns in (self._upstream.wake_ns(), self._wake_ns()) if at_ns is not None]
        if times and (self._armed_ns is None or min(times) < self._armed_ns):
            self._armed_ns = min(times)
            self._actions.append(WakeAt(self._armed_ns))

    def _wake_ns(self) -> int | None:
        """When this kind of stream wants to be woken, apart from its upstream's needs."""
        return None

    @abstractmethod
    def _joined(self) -> None:
        """A new upstream stands."""

    @abstractmethod
    def _left(self) -> None:
        """The upstream is gone."""

    @abstractmethod
    def _heard_of(self, event: Notified[Item] | HeadKnown) -> None:
        """The upstream says something."""

    def _answered(self, event: BackfillAnswered[Item] | BackfillFailed, asked: Backfill) -> None:
        """The outstanding fill has ended."""

    def _advance(self, at_ns: int) -> None:
        """Ask for what is missing, give up what cannot be had."""
