"""What is wrong with one part of a scenario: with its fields, and with what only those who act on it know."""

from collections.abc import Iterator
from typing import Any

from battle.actors.provider.checks import provider_problems
from battle.actors.spec.providers import MockProvider
from battle.actors.spec.workloads import LogFilter, Workload
from battle.actors.workload.checks import log_filter_problems, workload_problems


def part_problems(part: Any) -> Iterator[str]:
    """Each thing wrong with a struct that has `problems`, as a sentence that says what to write instead."""
    if isinstance(part, MockProvider):
        return provider_problems(part)
    if isinstance(part, LogFilter):
        return log_filter_problems(part)
    if isinstance(part, Workload):
        return workload_problems(part)
    problems: Iterator[str] = part.problems()
    return problems
