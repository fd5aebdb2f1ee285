"""What can go wrong before or around a run. Each message is a sentence that says what to do."""

from collections.abc import Sequence
from pathlib import Path

from battle.actors.redaction import redacted


def plain(error: Exception) -> str:
    """What an error says, without the number that the system has for it."""
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    return error.strerror if error.filename is None else f"{error.filename}: {error.strerror}"


class BattleError(Exception):
    """Wrong use: the message is for the person who gave the command; exit status 2. It holds no secret of a URL."""

    def __str__(self) -> str:
        return redacted(super().__str__())


class ScenarioError(BattleError):
    """A scenario cannot be found, read, or run as it is; `problems` are all that is wrong, a sentence each."""

    def __init__(self, message: str, problems: Sequence[str] = ()) -> None:
        super().__init__(": ".join([message, "; ".join(problems)]) if problems else message)
        self.problems = tuple(problems) or (message,)


class UnloadableError(ScenarioError):
    """A file that is there, and should hold scenarios, cannot be loaded."""


class SetupError(ScenarioError):
    """A scenario's own setup hook raised."""


class RunLostError(BattleError):
    """The run took place, but its log could not be sealed or its report not written: a full disk, say."""


class RunInterruptedError(KeyboardInterrupt):
    """Whoever gave the command would not wait for the end of a run that took place: its log is kept, unjudged."""

    def __init__(self, run_dir: Path) -> None:
        super().__init__(
            f"interrupted before the run was judged: the log is kept at {run_dir}, "
            f"run `battle report {run_dir}`"
        )


class CommandInterruptedError(KeyboardInterrupt):
    """Whoever gave a command would not wait for its end; the message says what became of what it was to make."""


class StartError(BattleError):
    """The run could not start: a port in use, a missing program, a directory that cannot be written."""
