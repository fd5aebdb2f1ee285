"""What is printed may have nobody to read it, no room, or no way to say a character: none of it ends a command.

Nor may it command the terminal: names and answers come from files and from the wire, and a control character among
them is spelled out, whichever command prints it.
"""

import errno
import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Control characters but line feed and tab, and those that end a line or turn the direction of writing."""


class Output:
    """A stream that stops saying anything once it cannot be written; `failure` is why, None while it can be.

    Characters that its encoding does not have are replaced, and control characters spelled out.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = io.StringIO() if stream is None else stream  # None: it was closed before we began
        self.failure: OSError | None = None
        if isinstance(self._stream, io.TextIOWrapper) and self._stream.errors in (
            "strict",
            "surrogateescape",
        ):
            self._stream.reconfigure(errors="replace")

    def write(self, text: str) -> int:
        """Write, as long as that is possible."""
        self.command(_CONTROL.sub(_spelled, text))
        return len(text)

    def command(self, text: str) -> int:
        """Write what may hold Battle's own control sequences, such as to begin the line again."""
        try:
            if self.failure is None:
                self._stream.write(text)
        except OSError as error:
            self._give_up(error)
        return len(text)

    def flush(self) -> None:
        """Pass on what was written, as long as that is possible."""
        try:
            if self.failure is None:
                self._stream.flush()
        except OSError as error:
            self._give_up(error)

    @property
    def lost(self) -> str | None:
        """Why something that was to be read is lost. A reader who has left, as `head` does, misses nothing."""
        if self.failure is None or self.failure.errno == errno.EPIPE:
            return None
        return self.failure.strerror

    def _give_up(self, error: OSError) -> None:
        """What the stream still holds goes nowhere, or the interpreter would complain of it when it ends."""
        self.failure = error
        try:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
        except OSError:
            pass  # no file of the system's stands behind it, so there is nothing to complain of

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _spelled(found: re.Match[str]) -> str:
    """As JSON spells it, too: within a string of JSON it goes on saying the same."""
    return f"\\u{ord(found[0]):04x}"


@contextmanager
def outputs() -> Iterator[Output]:
    """Let stdout and stderr be such streams meanwhile; the one given is stdout, flushed at the end."""
    before = sys.stdout, sys.stderr
    out, err = Output(sys.stdout), Output(sys.stderr)
    sys.stdout, sys.stderr = out, err
    try:
        yield out
    finally:
        out.flush()
        err.flush()
        sys.stdout, sys.stderr = before
