"""Faults of a provider's behaviour: it lives, and answers late, wrongly or not at all.

`ratio` is the share of requests a fault falls upon, drawn for each request separately.
"""

from collections.abc import Iterator
from typing import Literal, Self, TypeAlias

from battle.actors.spec.faults.base import (
    LastingFault,
    ShareFault,
    above_zero_problems,
    ratio_problems,
    replaced,
    unobservable_problems,
)
from battle.actors.spec.latency import LatencyModel
from battle.actors.spec.providers import FailureKind
from battle.actors.units import Duration, format_duration, seconds

LimitStyle: TypeAlias = Literal["http_429", "rpc_limit"]
"""How a provider says "too many requests": HTTP 429 with Retry-After, or JSON-RPC -32005 in an HTTP 200."""

ErrorKind: TypeAlias = Literal["http_500", "http_502", "http_503", "rpc_server_error", "rpc_internal_error"]
"""HTTP statuses, JSON-RPC -32000 and -32603."""

Malformation: TypeAlias = Literal[
    "invalid_json", "wrong_content_type", "empty_body", "html_error_page", "html_bad_gateway"
]
"""Ways not to answer in JSON-RPC. `html_error_page` comes with status 200, `html_bad_gateway` with 502."""


class Degrade(LastingFault, frozen=True, tag="degrade"):
    """The provider gets worse without dying: `added_latency` on each answer, and a share of errors."""

    added_latency: LatencyModel = 0
    error_ratio: float = 0.0
    """The share of requests that fail."""
    error_kinds: tuple[FailureKind, ...] = ("http_503",)
    """How they fail, each in one of these ways."""

    def scaled(self, share: float) -> Self | None:
        if not isinstance(self.added_latency, int):
            return replaced(
                self, added_latency=self.added_latency.scaled(share), error_ratio=self.error_ratio * share
            )
        added = round(self.added_latency * share)
        return replaced(self, added_latency=added, error_ratio=self.error_ratio * share)

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from ratio_problems("degrade", error_ratio=self.error_ratio)
        if not self.error_kinds:
            yield "degrade: error_kinds needs at least one kind"
        if self.added_latency == 0 and self.error_ratio == 0:
            yield "degrade: give it an added_latency or an error_ratio, or it does nothing"
        if isinstance(self.added_latency, int):
            if self.added_latency < 0:
                yield f"degrade: added_latency cannot be negative ({format_duration(self.added_latency)})"
            yield from unobservable_problems("degrade", added_latency=self.added_latency)
        else:
            mistakes = list(self.added_latency.problems())
            yield from mistakes
            if not mistakes:
                yield from unobservable_problems("degrade", added_latency=self.added_latency.nearly_longest)


class ErrorRate(ShareFault, frozen=True, tag="error_rate"):
    """A share of the requests fails at once, each in one of `kinds`."""

    kinds: tuple[ErrorKind, ...] = ("http_503",)

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if not self.kinds:
            yield "error_rate: kinds needs at least one kind"


class RateLimit(LastingFault, frozen=True, tag="rate_limit"):
    """The provider takes `limit_per_s` requests in each second and refuses the others."""

    limit_per_s: int = 0
    style: LimitStyle = "http_429"
    """How it refuses."""
    retry_after: Duration = seconds(1)
    """What Retry-After says, in whole seconds, rounded up; only for `http_429`."""

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if self.limit_per_s < 0:
            yield f"rate_limit: limit_per_s must be 0 or more, not {self.limit_per_s}"
        yield from above_zero_problems("rate_limit", retry_after=self.retry_after)


class Hang(ShareFault, frozen=True, tag="hang"):
    """The provider takes the request and never answers."""


class Malformed(ShareFault, frozen=True, tag="malformed"):
    """Answers that are no JSON-RPC: each in one of `forms`."""

    forms: tuple[Malformation, ...] = (
        "invalid_json",
        "wrong_content_type",
        "empty_body",
        "html_error_page",
        "html_bad_gateway",
    )

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if not self.forms:
            yield "malformed: forms needs at least one form"


class Truncated(ShareFault, frozen=True, tag="truncated"):
    """The connection is closed in the middle of the answer's body."""


class StaleHead(LastingFault, frozen=True, tag="stale_head"):
    """The provider's head lags `blocks` behind, in all that depends on it, also in its subscriptions."""

    blocks: int = 5

    def scaled(self, share: float) -> Self | None:
        return replaced(self, blocks=round(self.blocks * share))

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from above_zero_problems("stale_head", blocks=self.blocks)


class Reorg(LastingFault, frozen=True, tag="reorg"):
    """The newest `depth` blocks are replaced by others at its start, and by the first ones again at its end."""

    depth: int = 2

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from above_zero_problems("reorg", depth=self.depth)


class WrongChain(LastingFault, frozen=True, tag="wrong_chain"):
    """The provider answers from another chain: another id, other blocks."""

    chain_id: int = 5
    """What that chain calls itself."""

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from above_zero_problems("wrong_chain", chain_id=self.chain_id)


class MissingData(ShareFault, frozen=True, tag="missing_data"):
    """`null` for what the provider should know: blocks, transactions, receipts; empty lists of logs."""


class WrongAnswer(ShareFault, frozen=True, tag="wrong_answer"):
    """A well-formed answer that is not true."""


BehaviourFault: TypeAlias = (
    Degrade
    | ErrorRate
    | RateLimit
    | Hang
    | Malformed
    | Truncated
    | StaleHead
    | Reorg
    | WrongChain
    | MissingData
    | WrongAnswer
)
