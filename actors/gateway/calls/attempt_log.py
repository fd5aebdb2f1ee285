"""What the gateway remembers of a client request while it works on it, and what it logs about it."""

import msgspec

from battle.actors.gateway.calls.proxied_request import ProxiedRequest
from battle.actors.gateway.calls.replies import Failed
from battle.actors.gateway.policy.classify import AttemptVerdict
from battle.actors.wire.http.messages import HttpResponse
from battle.actors.world.interfaces import EventLog
from battle.store.events import AttemptReason, BreakerRejected, GatewayAttemptEnded


class RequestProgress(msgspec.Struct):
    """What has been done so far for one client request."""

    proxied: ProxiedRequest
    turn: int
    began_ns: int
    made: int = 0
    tries: dict[str, int] = {}
    racing: bool = False
    unknown: bool = False
    """Whether an attempt left and nobody knows whether it took effect."""
    only_limited: bool = True
    only_absent: bool = True
    """Whether all who were asked said that they do not have it."""
    absent: "Attempt | None" = None
    """The last of those."""
    last: Failed | None = None
    rejected: set[str] = set()

    def begin(self, provider: str, reason: AttemptReason, now_ns: int) -> "Attempt":
        """One more attempt begins."""
        self.made += 1
        self.tries[provider] = self.tries.get(provider, 0) + 1
        return Attempt(self.made, provider, reason, now_ns)

    def end(self, attempt: "Attempt") -> None:
        """An attempt of this request has its verdict."""
        verdict = attempt.verdict
        if verdict.failure is None:
            return
        self.unknown |= verdict.outcome == "unknown"
        self.only_limited &= verdict.kind == "rate_limited"
        self.only_absent &= verdict.neutral
        if verdict.neutral:
            self.absent = attempt
        status = attempt.http_status
        self.last = Failed(attempt.provider, verdict.failure, status, verdict.rpc_code, verdict.detail)


class Attempt(msgspec.Struct):
    """One attempt; `number` counts from 1 within its request."""

    number: int
    provider: str
    reason: AttemptReason
    began_ns: int
    verdict: AttemptVerdict = AttemptVerdict("retryable", "unknown", "cancelled")
    """Until anything else is known, it was cancelled."""
    response: HttpResponse | None = None

    @property
    def http_status(self) -> int | None:
        return None if self.response is None else self.response.status

    def answered(self) -> bool:
        """Whether its response is what the client gets."""
        return self.verdict.answered


def log_attempt(log: EventLog, progress: RequestProgress, attempt: Attempt, now_ns: int) -> None:
    """Log `GatewayAttemptEnded`. `hedged` marks the attempts of a race, the first one too."""
    log.append(
        GatewayAttemptEnded(
            request_id=progress.proxied.request_id,
            attempt=attempt.number,
            provider=attempt.provider,
            transport="http",
            method=progress.proxied.method,
            reason=attempt.reason,
            hedged=progress.racing,
            started_ns=attempt.began_ns,
            ended_ns=now_ns,
            outcome=attempt.verdict.outcome,
            failure=attempt.verdict.failure,
            http_status=attempt.http_status,
            rpc_code=attempt.verdict.rpc_code,
        )
    )


def log_rejection(log: EventLog, progress: RequestProgress, provider: str, now_ns: int) -> None:
    """Log `BreakerRejected`, at most once per request and provider."""
    if provider in progress.rejected:
        return
    progress.rejected.add(provider)
    log.append(
        BreakerRejected(
            at_ns=now_ns, provider=provider, transport="http", request_id=progress.proxied.request_id
        )
    )
