"""What a comparison says: `comparison.json`, and what reports show of it. Pure.

Times are nanoseconds, virtual ones in the simulated world. A `change` is (after / before) - 1, but of a rate after -
before; None is "cannot be said": there is no number on one side, or a count rose from 0.
"""

from typing import Literal, TypeAlias

import msgspec

SCHEMA_VERSION = 1
"""Raised when a field is renamed, removed, or changes its meaning; not when one is added."""

FILE = "comparison.json"
"""In the directory of the run that was compared; its reports show it."""

Answer: TypeAlias = Literal["better", "same", "worse", "not_enough_data"]
Status: TypeAlias = Literal["nothing_worse", "worse", "not_enough_data"]
Unit: TypeAlias = Literal["ns", "share", "bytes", "per_s", "count", "ratio"]
"""Of the values: `share` is of all requests, 0 to 1; `ratio` is one number for each of another."""

EXIT_STATUS: dict[Status, int] = {"nothing_worse": 0, "worse": 1, "not_enough_data": 3}
"""What `battle compare` says to the shell."""


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    pass


class Change(_Part, frozen=True, kw_only=True):
    """One metric, compared.

    `low` to `high` holds the true change; all such intervals of a comparison together with probability `level`.
    A change smaller than `visible` would not have been seen. Only one that `decides` makes the comparison fail.
    `confirmed`: seen again by a second run; None: no second run was asked.
    """

    metric: str
    workload: str | None
    name: str
    unit: Unit
    before: float | None
    after: float | None
    change: float | None
    low: float | None
    high: float | None
    visible: float | None
    verdict: Answer
    decides: bool
    method: str
    note: str | None = None
    confirmed: bool | None = None


class ComparedSide(_Part, frozen=True, kw_only=True):
    """One of the two that were compared: a run, or a baseline of `runs` runs."""

    name: str
    run_id: str
    scenario: str
    world: str
    gateway: str
    seed: int | None
    runs: int


class Comparison(_Part, frozen=True, kw_only=True):
    """Whether `after` is worse than `before`. `headline` answers in a sentence.

    `threshold` is what a change must exceed to count. `differences` say how the two sides differ otherwise,
    `cautions` why the answer may not be trusted. `confirmed_by`: the run that was made to see it again.
    """

    schema_version: int
    status: Status
    headline: str
    before: ComparedSide
    after: ComparedSide
    threshold: float
    level: float
    differences: tuple[str, ...]
    cautions: tuple[str, ...]
    changes: tuple[Change, ...]
    confirmed_by: str | None = None

    @property
    def exit_status(self) -> int:
        """For the shell."""
        return EXIT_STATUS[self.status]


BYTES_MAX = 64 * 2**20
"""Of a file that holds a baseline or a comparison; those of long runs take 100 kB."""
