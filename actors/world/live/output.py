"""What a node's process prints: kept in a file of bounded size, and shown without what could confuse a terminal."""

import os
import re
from collections.abc import Callable
from pathlib import Path

HEAD_BYTES = 512 * 2**10
"""Of the beginning, so much is kept: what a program says when it starts is there."""

TAIL_BYTES = 512 * 2**10
"""Of the end, at least so much is kept: what a program says before it dies is there."""

CUT_ABOVE_BYTES = 4 * (HEAD_BYTES + TAIL_BYTES)
"""A file may grow to this before it is cut, so that cutting is rare."""

HEARD_BYTES = 4 * 2**20
"""Of what comes between two looks, so much is handed on: a look must not hold up its caller."""

LAST_CHARS = 300
"""Of the last output, so much fits into a message."""

_BYTES_PER_CHARACTER = 4
"""Of UTF-8, at most."""

_UNPRINTABLE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])|[^\S ]+|[\x00-\x1f\x7f-\x9f]"
)
"""Escape sequences, white space other than blanks, control characters."""


class Output:
    """A file to which a program appends, looked at now and then. `hear` gets what is new, in pieces of at most
    `HEARD_BYTES`; what a program prints faster than that is left out."""

    def __init__(self, path: Path) -> None:
        self.hear: Callable[[bytes], object] | None = None
        self.path = path
        self._heard_to = 0

    def look(self) -> None:
        """Hand on what is new, and cut the file when it has grown too long."""
        try:
            with self.path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                piece = os.pread(
                    file.fileno(), min(max(size - self._heard_to, 0), HEARD_BYTES), self._heard_to
                )
        except FileNotFoundError:  # somebody has tidied up
            return
        self._heard_to = size
        if self.hear is not None and piece:
            self.hear(piece)
        if cut_output(self.path):
            self._heard_to = self.path.stat().st_size


def cut_output(path: Path) -> bool:
    """Cut a file that is being appended to, when it has grown too long, to its head, a note, and its tail.

    What is written in the very moment of the cut can be lost. Returns whether it was cut.
    """
    try:
        file = path.open("r+b")
    except FileNotFoundError:
        return False
    with file:
        size = os.fstat(file.fileno()).st_size
        if size <= CUT_ABOVE_BYTES:
            return False
        tail = os.pread(file.fileno(), TAIL_BYTES, size - TAIL_BYTES)
        cut = size - HEAD_BYTES - len(tail)
        note = f"\n[battle: {cut:,} bytes of output were cut out here]\n".encode()
        file.truncate(HEAD_BYTES)
        # Appended, because the program may write on meanwhile.
        with path.open("ab", buffering=0) as end:
            end.write(note + tail)
        return True


def last_output(path: Path) -> str:
    """The last lines that a process printed, as one line of at most `LAST_CHARS` for a message; "" for none."""
    text = end_of_output(path, 4 * LAST_CHARS * _BYTES_PER_CHARACTER)
    lines = (printable(line) for line in re.split(r"[\r\n]+", text))
    return " | ".join(line for line in lines if line)[-LAST_CHARS:]


def end_of_output(path: Path, most_bytes: int) -> str:
    """The end of what a process printed, as it printed it; "" for nothing."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - most_bytes))
            return file.read(most_bytes).decode("utf-8", errors="replace")
    except OSError:
        return ""


def printable(line: str) -> str:
    """A line without what a terminal would obey."""
    return _UNPRINTABLE.sub(" ", line).strip()
