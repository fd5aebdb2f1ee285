"""One client request: choose a provider, make an attempt, look at what came of it, perhaps go on."""

from functools import partial

import msgspec

from actors.gateway import classify, hedge, replies, retry, select
from actors.gateway.attempt import exchange
from actors.gateway.benchmark import Benchmark
from actors.gateway.classify import Verdict
from actors.gateway.inquiry import Inquiry
from actors.gateway.replies import Failed, Reply
from actors.gateway.spec import GatewayRole
from actors.gateway.upstream import Provider
from actors.wire.http import HttpResponse, encode_request
from actors.world.seam import World
from store.events import AttemptReason, BreakerRejected, GatewayAttemptEnded

_NONE_AVAILABLE = "no provider is available"
_WITHOUT_FAILOVER = "failover is off"
_STOPPED = {
    "attempts": "no more attempts are allowed",
    "deadline": "the deadline has passed",
    "budget": "the retry budget is spent",
    "not_repeatable": "the call is not safe to repeat",
}

_MEASURED_FAILURES = ("timeout", "cancelled")
"""Attempts given up took at least as long as they were given; quick failures say nothing about latency."""


class _Progress(msgspec.Struct):
    """What has been done so far for one client request."""

    inquiry: Inquiry
    turn: int
    began_ns: int
    tries: dict[str, int] = {}
    made: int = 0
    unknown: bool = False
    only_limited: bool = True
    racing: bool = False
    last: Failed | None = None
    rejected: set[str] = set()


class _Ended(msgspec.Struct):
    """One attempt, at its end."""

    provider: str
    verdict: Verdict
    response: HttpResponse | None = None

    def answered(self) -> bool:
        return self.verdict.answered


class Caller:
    """Asks the providers on behalf of clients.

    Logs `GatewayAttemptEnded` per attempt, `BreakerRejected` at most once per request and provider, and
    through the guards `BreakerChanged`. `hedged` marks the attempts of a race, the first one too; the one
    that lost ends with the failure `cancelled`.
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
        progress = _Progress(inquiry, self._turns, self._world.now_ns())
        self._turns += 1
        self._budget.count_request(progress.began_ns)
        while (provider := self._choose(progress)) is not None:
            ended = await self._try(progress, provider)
            if ended.response is not None and ended.answered():
                return replies.passed_on(ended.response, ended.provider)
            if (why := self._stop(progress)) is not None:
                return self._gave_up(progress, why)
        return self._gave_up(progress, _NONE_AVAILABLE)

    # Choosing

    def _choose(self, progress: _Progress) -> Provider | None:
        now_ns = self._world.now_ns()
        inquiry, attempt = progress.inquiry, progress.made + 1
        ranked = select.rank(
            self._spec.strategy,
            self._names,
            turn=progress.turn,
            latency_ns=lambda name: self.benchmark.latency_ns(name, inquiry.method, now_ns),
            draw=lambda name: self._draws.uniform(inquiry.chance_key, attempt, name),
        )
        if not self._spec.failover:
            return self._providers[ranked[0]] if ranked else None
        standings = [self._providers[name].standing(now_ns, progress.tries.get(name, 0)) for name in ranked]
        choice = select.choose(standings, probing=progress.made == 0)
        for name in choice.rejected:
            self._reject(progress, name, now_ns)
        return None if choice.provider is None else self._providers[choice.provider]

    def _reject(self, progress: _Progress, name: str, now_ns: int) -> None:
        if name in progress.rejected:
            return
        progress.rejected.add(name)
        request_id = progress.inquiry.request_id
        self._world.log.append(
            BreakerRejected(at_ns=now_ns, provider=name, transport="http", request_id=request_id)
        )

    # Trying

    async def _try(self, progress: _Progress, provider: Provider) -> _Ended:
        after = self._spec.hedge_after
        if progress.made:
            return await self._attempt(progress, provider, "retry")
        if after is None or not progress.inquiry.repeatable or not self._spec.failover:
            return await self._attempt(progress, provider, "primary")
        first = partial(self._attempt, progress, provider, "primary")
        ended = await hedge.race(first, partial(self._hedge, progress), after, _Ended.answered)
        progress.racing = False
        return ended

    def _hedge(self, progress: _Progress) -> hedge.Runner[_Ended] | None:
        """The attempt to race with, if a provider not yet asked, the policy and the budget allow one."""
        provider = self._choose(progress)
        if provider is None or provider.name in progress.tries or self._stop(progress) is not None:
            return None
        progress.racing = True
        return partial(self._attempt, progress, provider, "hedge")

    async def _attempt(self, progress: _Progress, provider: Provider, reason: AttemptReason) -> _Ended:
        inquiry, world = progress.inquiry, self._world
        progress.made += 1
        progress.tries[provider.name] = progress.tries.get(provider.name, 0) + 1
        number, began_ns = progress.made, world.now_ns()
        ticket = provider.guard.begin()
        request = encode_request(provider.head, inquiry.body, inquiry.trail)
        deadline_ns = retry.attempt_deadline_ns(self._spec.retry, progress.began_ns, began_ns)
        ended = _Ended(provider.name, classify.of_transport("cancelled"))
        try:
            result = await exchange(world, provider.pool, request, deadline_ns)
            if isinstance(result, HttpResponse):
                ended.response = result
                ended.verdict = classify.of_response(result, inquiry.ids, batch=inquiry.batch)
            else:
                ended.verdict = classify.of_transport(result)
        finally:
            provider.end(ticket, ended.verdict)
            self._record(progress, ended, number, reason, began_ns)
        return ended

    def _record(
        self, progress: _Progress, ended: _Ended, number: int, reason: AttemptReason, began_ns: int
    ) -> None:
        now_ns, verdict = self._world.now_ns(), ended.verdict
        http_status = None if ended.response is None else ended.response.status
        if verdict.answered or verdict.failure in _MEASURED_FAILURES:
            self.benchmark.record(ended.provider, progress.inquiry.method, now_ns - began_ns, now_ns)
        if verdict.failure is not None:
            progress.unknown |= verdict.outcome == "unknown"
            progress.only_limited &= verdict.kind == "rate_limited"
            progress.last = Failed(
                ended.provider, verdict.failure, http_status, verdict.rpc_code, verdict.detail
            )
        self._world.log.append(
            GatewayAttemptEnded(
                request_id=progress.inquiry.request_id,
                attempt=number,
                provider=ended.provider,
                transport="http",
                method=progress.inquiry.method,
                reason=reason,
                hedged=progress.racing,
                started_ns=began_ns,
                ended_ns=now_ns,
                outcome=verdict.outcome,
                failure=verdict.failure,
                http_status=http_status,
                rpc_code=verdict.rpc_code,
            )
        )

    # Giving up

    def _stop(self, progress: _Progress) -> str | None:
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

    def _gave_up(self, progress: _Progress, why: str) -> Reply:
        inquiry, now_ns = progress.inquiry, self._world.now_ns()
        limited = [it.limited_until_ns - now_ns for it in self._providers.values()]
        waits = [wait for wait in limited if wait > 0]
        if progress.only_limited and waits:
            return replies.rate_limited(
                inquiry.ids, batch=inquiry.batch, attempts=progress.made, retry_after=min(waits)
            )
        overdue = now_ns >= progress.began_ns + self._spec.retry.deadline
        timed_out = overdue or (progress.last is not None and progress.last.failure == "timeout")
        return replies.unavailable(
            inquiry.ids,
            batch=inquiry.batch,
            attempts=progress.made,
            reason=why,
            last=progress.last,
            timed_out=timed_out,
        )
