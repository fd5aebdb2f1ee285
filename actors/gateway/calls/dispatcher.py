"""One client request: choose a provider, make an attempt, look at what came of it, perhaps go on.

All of it is callbacks from the streams and timers of attempts: on the path of a request no task wakes up.
"""

from collections.abc import Callable
from functools import partial

import msgspec
import trio

from battle.actors.gateway.calls import replies
from battle.actors.gateway.calls.attempt_log import (
    Attempt,
    RequestProgress,
    log_attempt,
    log_rejection,
)
from battle.actors.gateway.calls.exchange import Exchange
from battle.actors.gateway.calls.probe_queue import ProbeQueue
from battle.actors.gateway.calls.proxied_request import ProxiedRequest
from battle.actors.gateway.calls.replies import Reply
from battle.actors.gateway.calls.upstream import Provider
from battle.actors.gateway.policy import classify, retry, selection
from battle.actors.gateway.policy.benchmark import Benchmark
from battle.actors.gateway.policy.classify import TransportFailure
from battle.actors.roles import GatewayRole
from battle.actors.wire.http.messages import HttpResponse, encode_request
from battle.actors.world.interfaces import Timer, World
from battle.store.events import AttemptReason

_NONE_AVAILABLE = "no provider is available"
_WITHOUT_FAILOVER = "failover is off"
_STOPPED = {
    "attempts": "no more attempts are allowed",
    "deadline": "the deadline has passed",
    "budget": "the retry budget is spent",
    "not_repeatable": "the call is not safe to repeat",
}

_GIVEN_UP = ("timeout", "cancelled")
"""Failures that count as a measured latency: the provider would have needed at least that long. Those that
come quickly say nothing about latency."""


class Dispatcher:
    """Asks the providers on behalf of clients; connections are opened in `nursery`.

    Logs `GatewayAttemptEnded` for each attempt (one that lost a race fails as `cancelled`), `BreakerRejected`
    at most once per request and provider, and through the breakers `BreakerChanged`.
    """

    def __init__(self, world: World, nursery: trio.Nursery, role: GatewayRole) -> None:
        self.world = world
        self.spec = role.spec
        self._draws = world.draws("gateway")
        self.providers = {
            upstream.name: Provider(world, nursery, upstream, role.spec, self._draws)
            for upstream in role.upstreams
        }
        self._names = list(self.providers)
        self._budget = retry.Budget(role.spec.retry.budget_ratio, role.spec.retry.budget_floor)
        self._turns = 0
        self._under_way: dict[RetriedRequest, None] = {}
        self.probe_queue = ProbeQueue(world)
        self.benchmark = Benchmark(role.spec.latency_window, role.spec.seed_latencies)

    def ask(self, proxied: ProxiedRequest, done: Callable[[Reply], object]) -> None:
        """Ask providers until one answers, or until trying has an end; then `done` is called with the reply.

        It may be called before this returns, when no provider is to be had.
        """
        now_ns = self.world.now_ns()
        progress = RequestProgress(proxied, self._turns, now_ns)
        self._turns += 1
        self._budget.count_request(now_ns)
        retried = RetriedRequest(self, progress, done)
        self._under_way[retried] = None
        retried.go_on()

    def close(self) -> None:
        """Call off what is under way and let go of timers and idle connections, without waiting."""
        for retried in list(self._under_way):
            retried.cancel()
        for provider in self.providers.values():
            provider.close()

    def ended(self, retried: "RetriedRequest") -> None:
        """A request has its reply."""
        self.probe_queue.leave(retried)
        del self._under_way[retried]

    def choose(self, progress: RequestProgress) -> Provider | None:
        """The provider to ask next, if there is one."""
        now_ns = self.world.now_ns()
        proxied = progress.proxied
        ranked = self.rank(proxied.method, proxied.draw_key, progress.turn, progress.made + 1)
        if not self.spec.failover:
            return self.providers[ranked[0]] if ranked else None
        standings = [self.providers[name].standing(now_ns, progress.tries.get(name, 0)) for name in ranked]
        choice = selection.choose(standings, probing=progress.made == 0)
        for name in choice.rejected:
            log_rejection(self.world.log, progress, name, now_ns)
        return None if choice.provider is None else self.providers[choice.provider]

    def may_wait(self, retried: "RetriedRequest", progress: RequestProgress) -> bool:
        """Whether a request that nobody can be asked for waits for a probe to end; it then goes on by itself."""
        now_ns = self.world.now_ns()
        deadline_ns = progress.began_ns + self.spec.retry.deadline
        if now_ns >= deadline_ns or not any(it.is_being_probed(now_ns) for it in self.providers.values()):
            return False
        return self.probe_queue.enter(retried, retried.go_on, deadline_ns)

    def rank(self, method: str, draw_key: str, turn: int, attempt: int) -> list[str]:
        """All providers, as the strategy likes them for this attempt."""
        now_ns = self.world.now_ns()
        return selection.rank(
            self.spec.strategy,
            self._names,
            turn=turn,
            latency_ns=lambda name: self.benchmark.latency_ns(name, method, now_ns),
            draw=lambda name: self._draws.uniform(draw_key, attempt, name),
        )

    def stop(self, progress: RequestProgress) -> str | None:
        """Why there is no further attempt; otherwise one is taken from the budget."""
        if not self.spec.failover:
            return _WITHOUT_FAILOVER
        now_ns = self.world.now_ns()
        why = retry.stop(
            self.spec.retry,
            made=progress.made,
            began_ns=progress.began_ns,
            now_ns=now_ns,
            unknown=progress.unknown,
            repeatable=progress.proxied.repeatable,
        )
        if why is None and not self._budget.spend(now_ns):
            why = "budget"
        return None if why is None else _STOPPED[why]

    def gave_up(self, progress: RequestProgress, why: str) -> Reply:
        """The reply to the client when no provider answered."""
        proxied, last, now_ns = progress.proxied, progress.last, self.world.now_ns()
        waits = [provider.limited_until_ns - now_ns for provider in self.providers.values()]
        retry_after = min((wait for wait in waits if wait > 0), default=None)
        if progress.only_limited and retry_after is not None:
            return replies.rate_limited(
                proxied.ids, batch=proxied.batch, attempts=progress.made, retry_after=retry_after
            )
        overdue = now_ns >= progress.began_ns + self.spec.retry.deadline
        return replies.unavailable(
            proxied.ids,
            batch=proxied.batch,
            attempts=progress.made,
            reason=why,
            last=last,
            timed_out=overdue or (last is not None and last.failure == "timeout"),
        )


class _InFlight(msgspec.Struct, eq=False):
    """An attempt under way; `ticket` is what its breaker gave it."""

    attempt: Attempt
    provider: Provider
    ticket: int
    exchange: Exchange | None = None


class RetriedRequest:
    """One client request on its way to an answer: one attempt at a time, or two in a race."""

    def __init__(
        self, dispatcher: Dispatcher, progress: RequestProgress, done: Callable[[Reply], object]
    ) -> None:
        self._dispatcher = dispatcher
        self._world = dispatcher.world
        self._progress = progress
        self._done = done
        self._flights: list[_InFlight] = []
        self._hedge_timer: Timer | None = None

    def go_on(self) -> None:
        """Make the next attempt, if a provider is available for it, or will perhaps be in a moment."""
        progress, dispatcher = self._progress, self._dispatcher
        provider = dispatcher.choose(progress)
        if provider is None:
            if not dispatcher.may_wait(self, progress):
                self._give_up(_NONE_AVAILABLE)
            return
        after = dispatcher.spec.hedge_after
        if progress.made == 0 and after is not None and progress.proxied.repeatable:
            self._hedge_timer = self._world.call_at(self._world.now_ns() + after, self._hedge)
        self._begin(provider, "retry" if progress.made else "primary")

    def cancel(self) -> None:
        """Call it off: nobody waits for a reply any more."""
        self._call_off()
        self._dispatcher.ended(self)

    def _hedge(self) -> None:
        """The first attempt is slow: race it, if a provider not yet asked, the policy and the budget allow."""
        progress, dispatcher = self._progress, self._dispatcher
        provider = dispatcher.choose(progress)
        if provider is None or provider.name in progress.tries or dispatcher.stop(progress) is not None:
            return
        progress.racing = True
        self._begin(provider, "hedge")

    def _begin(self, provider: Provider, reason: AttemptReason) -> None:
        progress, now_ns = self._progress, self._world.now_ns()
        attempt = progress.begin(provider.name, reason, now_ns)
        deadline_ns = retry.attempt_deadline_ns(self._dispatcher.spec.retry, progress.began_ns, now_ns)
        request = encode_request(provider.head_bytes, progress.proxied.body, progress.proxied.trail)
        flight = _InFlight(attempt, provider, provider.breaker.begin())
        self._flights.append(flight)
        flight.exchange = Exchange(
            self._world, provider.pool, request, deadline_ns, partial(self._ended, flight)
        )

    def _ended(self, flight: _InFlight, result: HttpResponse | TransportFailure) -> None:
        attempt, proxied = flight.attempt, self._progress.proxied
        if isinstance(result, str):
            attempt.verdict = classify.of_transport(result)
        else:
            attempt.response = result
            attempt.verdict = classify.of_response(result, proxied.ids, batch=proxied.batch)
        self._flights.remove(flight)
        flight.exchange = None  # it knows this flight too: memory is to be free at once, without a collector
        self._record(flight)
        if attempt.response is not None and attempt.answered():
            self._call_off()
            self._finish(replies.passed_on(attempt.response, attempt.provider))
        elif not self._flights:
            self._failed()

    def _failed(self) -> None:
        """All attempts so far have failed."""
        self._call_off()
        self._progress.racing = False
        why = self._dispatcher.stop(self._progress)
        if why is None:
            self.go_on()
        else:
            self._give_up(why)

    def _give_up(self, why: str) -> None:
        """What nobody has is not there, in a provider's own words; anything else is ours to explain."""
        progress = self._progress
        absent = progress.absent
        if progress.only_absent and absent is not None and absent.response is not None:
            self._finish(replies.passed_on(absent.response, absent.provider))
        else:
            self._finish(self._dispatcher.gave_up(progress, why))

    def _call_off(self) -> None:
        """No hedge any more, and an attempt still in the race has lost it."""
        if self._hedge_timer is not None:
            self._hedge_timer.cancel()
        for flight in self._flights:
            assert flight.exchange is not None
            flight.exchange.cancel()
            flight.exchange = None
            self._record(flight)
        self._flights.clear()

    def _record(self, flight: _InFlight) -> None:
        attempt, progress, now_ns = flight.attempt, self._progress, self._world.now_ns()
        flight.provider.end(flight.ticket, attempt.verdict)
        self._dispatcher.probe_queue.call_all()
        if attempt.answered() or attempt.verdict.failure in _GIVEN_UP:
            latency_ns = now_ns - attempt.began_ns
            self._dispatcher.benchmark.record(attempt.provider, progress.proxied.method, latency_ns, now_ns)
        progress.end(attempt)
        log_attempt(self._world.log, progress, attempt, now_ns)

    def _finish(self, reply: Reply) -> None:
        self._dispatcher.ended(self)
        self._done(reply)
