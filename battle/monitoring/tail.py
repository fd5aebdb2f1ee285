"""Reads the segments of a run while they grow, and never disturbs who writes them.

Only whole blocks count whose trailer's checksum holds and which stand where their writer put them, as in
`battle.store.scan`. A segment is kept open from when it is first seen, so that what was not read yet can still be
read when sealing has removed the file. The lines that a killed node could not finish are read at the end, as sealing
does.
"""

import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from battle.errors import plain
from battle.monitoring.figures import EVENTS
from battle.store import typed
from battle.store.errors import LogError
from battle.store.events import AnyEvent, Event, tag_of
from battle.store.regular import open_regular
from battle.store.scan import line_start, segment_name
from battle.store.segment import BlockFlushed, checksum, running_digest

READ_BYTES = 2**20
"""Of one segment at a time: what 3,000 events take. It bounds what is in memory at once."""

BLOCK_BYTES_MAX = 2**25
"""More than this without a trailer is no block: 256 events of 100 kB each, which no node logs. It is left out."""

LATER_INCARNATIONS = 2
"""Of a node, after which an earlier segment that was never closed gains nothing more."""

_TRAILER = b'{"type":"block_flushed",'
_WANTED = tuple(line_start(tag_of(event)) for event in EVENTS)
_decode_event = typed.decoder(AnyEvent).decode
_decode_trailer = typed.decoder(BlockFlushed).decode


class SegmentTail:
    """The good blocks of one segment, as they come. `damaged` counts those that were left out.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.stem
        self.closed = False
        """Whether its writer said that no more would come."""
        self.damaged = 0
        self._file = open_regular(path)
        self._rest = b""
        self._end = self._before = self._digest = 0

    def read(self) -> tuple[list[Event], bool]:
        """The events of the next blocks, and whether there may be more to read now."""
        data = self._file.read(READ_BYTES)
        self._rest += data
        events = [event for block in self._blocks() for event in decoded(block)]
        if len(self._rest) > BLOCK_BYTES_MAX:
            self._rest = b""
            self.damaged += 1
        return events, len(data) == READ_BYTES

    def finish(self) -> Iterator[Event]:
        """The rest of a segment that nobody writes any more, also whole lines that no trailer vouches for."""
        more = True
        while more:
            events, more = self.read()
            yield from events
        whole = self._rest[: self._rest.rfind(b"\n") + 1]
        self._rest = b""
        yield from decoded(whole)

    def close(self) -> None:
        """Release the file; harmless when repeated."""
        self._file.close()

    def _blocks(self) -> Iterator[bytes]:
        rest, position = self._rest, 0
        while (at := _next_trailer(rest, position)) >= 0:
            end = rest.find(b"\n", at) + 1
            if end == 0:
                break
            block = self._verified(rest[position:at], rest[at:end])
            position = end
            if block is not None:
                yield block
        self._rest = rest[position:]

    def _verified(self, before: bytes, line: bytes) -> bytes | None:
        """The block that a trailer vouches for, which ends what stands before it; None when it does not hold."""
        try:
            trailer = _decode_trailer(line)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            trailer = None
        block = before[len(before) - trailer.bytes :] if trailer and trailer.bytes <= len(before) else None
        if trailer is None or block is None or not self._holds(trailer, zlib.crc32(block)):
            self.damaged += 1
            return None
        self._end, self._before = trailer.start + len(block) + len(line), trailer.before + trailer.events
        self._digest, self.closed = trailer.digest, trailer.closed
        return block

    def _holds(self, trailer: BlockFlushed, lines_crc32: int) -> bool:
        if trailer.crc32 != checksum(lines_crc32, trailer):
            return False
        if trailer.start < self._end or trailer.before < self._before:
            return False
        return trailer.start > self._end or trailer.digest == running_digest(lines_crc32, self._digest)


def decoded(lines: bytes) -> Iterator[Event]:
    """The events of lines from which something is exported."""
    for line in lines.splitlines():
        if line.startswith(_WANTED):
            with suppress(
                msgspec.MsgspecError, UnicodeDecodeError
            ):  # another version's: the scan counts those
                yield _decode_event(line)


def _next_trailer(data: bytes, line: int) -> int:
    if data.startswith(_TRAILER, line):
        return line
    before = data.find(b"\n" + _TRAILER, max(line - 1, 0))
    return before + 1 if before >= 0 else -1


class RunTail:
    """What all segments of a run have gained since the last look; nodes that are started again get new ones."""

    def __init__(self, events_dir: Path) -> None:
        self._dir = events_dir
        self._open: dict[str, SegmentTail] = {}
        self._seen: set[str] = set()
        self.damaged = 0

    def read(self) -> tuple[list[tuple[str, Event]], bool]:
        """The new events, each with its segment's name, and whether there may be more to read now."""
        self._find()
        found: list[tuple[str, Event]] = []
        more = False
        for tail in list(self._open.values()):
            events, has_more = tail.read()
            found += ((tail.name, event) for event in events)
            more = more or has_more
            if has_more:
                continue
            if not tail.closed and not events and self._is_over(tail.name):
                found += ((tail.name, event) for event in tail.finish())
                self._drop(tail)
            elif tail.closed:
                self._drop(tail)
        return found, more

    def finish(self) -> Iterator[tuple[str, Event]]:
        """The rest of all segments: their writers have ended."""
        self._find()
        for tail in list(self._open.values()):
            for event in tail.finish():
                yield tail.name, event
            self._drop(tail)

    def not_seen(self, segments: list[str]) -> list[str]:
        """Those of the segments that were made and removed between two looks."""
        return [segment for segment in segments if segment not in self._seen]

    def close(self) -> None:
        """Release all files."""
        for tail in list(self._open.values()):
            self._drop(tail)

    def _is_over(self, segment: str) -> bool:
        """Whether its node was killed and started again long enough ago, so that not all files stay open."""
        node, _, incarnation = segment.rpartition(".")
        return f"{node}.{int(incarnation) + LATER_INCARNATIONS}" in self._seen

    def _find(self) -> None:
        for path in sorted(self._dir.glob("*.ndjson")):
            if path.stem in self._seen:
                continue
            try:
                segment_name(path)
                tail = SegmentTail(path)
            except (LogError, FileNotFoundError):
                continue  # no segment's name; or it was sealed at this moment
            except OSError as error:
                raise LogError(f"{path} cannot be read: {plain(error)}") from None
            self._seen.add(path.stem)
            self._open[path.stem] = tail

    def _drop(self, tail: SegmentTail) -> None:
        self.damaged += tail.damaged
        tail.close()
        del self._open[tail.name]
