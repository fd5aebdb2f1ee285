"""What a scenario can choose to keep in its log."""

from typing import Literal, TypeAlias, get_args

Collected: TypeAlias = Literal["requests", "circuit_breaker", "system"]

COLLECTED: tuple[Collected, ...] = get_args(Collected)
