"""What a node's process prints: kept in a file of bounded size, and shown without what could confuse a terminal."""

import os
import re
from pathlib import Path

HEAD_BYTES = 512 * 2**10
"""Of the beginning, so much is kept: what a program says when it starts is there."""

TAIL_BYTES = 512 * 2**10
"""Of the end, at least so much is kept: what a program says before it dies is there."""

CUT_ABOVE_BYTES = 4 * (HEAD_BYTES + TAIL_BYTES)
"""A file may grow to this before it is cut, so that cutting is rare."""

LAST_CHARS = 300
"""Of the last output, so much fits into a message."""

_BYTES_PER_CHARACTER = 4
"""Of UTF-8, at most."""

_UNPRINTABLE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])|[^\S ]+|[\x00-\x1f\x7f-\x9f]"
)
"""Escape sequences, white space other than blanks, control characters."""


def cut_output(path: Path) -> None:
    """Cut a file that is being appended to, when it has grown too long, to its head, a note, and its tail.

    What is written in the very moment of the cut can be lost.
    """
    try:
        file = path.open("r+b")
    except FileNotFoundError:
        return
    with file:
        size = os.fstat(file.fileno()).st_size
        if size <= CUT_ABOVE_BYTES:
            return
        tail = os.pread(file.fileno(), TAIL_BYTES, size - TAIL_BYTES)
        cut = size - HEAD_BYTES - len(tail)
        note = f"\n[battle: {cut:,} bytes of output were cut out here]\n".encode()
        file.truncate(HEAD_BYTES)
        # Appended, because the program may write on meanwhile.
        with path.open("ab", buffering=0) as end:
            end.write(note + tail)


def last_output(path: Path) -> str:
    """The last lines that a process printed, as one line of at most `LAST_CHARS` for a message; "" for none."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - 4 * LAST_CHARS * _BYTES_PER_CHARACTER))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    lines = (_UNPRINTABLE.sub(" ", line).strip() for line in re.split(r"[\r\n]+", text))
    return " | ".join(line for line in lines if line)[-LAST_CHARS:]
