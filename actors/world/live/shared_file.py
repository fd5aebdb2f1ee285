"""The lines that the nodes of a live run have in common: a file in the run's directory, to which each appends."""

import os
from pathlib import Path

_CHUNK_BYTES = 2**20


def shared_lines_path(run_dir: Path) -> Path:
    """Where the shared lines of a run are."""
    return run_dir / "journal.ndjson"


class SharedFile:
    """The file, which exists from the first use on.

    Each line is one write at the end of the file, so the lines of several nodes do not mix, and a node that is killed
    has written a line or not, or, rarely, its beginning. Therefore each line has a line break before it as well:
    what was cut off stands alone.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None

    def append(self, line: bytes) -> None:
        """As `SharedLines.append`."""
        os.write(self._opened(), b"\n%b\n" % line)

    def read(self, position: int) -> tuple[list[bytes], int]:
        """As `SharedLines.read`."""
        fd = self._opened()
        text = b""
        while chunk := os.pread(fd, _CHUNK_BYTES, position + len(text)):
            text += chunk
        whole = text[: text.rfind(b"\n") + 1]  # the rest is still being written
        return [line for line in whole.split(b"\n") if line], position + len(whole)

    def close(self) -> None:
        """Close the file, if it was used."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _opened(self) -> int:
        if self._fd is None:
            self._fd = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        return self._fd
