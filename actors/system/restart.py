"""The restart decision: who exited, how and when go in; what to do about it comes out.

OTP's vocabulary and semantics (`supervisor.erl`), with one addition: how long to wait before a restart is
part of the decision, so a child that cannot start does not spin. No clock, no tasks, no randomness.
"""

import math
from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

from battle.actors.units import Duration, format_duration, ms, seconds

RestartType: TypeAlias = Literal["permanent", "transient", "temporary"]
"""When a child that exited is started again: always; unless it ended normally; never."""

Strategy: TypeAlias = Literal["one_for_one", "one_for_all", "rest_for_one"]
"""Who is restarted with it: nobody; all its siblings; the siblings that were started after it."""

ExitKind: TypeAlias = Literal["normal", "crash", "induced", "hopeless"]
"""`induced`: killed on purpose by a chaos fault. It is restarted at once and held against nobody. `hopeless`: a
supervisor below gave up because a child of its own cannot start; nobody above tries again."""


class Limits(msgspec.Struct, frozen=True):
    """Restart intensity: more than `max_restarts` in any span of `within`, and the supervisor itself fails.

    An exit that takes siblings with it counts as one restart; an induced exit counts as none. A child that ended
    `max_failed_starts` times in a row before it had started makes the supervisor fail too, however long each of its
    starts took.
    """

    max_restarts: int = 3
    within: Duration = seconds(5)
    max_failed_starts: int = 3

    def __post_init__(self) -> None:
        if self.max_failed_starts < 1:
            raise ValueError(f"max_failed_starts is {self.max_failed_starts}; it must be 1 or more")
        if self.max_restarts < 0:
            raise ValueError(f"max_restarts is {self.max_restarts}; it cannot be negative")
        if self.within <= 0:
            raise ValueError(f"within is {self.within} ns; it must be positive")


class Backoff(msgspec.Struct, frozen=True):
    """The wait before a restart: `first`, then `factor` times longer each time, at most `most`.

    A child that ran for `stable_after` since it said that it had started begins again with `first`.
    """

    first: Duration = ms(100)
    factor: float = 2.0
    most: Duration = seconds(10)
    stable_after: Duration = seconds(30)

    def __post_init__(self) -> None:
        if not 0 < self.first <= self.most:
            raise ValueError(f"a backoff needs 0 < first <= most; these are {self.first} and {self.most} ns")
        if not (math.isfinite(self.factor) and self.factor >= 1):
            raise ValueError(f"a backoff's factor is a number from 1 on; this is {self.factor}")
        if self.stable_after <= 0:
            raise ValueError(f"stable_after is {self.stable_after} ns; it must be positive")

    def delay(self, failures: int) -> Duration:
        """The wait after this many failures in a row, the first being 1."""
        # In logarithms, because the power itself can overflow.
        if (failures - 1) * math.log(self.factor) >= math.log(self.most / self.first):
            return self.most
        return min(self.most, round(self.first * self.factor ** (failures - 1)))


class Policy(msgspec.Struct, frozen=True):
    """How one supervisor answers the exits of its children.

    Raises:
        ValueError: the waits are so long that a child which always fails at once would stay below the
            intensity for ever, and nobody would hear of it.
    """

    strategy: Strategy = "one_for_one"
    limits: Limits = Limits()
    backoff: Backoff = Backoff()

    def __post_init__(self) -> None:
        waits = 0
        for failures in range(1, self.limits.max_restarts + 1):
            waits += self.backoff.delay(failures)
            if waits >= self.limits.within:
                raise ValueError(
                    f"{failures} waits of the backoff take {format_duration(waits)}: a child that always "
                    f"fails would never make {self.limits.max_restarts} restarts within "
                    f"{format_duration(self.limits.within)}; allow fewer restarts or a longer span"
                )


class Exit(msgspec.Struct, frozen=True):
    """The end of one incarnation. `ran_for` counts from when it said it had `started`; 0 if it never did."""

    child: str
    kind: ExitKind
    ran_for: Duration = 0
    started: bool = True


class History(msgspec.Struct, frozen=True):
    """What a decision needs to know of the past; a new supervisor begins with `History()`.

    `restarts_ns` are the moments of the restarts that count, oldest first, at most `max_restarts` of them;
    `failures` is the number of failures in a row of each child that has any, `failed_starts` that of its incarnations
    which crashed before they had started.
    """

    restarts_ns: tuple[int, ...] = ()
    failures: Mapping[str, int] = {}
    failed_starts: Mapping[str, int] = {}


class Leave(msgspec.Struct, frozen=True):
    """The child has ended for good; nothing else changes."""


class Restart(msgspec.Struct, frozen=True):
    """Stop the children of `stop` one by one, wait for `delay`, then start those of `start` one by one."""

    stop: tuple[str, ...]
    start: tuple[str, ...]
    delay: Duration


class Escalate(msgspec.Struct, frozen=True):
    """Stop everything and fail upward, for `reason`. Hopeless: to start it all again would not help."""

    reason: str
    hopeless: bool = False


Decision: TypeAlias = Leave | Restart | Escalate


def decide(
    policy: Policy, children: Mapping[str, RestartType], history: History, exited: Exit, now_ns: int
) -> tuple[Decision, History]:
    """What to do about `exited`, and the history to give to the next decision.

    `children` are all children of the supervisor in the order in which they are started. As in OTP, a
    group's restart also starts its transient children that had ended normally, and stops its temporary
    ones without starting them again. The caller hands in one exit at a time, and none of a child that an
    earlier decision stopped.
    """
    assert exited.child in children, exited
    if exited.ran_for >= policy.backoff.stable_after:
        history = _forgiven(history, exited.child)
    if not _comes_back(children[exited.child], exited.kind):
        return Leave(), history
    if exited.kind == "hopeless":
        return Escalate(f"{exited.child} cannot start", hopeless=True), history
    if exited.kind == "induced":
        return _restart(policy.strategy, children, exited.child, delay=0), history
    history = _with_start(history, exited)
    if history.failed_starts.get(exited.child, 0) >= policy.limits.max_failed_starts:
        times = policy.limits.max_failed_starts
        return Escalate(f"{exited.child} did not start, {times} times in a row", hopeless=True), history
    return _counted_restart(policy, children, history, exited, now_ns)


def _with_start(history: History, exited: Exit) -> History:
    """The history with how this incarnation's start went."""
    failed = 0 if exited.started else history.failed_starts.get(exited.child, 0) + 1
    return msgspec.structs.replace(history, failed_starts={**history.failed_starts, exited.child: failed})


def _counted_restart(
    policy: Policy, children: Mapping[str, RestartType], history: History, exited: Exit, now_ns: int
) -> tuple[Decision, History]:
    limits = policy.limits
    recent = tuple(at_ns for at_ns in history.restarts_ns if now_ns - at_ns < limits.within)
    if len(recent) >= limits.max_restarts:
        span = format_duration(limits.within)
        reason = f"{exited.child} would need more than {limits.max_restarts} restarts within {span}"
        return Escalate(reason), history
    failures = history.failures.get(exited.child, 0) + 1
    decision = _restart(policy.strategy, children, exited.child, policy.backoff.delay(failures))
    failed = {**history.failures, exited.child: failures}
    return decision, msgspec.structs.replace(history, restarts_ns=(*recent, now_ns), failures=failed)


def _comes_back(restart: RestartType, kind: ExitKind) -> bool:
    return restart == "permanent" or (restart == "transient" and kind != "normal")


def _restart(strategy: Strategy, children: Mapping[str, RestartType], child: str, delay: Duration) -> Restart:
    group = _group(strategy, tuple(children), child)
    return Restart(
        stop=tuple(name for name in reversed(group) if name != child),
        start=tuple(name for name in group if children[name] != "temporary"),
        delay=delay,
    )


def _group(strategy: Strategy, names: tuple[str, ...], child: str) -> tuple[str, ...]:
    if strategy == "one_for_one":
        return (child,)
    if strategy == "one_for_all":
        return names
    return names[names.index(child) :]


def _forgiven(history: History, child: str) -> History:
    failures = {name: count for name, count in history.failures.items() if name != child}
    return msgspec.structs.replace(history, failures=failures)
