"""Where blocks of the event log go: a file, directly (live world) or in large chunks (simulated world)."""

import os
from pathlib import Path
from typing import NamedTuple, Protocol

CHUNK_BYTES = 2**16
"""What a simulated node's sink gathers before it bothers the disk."""


class Owner(NamedTuple):
    """Whose blocks they are: the segment's name, `<node>.<incarnation>`, and the mark of its run."""

    segment: str
    run: str


class Sink(Protocol):
    """Where a writer's blocks go. `owner` is what the first of them says; None: nothing."""

    owner: Owner | None

    def write(self, block: bytes | bytearray) -> None:
        """Append the whole block, or raise OSError and leave what was there before."""

    def sync(self) -> None:
        """Make what was written survive a power cut. May block for tens of milliseconds. Raises OSError."""

    def close(self) -> None:
        """Release the file; harmless when repeated. Raises OSError when gathered blocks cannot be saved."""


class FileSink:
    """A segment file of its own, created here. Each block is one `os.write`.

    Raises:
        FileExistsError: an incarnation writes its segment once; nobody appends to another's.
    """

    def __init__(self, path: Path, owner: Owner | None = None) -> None:
        self.owner = owner
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        self._size = 0
        self._broken: OSError | None = None

    def write(self, block: bytes | bytearray) -> None:
        if self._broken is not None:
            raise self._broken
        written = 0
        try:
            while written < len(block):
                written += os.write(self._fd, memoryview(block)[written:] if written else block)
        except OSError as error:
            self._cut_back(error)
            raise
        self._size += written

    def _cut_back(self, error: OSError) -> None:
        try:
            os.ftruncate(self._fd, self._size)
        except OSError:
            # Half a block stays in the file. Whatever came after it would be read as its continuation.
            self._broken = error

    def sync(self) -> None:
        os.fdatasync(self._fd)

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


class ChunkSink:
    """Gathers blocks in memory and passes them on in large chunks: for the simulated world.

    There a flush is a moment of virtual time, and nothing real is lost when a simulated node is killed.
    """

    def __init__(self, sink: Sink) -> None:
        self.owner = sink.owner
        self._sink = sink
        self._chunk = bytearray()

    def write(self, block: bytes | bytearray) -> None:
        before = len(self._chunk)
        self._chunk += block
        if len(self._chunk) < CHUNK_BYTES:
            return
        try:
            self._drain()
        except OSError:
            del self._chunk[before:]
            raise

    def _drain(self) -> None:
        if self._chunk:
            self._sink.write(self._chunk)
            self._chunk.clear()

    def sync(self) -> None:
        self._drain()
        self._sink.sync()

    def close(self) -> None:
        try:
            self._drain()
        finally:
            self._chunk.clear()
            self._sink.close()
