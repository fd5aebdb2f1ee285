"""A report is made part by part: one that cannot be made is named in its place, and takes nothing else with it.

What goes wrong here is a defect of Battle. It must cost neither the verdict nor the other parts.
"""

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

Made = TypeVar("Made")

_PACKAGE = Path(__file__).parents[1]


class Omission(msgspec.Struct, frozen=True):
    """A part of a report that could not be made, and why: the exception, and where in Battle it was raised."""

    part: str
    why: str

    @property
    def text(self) -> str:
        """The omission as a sentence."""
        return f"Omitted: {self.part} could not be made ({self.why}). This is a defect of Battle; please report it."


class Parts:
    """Makes parts, and remembers those that could not be made in `omitted`."""

    def __init__(self) -> None:
        self.omitted: list[Omission] = []

    def make(self, part: str, make: Callable[[], Made], instead: Callable[[Omission], Made]) -> Made:
        """What `make` returns; if it raises, what `instead` makes of the omission."""
        try:
            return make()
        except Exception as error:  # whatever it is: the verdict and the other parts are worth more
            omission = Omission(part, _why(error))
            self.omitted.append(omission)
            return instead(omission)


def _why(error: Exception) -> str:
    """The exception on one line, with the last place in Battle that it came through."""
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_ours(Path(frame.filename))]
    where = (
        f" in {Path(ours[-1].filename).relative_to(_PACKAGE.parent)}, line {ours[-1].lineno}" if ours else ""
    )
    text = " ".join(str(error).split())
    return f"{type(error).__name__}{f': {text}' if text else ''}{where}"


def _is_ours(path: Path) -> bool:
    return path.is_relative_to(_PACKAGE) and path != Path(__file__)
