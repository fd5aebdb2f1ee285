"""A fill on the wire: what a stream misses, asked for over HTTP at one provider."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

from battle.actors.gateway.calls.exchange import Exchange
from battle.actors.gateway.calls.upstream import Provider
from battle.actors.gateway.policy import classify
from battle.actors.gateway.policy.classify import TransportFailure
from battle.actors.gateway.subscriptions import backfill_codec
from battle.actors.gateway.subscriptions.continuity import Backfill, BackfillAnswered, BackfillFailed
from battle.actors.gateway.subscriptions.key import HEADS, SubscriptionKey
from battle.actors.units import Duration
from battle.actors.wire.http.messages import HttpResponse, encode_request
from battle.actors.wire.untrusted_json import Unreadable
from battle.actors.world.interfaces import World

BackfillResult: TypeAlias = BackfillAnswered[Any] | BackfillFailed


class BackfillRequest:
    """Asks `provider`, each question within `timeout`, and calls `done` once, later, with what came of it.

    It counts for the provider's HTTP breaker like any call, but is no attempt of a client's request, so it is
    not logged as one: `GapFilled` records it.
    """

    def __init__(
        self,
        world: World,
        provider: Provider,
        key: SubscriptionKey,
        fill: Backfill,
        timeout: Duration,
        done: Callable[[BackfillResult], object],
    ) -> None:
        self._world = world
        self._provider = provider
        self._key = key
        self._fill = fill
        self._timeout = timeout
        self._done = done
        self._exchange: Exchange | None = None
        self._ticket = 0
        if key == HEADS:
            ids = tuple(b"%d" % height for height in range(fill.first, fill.last + 1))
            self._ask(backfill_codec.blocks_call(fill), ids, self._blocks)
        else:
            # First how far it is: eth_getLogs says nothing when it has not got as far as it is asked.
            self._ask(backfill_codec.height_call(), _ONE_ID, self._height)

    def cancel(self) -> None:
        """Nobody wants to know any more; `done` is not called."""
        if self._exchange is not None:
            self._exchange.cancel()
            self._provider.end(self._ticket, classify.of_transport("cancelled"))
            self._exchange = None

    def _ask(self, body: bytes, ids: tuple[bytes, ...], read: Callable[[bytes], object]) -> None:
        request = encode_request(self._provider.head_bytes, body)
        self._ticket = self._provider.breaker.begin()
        self._exchange = Exchange(
            self._world,
            self._provider.pool,
            request,
            self._world.now_ns() + self._timeout,
            partial(self._ended, ids, read),
        )

    def _ended(
        self, ids: tuple[bytes, ...], read: Callable[[bytes], object], result: HttpResponse | TransportFailure
    ) -> None:
        self._exchange = None
        if isinstance(result, str):
            verdict = classify.of_transport(result)
        else:
            verdict = classify.of_response(result, ids, batch=self._key == HEADS)
        self._provider.end(self._ticket, verdict)
        if isinstance(result, str) or verdict.kind != "success":
            self._failed()
            return
        try:
            read(result.body)
        except Unreadable:
            self._failed()

    def _blocks(self, body: bytes) -> None:
        heads, up_to = backfill_codec.read_blocks(body, self._fill)
        self._answered(heads, up_to)

    def _height(self, body: bytes) -> None:
        up_to = min(backfill_codec.read_height(body), self._fill.last)
        if up_to < self._fill.first:
            self._answered((), self._fill.first - 1)
        else:
            call = backfill_codec.logs_call(self._key, self._fill.first, up_to)
            self._ask(call, _ONE_ID, partial(self._logs, up_to))

    def _logs(self, up_to: int, body: bytes) -> None:
        self._answered(backfill_codec.read_logs(body), up_to)

    def _answered(self, items: tuple[Any, ...], up_to: int) -> None:
        self._done(BackfillAnswered(self._fill.fill, items, up_to, self._world.now_ns()))

    def _failed(self) -> None:
        self._done(BackfillFailed(self._fill.fill, self._world.now_ns()))


_ONE_ID = (b"%d" % backfill_codec.HEIGHT_ID,)
