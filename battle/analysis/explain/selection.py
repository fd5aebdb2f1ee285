"""Which requests are worth a story."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

from battle.errors import BattleError
from battle.store.database import Run

Selection: TypeAlias = Literal["worst", "errors", "wrong"]

PICKED_MAX = 100
"""More stories than this nobody reads; ask in SQL instead."""

_QUERIES: Mapping[Selection, str] = {
    "worst": "slowest_requests",
    "errors": "failed_requests",
    "wrong": "untrue_answers",
}
_NONE: Mapping[Selection, str] = {
    "worst": "No request ended.",
    "errors": "Every request succeeded.",
    "wrong": "No answer was wrong or stale.",
}


def selected_requests(run: Run, pick: Selection, limit: int) -> list[str]:
    """The ids of at most `limit` requests: the slowest, failed ones of each kind, or wrong and stale answers.

    Raises:
        BattleError: the limit is out of bounds.
    """
    if not 1 <= limit <= PICKED_MAX:
        raise BattleError(f"--{pick} takes 1 to {PICKED_MAX}, not {limit}")
    return [row.request_id for row in run.query(_QUERIES[pick], limit=limit)]


def nothing_selected(pick: Selection) -> str:
    """What it means that there are none."""
    return _NONE[pick]
