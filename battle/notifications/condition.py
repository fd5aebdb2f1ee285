"""When to notify: `--on failure|always|regression|recovery`. Pure."""

from collections.abc import Collection, Sequence
from typing import Literal, TypeAlias, get_args

from battle.errors import BattleError
from battle.notifications.event import Subject

Condition: TypeAlias = Literal["failure", "always", "regression", "recovery"]

CONDITIONS: tuple[Condition, ...] = get_args(Condition)


def parsed(texts: Sequence[str]) -> tuple[Condition, ...]:
    """The conditions that were typed: each text is one, or several with commas between them.

    Raises:
        BattleError: there is no such condition.
    """
    words = [word.strip() for text in texts for word in text.split(",")]
    for word in words:
        if word not in CONDITIONS:
            raise BattleError(f"there is no condition {word!r}: it is one of {', '.join(CONDITIONS)}")
    return tuple(condition for condition in CONDITIONS if condition in words)


def holds(conditions: Collection[Condition], subjects: Sequence[Subject]) -> bool:
    """Whether one of the conditions holds for one of the subjects."""
    return any(_holds(condition, subject) for condition in conditions for subject in subjects)


def _holds(condition: Condition, subject: Subject) -> bool:
    match condition:
        case "always":
            return True
        case "failure":
            return subject.verdict != "PASS"
        case "regression":
            return any(run.regressed for run in subject.runs)
        case "recovery":
            return subject.recovered and subject.verdict == "PASS"
