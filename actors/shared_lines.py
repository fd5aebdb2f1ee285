"""Lines that the nodes of a run have in common: each can add some, and all read the same in the same order."""

from typing import Protocol


class SharedLines(Protocol):
    """The list, as one node has it. Two are equal only if they are one."""

    def __hash__(self) -> int:
        """That of the object."""

    def append(self, line: bytes) -> None:
        """Add a line, which has no line break in it. Everybody who reads from now on gets it.

        Raises:
            OSError: it cannot be written. Others may see a part of it, as a line of its own.
        """

    def read(self, position: int) -> tuple[list[bytes], int]:
        """The lines from a position on, which is 0 or was returned before, and the position after the last of them.

        Raises:
            OSError: they cannot be read.
        """


class LinesInMemory:
    """Lines for all who have this object: the nodes of a simulation, or one alone."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []

    def append(self, line: bytes) -> None:
        """As `SharedLines.append`."""
        self._lines.append(line)

    def read(self, position: int) -> tuple[list[bytes], int]:
        """As `SharedLines.read`."""
        return self._lines[position:], len(self._lines)
