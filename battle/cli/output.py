"""What is printed may have nobody to read it, no room, or no way to say a character: none of it ends a command."""

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO


class Output:
    """A stream that stops saying anything once it cannot be written; `failure` is why, None while it can be.

    Characters that its encoding does not have are replaced.
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
