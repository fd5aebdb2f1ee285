"""Faults of a provider's behaviour: it lives, and answers late, wrongly or not at all.

`ratio` is the share of requests a fault falls upon, drawn for each request separately.
"""

from collections.abc import Iterator
from typing import ClassVar, Literal, Protocol, Self, TypeAlias, TypeVar

from battle.actors.spec.failures import FailureKind, failure_problems, fits, method_problems
from battle.actors.spec.faults.base import (
    Effect,
    LastingFault,
    above_zero_problems,
    ratio_problems,
    replaced,
    share_problems,
    unobservable_problems,
)
from battle.actors.spec.latency import LatencyModel
from battle.actors.units import Duration, format_duration, seconds

LimitStyle: TypeAlias = Literal["http_429", "rpc_limit"]
"""How a provider says "too many requests": HTTP 429 with Retry-After, or JSON-RPC -32005 in an HTTP 200."""

Malformation: TypeAlias = Literal[
    "invalid_json", "wrong_content_type", "empty_body", "html_error_page", "html_bad_gateway"
]
"""Ways not to answer in JSON-RPC. `html_error_page` comes with status 200, `html_bad_gateway` with 502."""


Failure: TypeAlias = FailureKind | LimitStyle | Malformation | Literal["truncated"]
"""All ways in which a request can go wrong, but for those in which the answer alone does."""

K = TypeVar("K", bound=Failure)


class Draft(Protocol):
    """What becomes of one request, in the making, as a fault of a provider's behaviour sees and changes it.

    All randomness is keyed by the fault and the request, so one fault less does not change what the others do.
    """

    @property
    def is_over_limit(self) -> bool:
        """Whether the request exceeds the limit that the fault sets."""

    def falls(self, ratio: float) -> bool:
        """Whether the fault falls on this request, when it falls on such a share of them."""

    def one_of(self, ratio: float, kinds: tuple[K, ...], *what: object) -> K | None:
        """One of the kinds for such a share of the requests, None for the others. `what` names the draw."""

    def slowed(self, latency: LatencyModel) -> Self:
        """The same, and answered so much later."""

    def failed(self, failure: Failure | None, *, at_once: bool = False, retry_after_s: int = 0) -> Self:
        """The same, and failed, unless an earlier fault made it fail already; None changes nothing."""

    def from_another_chain(self) -> Self:
        """The same, with an answer from what the provider sees of the chain under the fault."""


class AnswerFault(LastingFault, frozen=True):
    """A fault of how a provider answers. The base of those in `kinds/`."""

    def concerns(self, method: str) -> bool:
        """Whether it can fall upon a call of this method."""
        return True

    def on_request(self, draft: Draft) -> Draft:
        """What becomes of a request under it."""
        raise NotImplementedError


class MethodFault(AnswerFault, frozen=True, kw_only=True):
    """A fault that can be one of some methods only.

    In a batch, a JSON-RPC error and a changed answer are those of the calls it concerns; all else is the batch's.
    """

    methods: tuple[str, ...] = ()
    """Only calls of these methods feel it; `*` stands for any characters: `("debug_*", "trace_*")`. Empty: all do."""

    def concerns(self, method: str) -> bool:
        return not self.methods or fits(self.methods, method)

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from method_problems(f"{self.kind()}: methods", self.methods)


class _SharedAnswerFault(MethodFault, frozen=True):
    """As `ShareFault`; a struct cannot have the fields of two."""

    ratio: float = 1.0
    """The share of the requests it falls upon."""

    def scaled(self, share: float) -> Self | None:
        return replaced(self, ratio=self.ratio * share)

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from share_problems(self.kind(), self.ratio)


class Degrade(MethodFault, frozen=True, tag="degrade"):
    """The provider gets worse without dying: `added_latency` on each answer, and a share of errors."""

    effect: ClassVar = Effect("tagged_attempts", "tagged_subscriptions")

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
        yield from failure_problems("degrade: error_kinds", self.error_kinds)
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

    def on_request(self, draft: Draft) -> Draft:
        slowed = draft.slowed(self.added_latency)
        return slowed.failed(draft.one_of(self.error_ratio, self.error_kinds, "errors"))


class ErrorRate(_SharedAnswerFault, frozen=True, tag="error_rate"):
    """A share of the requests fails at once, each in one of `kinds`."""

    effect: ClassVar = Effect("tagged_attempts", "tagged_subscriptions")

    kinds: tuple[FailureKind, ...] = ("http_503",)
    """How they fail: names of "Failures by name", an `HttpFailure` or an `RpcFailure`."""

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from failure_problems("error_rate: kinds", self.kinds)

    def on_request(self, draft: Draft) -> Draft:
        return draft.failed(draft.one_of(self.ratio, self.kinds), at_once=True)


class RateLimit(MethodFault, frozen=True, tag="rate_limit"):
    """The provider takes `limit_per_s` requests in each second and refuses the others."""

    effect: ClassVar = Effect("tagged_attempts")

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

    def on_request(self, draft: Draft) -> Draft:
        if not draft.is_over_limit:
            return draft
        return draft.failed(self.style, at_once=True, retry_after_s=-(-self.retry_after // seconds(1)))


class Hang(_SharedAnswerFault, frozen=True, tag="hang"):
    """The provider takes the request and never answers."""

    effect: ClassVar = Effect("tagged_attempts")

    def on_request(self, draft: Draft) -> Draft:
        return draft.failed("no_answer") if draft.falls(self.ratio) else draft


class Malformed(_SharedAnswerFault, frozen=True, tag="malformed"):
    """Answers that are no JSON-RPC: each in one of `forms`."""

    effect: ClassVar = Effect("tagged_attempts", changes_answers=True)

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

    def on_request(self, draft: Draft) -> Draft:
        return draft.failed(draft.one_of(self.ratio, self.forms))


class Truncated(_SharedAnswerFault, frozen=True, tag="truncated"):
    """The connection is closed in the middle of the answer's body."""

    effect: ClassVar = Effect("tagged_attempts", changes_answers=True)

    def on_request(self, draft: Draft) -> Draft:
        return draft.failed("truncated") if draft.falls(self.ratio) else draft


class HeadFault(AnswerFault, frozen=True):
    """A fault of which block a provider takes for the newest."""

    does: ClassVar[str]
    """What it does to the blocks that are published, as the log has it."""

    def head_seen(self, head: int) -> int:
        """The head that the provider sees in place of this one, if there is a block so old."""
        raise NotImplementedError


class StaleHead(HeadFault, frozen=True, tag="stale_head"):
    """The provider's head lags `blocks` behind, in all that depends on it, also in its subscriptions."""

    effect: ClassVar = Effect(
        "tagged_attempts", "tagged_heads", "acted", makes_stale=True, changes_answers=True
    )
    does: ClassVar = "delayed"

    blocks: int = 5

    def head_seen(self, head: int) -> int:
        return head - self.blocks

    def scaled(self, share: float) -> Self | None:
        return replaced(self, blocks=round(self.blocks * share))

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from above_zero_problems("stale_head", blocks=self.blocks)

    def on_request(self, draft: Draft) -> Draft:
        return draft.from_another_chain()


class Reorg(AnswerFault, frozen=True, tag="reorg"):
    """The newest `depth` blocks are replaced by others at its start, and by the first ones again at its end."""

    effect: ClassVar = Effect(
        "tagged_attempts", "tagged_heads", "acted", makes_stale=True, changes_answers=True
    )

    depth: int = 2

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from above_zero_problems("reorg", depth=self.depth)

    def on_request(self, draft: Draft) -> Draft:
        return draft.from_another_chain()


class WrongChain(AnswerFault, frozen=True, tag="wrong_chain"):
    """The provider answers from another chain: another id, other blocks."""

    effect: ClassVar = Effect(
        "tagged_attempts", "tagged_heads", "acted", makes_stale=True, changes_answers=True
    )

    chain_id: int = 5
    """What that chain calls itself."""

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from above_zero_problems("wrong_chain", chain_id=self.chain_id)

    def on_request(self, draft: Draft) -> Draft:
        return draft.from_another_chain()


class MissingData(_SharedAnswerFault, frozen=True, tag="missing_data"):
    """`null` for what the provider should know: blocks, transactions, receipts; empty lists of logs."""

    effect: ClassVar = Effect("tagged_attempts", changes_answers=True)

    def on_request(self, draft: Draft) -> Draft:
        return draft.from_another_chain() if draft.falls(self.ratio) else draft


class WrongAnswer(_SharedAnswerFault, frozen=True, tag="wrong_answer"):
    """A well-formed answer that is not true."""

    effect: ClassVar = Effect("tagged_attempts", changes_answers=True)

    def on_request(self, draft: Draft) -> Draft:
        return draft.from_another_chain() if draft.falls(self.ratio) else draft


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
