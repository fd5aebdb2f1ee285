"""What a program says of a limit of open files, found in what it prints. Pure.

A program that meets the limit for a few milliseconds is under it again when it is next looked at; what it prints says
so all the same. Only this limit is looked for: `Resource temporarily unavailable` is also what a socket without news
answers, and a program that finds no memory may have used it all itself.
"""

from typing import NamedTuple

from battle.actors.redaction import redacted
from battle.actors.world.live.output import printable

_PHRASES = (b"oo many open files", b"o file descriptors available")
"""EMFILE and ENFILE as glibc and musl say them, without the first letter, which may be small or large."""

_MACHINE_IS_FULL = "open files in system"
"""ENFILE: the table of the whole machine is full, not the program's own."""

KEPT_BYTES = 200
"""Of a line, so much before the phrase is shown; of each piece, so much is looked at again with the next."""

_AFTER_BYTES = 60
"""Of a line, so much after the phrase is shown: what could not be opened. The rest is about one request of many."""


class Complaint(NamedTuple):
    """How often it was said in one piece, and the first such line."""

    times: int
    line: str

    @property
    def is_of_machine(self) -> bool:
        """Whether all programs together have too much open, and not this one alone."""
        return _MACHINE_IS_FULL in self.line


class Complaints:
    """Listens to what one program prints, and keeps at most `KEPT_BYTES` from one piece to the next."""

    def __init__(self) -> None:
        self._kept = b"\n"

    def heard(self, piece: bytes) -> Complaint | None:
        """What the next piece says of the limit, together with the end of the one before; None for nothing."""
        text = self._kept + piece
        found = [phrase for phrase in _PHRASES if phrase in text]
        ends = (text.rfind(phrase) + len(phrase) for phrase in found)
        self._kept = text[max(len(text) - KEPT_BYTES, 0, *ends) :]
        if not found:
            return None
        at, phrase = min((text.find(phrase), phrase) for phrase in found)
        return Complaint(sum(text.count(each) for each in found), _line(text, at, at + len(phrase)))


def _line(text: bytes, begins: int, ends: int) -> str:
    """The line around a place, or as much of it as is kept: in whole words, for half a URL may not look like one."""
    _, newline, before = text[max(begins - KEPT_BYTES, 0) : begins].rpartition(b"\n")
    if not newline:
        before = before.partition(b" ")[2]
    after, newline, _ = text[ends : ends + _AFTER_BYTES].partition(b"\n")
    if not newline:
        after = after.rpartition(b" ")[0]
    line = before + text[begins:ends] + after
    return printable(redacted(line.decode("utf-8", errors="replace")))
