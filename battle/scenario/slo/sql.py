"""SLOs on whatever one can ask of a log: a SELECT with one value, and what it must be."""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from battle.store import typed

Bound: TypeAlias = Literal["<=", "<", ">=", ">", "==", "!="]
"""How a measured value must compare with its limit."""

_LIMIT = re.compile(r"\s*(<=|<|>=|>|==|=|!=)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*")


class SqlTarget(NamedTuple):
    """What a value must be."""

    bound: Bound
    value: float


class SqlSlo(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One value of the run's log, and what it must be: made by `Slo.sql`.

    `query` is one SELECT that gives one number (or a truth value, which counts as 1 or 0), as `battle sql` takes it;
    `limit` an operator (`<=`, `<`, `>=`, `>`, `==`, `!=`) and a number. NULL, no row, and an error are not measured.
    """

    name: str
    query: str
    limit: str

    def problems(self) -> Iterator[str]:
        """Each thing wrong with it, but for the statement itself."""
        if not self.name.strip():
            yield "slo: an SLO on SQL needs a name"
        if not self.query.strip():
            yield f"slo {self.name!r}: it needs a SELECT"
        if parse_target(self.limit) is None:
            yield f'slo {self.name!r}: its limit reads like "<= 0" or "> 0.5", not {self.limit!r}'


def parse_target(text: str) -> SqlTarget | None:
    """The limit that "<= 0" means; None when the text is not one."""
    match = _LIMIT.fullmatch(text)
    if match is None:
        return None
    operator = "==" if match[1] == "=" else match[1]
    return SqlTarget(typed.convert(operator, Bound), float(match[2]))


def holds(value: float, bound: Bound, limit: float) -> bool:
    """Whether the value is what it must be."""
    match bound:
        case "<=":
            return value <= limit
        case "<":
            return value < limit
        case ">=":
            return value >= limit
        case ">":
            return value > limit
        case "==":
            return value == limit
        case "!=":
            return value != limit
