"""Stages of a load: how it rises and falls, one stage after the other."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from battle.actors.spec.base import Spec
from battle.actors.spec.workloads.problems import duration_problems, rate_problems
from battle.actors.units import Duration, format_duration

MAX_STAGES = 1000
"""Of one load: more are a recording, which `Replay` plays."""


class RateStage(Spec, frozen=True, kw_only=True):
    """For `duration` the rate goes evenly to `rate` requests a second. A duration of 0 sets it."""

    duration: Duration
    rate: float


class UserStage(Spec, frozen=True, kw_only=True):
    """For `duration` users come or leave evenly until there are `users`. A duration of 0 sets their number."""

    duration: Duration
    users: int


Stages: TypeAlias = Sequence[RateStage | UserStage]


def length_of(stages: Stages) -> Duration:
    """How long they last together."""
    return sum(stage.duration for stage in stages)


def stage_problems(stages: Stages) -> Iterator[str]:
    """What is wrong with the stages of a load, but for how many nodes it is dealt out to."""
    if not 0 < len(stages) <= MAX_STAGES:
        yield f"stages must be from 1 to {MAX_STAGES}, not {len(stages)}"
    for number, stage in enumerate(stages, 1):
        if stage.duration < 0:
            yield f"stage {number}: duration must be 0 or more, not {format_duration(stage.duration)}"
        if isinstance(stage, RateStage):
            yield from rate_problems(f"stage {number}: rate", stage.rate, may_be_none=True)
        if isinstance(stage, UserStage) and stage.users < 0:
            yield f"stage {number}: users must be 0 or more, not {stage.users}"
    if stages and min(stage.duration for stage in stages) >= 0:
        yield from (f"all stages together: {problem}" for problem in duration_problems(length_of(stages)))
