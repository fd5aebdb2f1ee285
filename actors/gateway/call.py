"""One client request: choose a provider, make an attempt, look at what came of it, perhaps go on."""

from functools import partial

from actors.gateway import classify, hedge, replies, retry, select
from actors.gateway.attempt import exchange
from actors.gateway.benchmark import Benchmark
from actors.gateway.inquiry import Inquiry
from actors.gateway.record import Attempt, Progress, log_attempt, log_rejection
from actors.gateway.replies import Reply
from actors.gateway.spec import GatewayRole
from actors.gateway.upstream import Provider
from actors.wire.http import HttpResponse, encode_request
from actors.world.seam import World
from store.events import AttemptReason

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


class Caller:
    """Asks the providers on behalf of clients.

    Logs `GatewayAttemptEnded` for each attempt (one that lost a race fails as `cancelled`), `BreakerRejected`
    at most once per request and provider, and through the guards `BreakerChanged`.
    """

    def __init__(self, world: World, role: GatewayRole) -> None:
        self._world = world
        self._spec = role.spec
        self._draws = world.draws("gateway")
        self._providers = {
            upstream.name: Provider(world, upstream, role.spec, self._draws) for upstream in role.upstreams
        }
        self._names = list(self._providers)
        self._budget = retry.Budget(role.spec.retry.budget_ratio, role.spec.retry.budget_floor)
        self._turns = 0
        self.benchmark = Benchmark(role.spec.latency_window, role.spec.seed_latencies)

    def close(self) -> None:
        """Let go of timers and idle connections, without waiting."""
        for provider in self._providers.values():
            provider.close()

    async def answer(self, inquiry: Inquiry) -> Reply:
        """Ask providers until one answers, or until trying has an end. Never raises for what they do."""
        progress = Progress(inquiry, self._turns, self._world.now_ns())
        self._turns += 1
        self._budget.count_request(progress.began_ns)
        while (provider := self._choose(progress)) is not None:
            attempt = await self._try(progress, provider)
            if attempt.response is not None and attempt.answered():
                return replies.passed_on(attempt.response, attempt.provider)
            if (why := self._stop(progress)) is not None:
                return self._gave_up(progress, why)
        return self._gave_up(progress, _NONE_AVAILABLE)

    # Choosing

    def _choose(self, progress: Progress) -> Provider | None:
        now_ns = self._world.now_ns()
        ranked = self._rank(progress.inquiry, progress.turn, progress.made + 1, now_ns)
        if not self._spec.failover:
            return self._providers[ranked[0]] if ranked else None
        standings = [self._providers[name].standing(now_ns, progress.tries.get(name, 0)) for name in ranked]
        choice = select.choose(standings, probing=progress.made == 0)
        for name in choice.rejected:
            log_rejection(self._world.log, progress, name, now_ns)
        return None if choice.provider is None else self._providers[choice.provider]

    def _rank(self, inquiry: Inquiry, turn: int, attempt: int, now_ns: int) -> list[str]:
        return select.rank(
            self._spec.strategy,
            self._names,
            turn=turn,
            latency_ns=lambda name: self.benchmark.latency_ns(name, inquiry.method, now_ns),
            draw=lambda name: self._draws.uniform(inquiry.chance_key, attempt, name),
        )

    # Trying

    async def _try(self, progress: Progress, provider: Provider) -> Attempt:
        after = self._spec.hedge_after
        if progress.made:
            return await self._attempt(progress, provider, "retry")
        if after is None or not progress.inquiry.repeatable:
            return await self._attempt(progress, provider, "primary")
        first = partial(self._attempt, progress, provider, "primary")
        attempt = await hedge.race(first, partial(self._hedge, progress), after, Attempt.answered)
        progress.racing = False
        return attempt

    def _hedge(self, progress: Progress) -> hedge.Runner[Attempt] | None:
        """The attempt to race with, if a provider not yet asked, the policy and the budget allow one."""
        provider = self._choose(progress)
        if provider is None or provider.name in progress.tries or self._stop(progress) is not None:
            return None
        progress.racing = True
        return partial(self._attempt, progress, provider, "hedge")

    async def _attempt(self, progress: Progress, provider: Provider, reason: AttemptReason) -> Attempt:
        inquiry, now_ns = progress.inquiry, self._world.now_ns()
        attempt = progress.begin(provider.name, reason, now_ns)
        deadline_ns = retry.attempt_deadline_ns(self._spec.retry, progress.began_ns, now_ns)
        request = encode_request(provider.head, inquiry.body, inquiry.trail)
        ticket = provider.guard.begin()
        try:
            result = await exchange(self._world, provider.pool, request, deadline_ns)
            if isinstance(result, HttpResponse):
                attempt.response = result
                attempt.verdict = classify.of_response(result, inquiry.ids, batch=inquiry.batch)
            else:
                attempt.verdict = classify.of_transport(result)
        finally:
            provider.end(ticket, attempt.verdict)
            self._record(progress, attempt)
        return attempt

    def _record(self, progress: Progress, attempt: Attempt) -> None:
        now_ns = self._world.now_ns()
        if attempt.answered() or attempt.verdict.failure in _GIVEN_UP:
            method, latency_ns = progress.inquiry.method, now_ns - attempt.began_ns
            self.benchmark.record(attempt.provider, method, latency_ns, now_ns)
        progress.end(attempt)
        log_attempt(self._world.log, progress, attempt, now_ns)

    # Giving up

    def _stop(self, progress: Progress) -> str | None:
        """Why there is no further attempt; otherwise one is taken from the budget."""
        if not self._spec.failover:
            return _WITHOUT_FAILOVER
        now_ns = self._world.now_ns()
        why = retry.stop(
            self._spec.retry,
            made=progress.made,
            began_ns=progress.began_ns,
            now_ns=now_ns,
            unknown=progress.unknown,
            repeatable=progress.inquiry.repeatable,
        )
        if why is None and not self._budget.spend(now_ns):
            why = "budget"
        return None if why is None else _STOPPED[why]

    def _gave_up(self, progress: Progress, why: str) -> Reply:
        inquiry, last, now_ns = progress.inquiry, progress.last, self._world.now_ns()
        waits = [provider.limited_until_ns - now_ns for provider in self._providers.values()]
        retry_after = min((wait for wait in waits if wait > 0), default=None)
        if progress.only_limited and retry_after is not None:
            return replies.rate_limited(
                inquiry.ids, batch=inquiry.batch, attempts=progress.made, retry_after=retry_after
            )
        overdue = now_ns >= progress.began_ns + self._spec.retry.deadline
        return replies.unavailable(
            inquiry.ids,
            batch=inquiry.batch,
            attempts=progress.made,
            reason=why,
            last=last,
            timed_out=overdue or (last is not None and last.failure == "timeout"),
        )
