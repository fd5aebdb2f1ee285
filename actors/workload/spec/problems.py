"""What workloads of all kinds have in common, and what can be wrong with that, in sentences."""

from collections.abc import Iterator
from math import inf
from typing import TypeAlias

from actors.units import Duration
from actors.workload.custom import GeneratorError, load_generator

Methods: TypeAlias = str | dict[str, float]
"""One method, or a weighted mix: method to weight."""


def question_problems(method: Methods, generator: str) -> Iterator[str]:
    """What is wrong with where the questions come from."""
    if generator and method:
        yield "either a method or a generator makes the questions, not both"
    elif generator:
        try:
            load_generator(generator)
        except GeneratorError as error:
            yield str(error)
    elif method == "":
        yield "it needs a method, a mix of methods, or a generator"
    elif isinstance(method, dict) and (not method or not min(method.values()) > 0):
        yield "a mix of methods needs at least one method, each with a weight above 0"


def rate_problems(name: str, rate: float) -> Iterator[str]:
    """What is wrong with a rate; `name` is the field's."""
    if not 0 < rate < inf:
        yield f"{name} must be above 0 requests per second, not {rate}"


def span_problems(duration: Duration, shards: int) -> Iterator[str]:
    """What is wrong with the length of a load, and into how many nodes it is dealt out."""
    yield from duration_problems(duration)
    yield from shard_problems(shards)


def duration_problems(duration: Duration) -> Iterator[str]:
    """What is wrong with the length of a load."""
    if duration <= 0:
        yield f"duration must be above 0, not {duration}"


def shard_problems(shards: int) -> Iterator[str]:
    """What is wrong with into how many nodes a load is dealt out."""
    if shards <= 0:
        yield f"shards must be at least 1, not {shards}"
