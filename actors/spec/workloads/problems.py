"""What workloads of all kinds have in common, and what can be wrong with that, in sentences."""

from collections.abc import Iterator
from math import inf, isfinite
from typing import TypeAlias

from battle.actors.units import Duration, format_duration, minutes, not_a_share

Methods: TypeAlias = str | dict[str, float]
"""One method, or a weighted mix: method to weight."""

RATE_MAX = 1_000_000
"""Requests a second: tens of times what a generator can send, so that a slip is found before memory is full of it."""

DURATION_MAX = minutes(7 * 24 * 60)
"""Of a load: a week. Times of the log are nanoseconds in 64 bits; ends far beyond them could not be written."""


def question_problems(method: Methods, generator: str) -> Iterator[str]:
    """What is wrong with where the questions come from; whether the generator works is tried elsewhere."""
    if generator:
        if method:
            yield "give either a method or a generator, not both"
    elif method == "":
        yield "it needs a method, a mix of methods, or a generator"
    elif isinstance(method, dict) and (not method or not min(method.values()) > 0):
        yield "a mix of methods needs at least one method, each with a weight above 0"


def rate_problems(name: str, rate: float, *, may_be_none: bool = False) -> Iterator[str]:
    """What is wrong with a rate; `name` is the field's."""
    if not isfinite(rate):
        yield f"{name} must be a finite number of requests per second, not {rate}"
    elif may_be_none and rate < 0:
        yield f"{name} must be 0 or more requests per second, not {rate}"
    elif not may_be_none and rate <= 0:
        yield f"{name} must be above 0 requests per second, not {rate}"
    elif rate > RATE_MAX:
        yield f"{name} must be at most {RATE_MAX:,} requests per second, not {rate:,.0f}"


def start_problems(at: Duration) -> Iterator[str]:
    """What is wrong with when a workload begins."""
    if at < 0:
        yield f"at must be 0 (the start of the load) or later, not {format_duration(at)}"
    elif at > DURATION_MAX:
        yield f"at must be at most {format_duration(DURATION_MAX)}, not {format_duration(at)}"


def id_problems(number_ids: float) -> Iterator[str]:
    """What is wrong with the share of requests whose id is a number."""
    if not 0 <= number_ids <= 1:
        yield f"number_ids {not_a_share(number_ids)}"


RECEIVE_BUFFER_MIN = 2048
"""Bytes: Linux gives a socket no less than about as much."""


def reading_problems(receive_buffer: int | None, read_rate: float | None) -> Iterator[str]:
    """What is wrong with how slowly clients read."""
    if receive_buffer is not None and receive_buffer < RECEIVE_BUFFER_MIN:
        yield f"receive_buffer must be at least {RECEIVE_BUFFER_MIN:,} bytes, not {receive_buffer:,}"
    if read_rate is not None and not 1 <= read_rate < inf:
        yield f"read_rate must be a finite number of at least 1 byte per second, not {read_rate}"


def span_problems(duration: Duration, shards: int) -> Iterator[str]:
    """What is wrong with the length of a load, and into how many nodes it is dealt out."""
    yield from duration_problems(duration)
    yield from shard_problems(shards)


def duration_problems(duration: Duration) -> Iterator[str]:
    """What is wrong with the length of a load."""
    if duration <= 0:
        yield f"duration must be above 0, not {format_duration(duration)}"
    elif duration > DURATION_MAX:
        yield f"duration must be at most {format_duration(DURATION_MAX)}, not {format_duration(duration)}"


def shard_problems(shards: int) -> Iterator[str]:
    """What is wrong with into how many nodes a load is dealt out."""
    if shards <= 0:
        yield f"shards must be at least 1, not {shards}"
