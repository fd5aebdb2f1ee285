"""What all faults have in common: a target, a span, how they begin and end, and perhaps a strength to scale."""

from collections.abc import Callable, Iterator
from typing import ClassVar, Literal, Protocol, Self, TypeAlias, TypeVar

import msgspec

from battle.actors.spec.base import Spec
from battle.actors.units import Duration, format_duration, not_a_share, seconds, us

Span = tuple[Duration, Duration]
"""From when to when, counted from the start of the load."""

OBSERVABLE_MIN = us(100)
"""A shorter delay drowns in what scheduling and the loopback interface do by themselves, so that to survive it
proves nothing; it is nearly always a bare number that was meant as milliseconds."""

F = TypeVar("F", bound="FaultSpec")

Sign: TypeAlias = Literal[
    "killed", "kept_down", "stopped", "paused", "acted", "refused_attempts", "traffic_ceased", "clients_failed",
    "tagged_attempts", "tagged_heads", "tagged_subscriptions",
]  # fmt: skip
"""What the log shows of a fault; `fault_effects` among the checkers has the words for each."""


class Effect:
    """What the log must show of a fault for it to have had its effect, and what a provider under it may do.

    One of the `signs` must be there. The others are columns of the view `fault_rules`, which says what they mean and
    is made from these: `make pages`.
    """

    def __init__(
        self,
        *signs: Sign,
        must_be_noticed: bool = False,
        cuts_off: bool = False,
        makes_stale: bool = False,
        silences: bool = False,
        changes_answers: bool = False,
    ) -> None:
        self.signs = signs
        self.flags = (must_be_noticed, cuts_off, makes_stale, silences, changes_answers)


class TargetNode(Protocol):
    """The node that a fault is aimed at, and what the fault can do to it.

    What was done comes into the log on its own. A target that does not run is the injector's business: a fault whose
    `begin` finds it so has failed.
    """

    def take_down(self, *, asked: bool = False) -> None:
        """End it, and keep it from being restarted: by SIGKILL, or `asked` to stop (SIGTERM)."""

    def let_up(self) -> None:
        """Let it be restarted, unless another fault still keeps it down."""

    def pause(self) -> None:
        """Stop it as SIGSTOP does."""

    def resume(self) -> None:
        """Let it go on, unless another fault still holds it. Nothing if it does not stand still for this fault."""

    def send(self) -> None:
        """Send it this fault, which it carries out itself, as does each incarnation of it that starts later."""

    def take_back(self) -> None:
        """Take back what was sent."""

    def after(self, delay: Duration, act: Callable[[], object]) -> None:
        """Call `act` so much later, if the fault still holds then; to a node that has gone it does nothing."""


class FaultSpec(Spec, frozen=True):
    """One kind of fault, aimed at one provider or a group of them; those of processes also at the gateway."""

    effect: ClassVar[Effect]

    target: str
    """A provider's name, "group:NAME" for all providers of that group, or "*" for all: it is enough that one of them
    feels it, if the others get no request meanwhile. For faults of processes also "gateway"."""

    @classmethod
    def kind(cls) -> str:
        """The fault's name in the log."""
        return str(cls.__struct_config__.tag)

    @property
    def first(self) -> Span:
        """When it holds for the first time, which is the only one for most."""
        raise NotImplementedError

    @property
    def repeats_every(self) -> Duration | None:
        """From one start to the next, if it repeats itself until the load ends: above 0. None for most."""
        return None

    def spans(self, load: Duration) -> Iterator[Span]:
        """When it holds, in a run whose load lasts `load`."""
        start, end = self.first
        if self.repeats_every is None:
            yield start, end
            return
        for shift in range(0, load - start, self.repeats_every):
            yield start + shift, end + shift

    def begin(self, node: TargetNode) -> None:
        """What it does to its target when it begins. Most faults are carried out by the node itself."""
        node.send()

    def end(self, node: TargetNode) -> None:
        """What it does to its target when it ends, also when the target has ended meanwhile."""
        node.take_back()

    def placed(self, start: Duration, end: Duration) -> Self:
        """The same fault, for the span from `start` to `end`."""
        raise NotImplementedError

    def scaled(self, share: float) -> Self | None:
        """The same fault at a share (0 to 1) of its strength; None when it has no strength to scale."""
        return None


class LastingFault(FaultSpec, frozen=True):
    """A fault that holds from `at` for `duration`."""

    at: Duration = 0
    """When it begins."""
    duration: Duration = seconds(10)
    """How long it holds."""

    @property
    def first(self) -> Span:
        return self.at, self.at + self.duration

    def placed(self, start: Duration, end: Duration) -> Self:
        return replaced(self, at=start, duration=end - start)

    def problems(self) -> Iterator[str]:
        yield from span_problems(self.kind(), self.at, self.duration)


class ShareFault(LastingFault, frozen=True):
    """A fault that affects a share of its traffic, drawn for each request separately."""

    ratio: float = 1.0
    """That share."""

    def scaled(self, share: float) -> Self | None:
        return replaced(self, ratio=self.ratio * share)

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from share_problems(self.kind(), self.ratio)


def replaced(spec: F, /, **changes: object) -> F:
    """A copy with other values."""
    return msgspec.structs.replace(spec, **changes)


def span_problems(kind: str, at: Duration, length: Duration) -> Iterator[str]:
    """What is wrong with a span."""
    if at < 0:
        yield f"{kind}: at must be 0 or later, not {format_duration(at)}"
    if length <= 0:
        yield f"{kind}: it must last longer than 0, not {format_duration(length)}"


def ratio_problems(kind: str, /, **ratios: float) -> Iterator[str]:
    """What is wrong with shares."""
    for name, ratio in ratios.items():
        if not 0 <= ratio <= 1:
            yield f"{kind}: {name} {not_a_share(ratio)}"


def share_problems(kind: str, ratio: float) -> Iterator[str]:
    """What is wrong with the share of its traffic that a fault affects."""
    yield from ratio_problems(kind, ratio=ratio)
    if ratio == 0:
        yield f"{kind}: a ratio of 0 does nothing"


def above_zero_problems(kind: str, /, **values: float) -> Iterator[str]:
    """What is wrong with values that must be above 0."""
    for name, value in values.items():
        if value <= 0:
            yield f"{kind}: {name} must be above 0, not {value}"


def unobservable_problems(kind: str, /, **delays: Duration) -> Iterator[str]:
    """What is wrong with delays that are above 0 and yet too short to be seen."""
    for name, delay in delays.items():
        if 0 < delay < OBSERVABLE_MIN:
            yield (
                f"{kind}: {name} of {format_duration(delay)} is too short to be observed (at least "
                f'{format_duration(OBSERVABLE_MIN)}): durations are nanoseconds; write ms(1), or "1ms" in a '
                "file, for a millisecond"
            )
