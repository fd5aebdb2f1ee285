"""Reads a segment for damage. Nothing is decoded but trailers, so good blocks pass at the speed of memory.

A block counts when its trailer's length and CRC hold, and when it stands where its writer put it: not before what
was read already, and right behind a block only if that is the one it was written behind. What lies between two good
blocks and is not one is damaged and left out; what should lie there and does not is missing. After the last trailer
stand the lines a dying writer could not finish: those that decode as events are kept, the rest is torn. The original
is never modified.
"""

import hashlib
import mmap
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from battle.store import typed
from battle.store.errors import LogError
from battle.store.events import TABLE_OF_TAG, AnyEvent, tag_of
from battle.store.regular import open_regular
from battle.store.segment import BlockFlushed, checksum, running_digest

_TRAILER_START = b'{"type":"block_flushed",'
_NAME = re.compile(r"(.+)\.([1-9][0-9]*)")

Span = tuple[int, int]
"""Where whole lines stand in a segment: from the first byte to the one after the last."""


class SegmentHealth(msgspec.Struct, frozen=True, kw_only=True):
    """What one segment holds, and what is known to be missing from it.

    `opened_as`: what its first block says it is the segment of, NULL when that is missing; `run`: the same of the
    run. `lost_events`: no write could save them. `missing_events` and `missing_bytes`: later trailers count them, and
    they are not there, or damaged. `torn_bytes`: an unfinished end, skipped. `damaged_blocks` and `damaged_bytes`:
    excluded because their checksum does not hold, or because their place is another. `unverified_events`: kept, but
    no trailer vouches for them. `unknown_events`: of types this version has no table for. `closed`: the writer ended
    in order; otherwise it was killed, or its disk was full to the end.
    """

    segment: str
    node: str
    incarnation: int
    events: int
    bytes: int
    sha256: str
    opened_as: str | None
    run: str | None
    closed: bool
    lost_events: int
    missing_events: int
    missing_bytes: int
    torn_bytes: int
    damaged_blocks: int
    damaged_bytes: int
    unverified_events: int
    unknown_events: int
    tables: dict[str, int]

    @property
    def complete(self) -> bool:
        """Whether nothing is known to be missing but, from a killed node, what was never flushed."""
        missing = self.lost_events + self.missing_bytes + self.torn_bytes
        return missing + self.damaged_blocks + self.unknown_events == 0


class Scan(msgspec.Struct, frozen=True, kw_only=True):
    """A segment's health, and where its readable lines are."""

    path: Path
    health: SegmentHealth
    spans: list[Span]


class _Reading:
    """What a scan has found so far."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.damaged: list[Span] = []
        self.tags: Counter[str] = Counter()
        self.unverified = self.torn_bytes = self.lost = self.unknown = 0
        self.missing_events = self.missing_bytes = 0
        self.opened: BlockFlushed | None = None
        self.closed = False
        self._end = self._events = self._digest = 0

    def take(self, block: bytes, size: int, trailer: BlockFlushed) -> bool:
        """Count a block of `size` bytes with its trailer; False when it is not what it was, or not in its place."""
        lines_crc32 = zlib.crc32(block)
        if trailer.crc32 != checksum(lines_crc32, trailer):
            return False
        if trailer.start < self._end or trailer.before < self._events:
            return False
        if trailer.start == self._end and trailer.digest != running_digest(lines_crc32, self._digest):
            return False
        self.missing_bytes += trailer.start - self._end
        self.missing_events += trailer.before - self._events
        self._end, self._events = trailer.start + size, trailer.before + trailer.events
        self._digest = trailer.digest
        self.lost, self.closed = trailer.lost, trailer.closed
        if trailer.opened is not None:
            self.opened = trailer
        self.count(block, trailer.events)
        return True

    def count(self, block: bytes, events: int) -> None:
        """Count the lines of a good block by type: the commonest first, for then one pass is often enough."""
        left = events
        for tag in sorted(TABLE_OF_TAG, key=self.tags.__getitem__, reverse=True):
            if left == 0:
                return
            found = count_lines(block, tag)
            self.tags[tag] += found
            left -= found
        self.unknown += left


def count_lines(block: bytes, tag: str) -> int:
    """How many lines of a block are events of this tag."""
    start = line_start(tag)
    return block.count(b"\n" + start) + block.startswith(start)


def line_start(tag: str) -> bytes:
    """How a line of this tag begins. The tag is the first field, and JSON strings hold no bare newline."""
    return b'{"type":"%b"' % tag.encode()


def segment_name(path: Path) -> tuple[str, int]:
    """The node and the incarnation that a segment file belongs to.

    Raises:
        LogError: no segment is named so.
    """
    match = _NAME.fullmatch(path.stem)
    if match is None:
        raise LogError(f"{path} is no segment: its name is not <node>.<incarnation>.ndjson")
    return match[1], int(match[2])


def scan_segment(path: Path) -> Scan:
    """Verify a segment and count what it holds.

    Raises:
        LogError: it is no file that can be read.
    """
    reading = _Reading()
    with _opened(path) as file:
        size = file.seek(0, 2)
        sha256 = hashlib.sha256()
        if size:
            with mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) as data:
                _read_tail(data, _read_blocks(data, reading), reading)
                sha256.update(data)
    return Scan(path=path, health=_health(path, size, sha256.hexdigest(), reading), spans=reading.spans)


def _opened(path: Path) -> BinaryIO:
    try:
        return open_regular(path)
    except OSError as error:
        raise LogError(f"{path} cannot be read: {error.strerror}") from None


def _health(path: Path, size: int, sha256: str, reading: _Reading) -> SegmentHealth:
    node, incarnation = segment_name(path)
    opened = reading.opened
    return SegmentHealth(
        segment=path.stem,
        node=node,
        incarnation=incarnation,
        events=reading.tags.total(),
        bytes=size,
        sha256=sha256,
        opened_as=None if opened is None else opened.opened,
        run=None if opened is None else opened.run,
        closed=reading.closed,
        lost_events=reading.lost,
        missing_events=reading.missing_events,
        missing_bytes=reading.missing_bytes,
        torn_bytes=reading.torn_bytes,
        damaged_blocks=len(reading.damaged),
        damaged_bytes=sum(end - start for start, end in reading.damaged),
        unverified_events=reading.unverified,
        unknown_events=reading.unknown,
        tables={table: n for tag, table in TABLE_OF_TAG.items() if (n := reading.tags[tag])},
    )


def _trailers(data: mmap.mmap) -> Iterator[tuple[int, int, BlockFlushed]]:
    decoder = typed.decoder(BlockFlushed)
    at = _next_trailer(data, 0)
    while at >= 0:
        end = data.find(b"\n", at) + 1
        if end == 0:
            return
        try:
            trailer = decoder.decode(data[at:end])
        except (msgspec.MsgspecError, UnicodeDecodeError):
            trailer = None  # what it stood for shows as damage as soon as the next one holds
        if trailer is not None:
            yield at, end, trailer
        at = _next_trailer(data, end)


def _next_trailer(data: mmap.mmap, line: int) -> int:
    if data[line : line + len(_TRAILER_START)] == _TRAILER_START:
        return line
    before = data.find(b"\n" + _TRAILER_START, line)
    return before + 1 if before >= 0 else -1


def _read_blocks(data: mmap.mmap, reading: _Reading) -> int:
    """Read up to the last trailer; returns where the tail begins."""
    position = 0
    for at, end, trailer in _trailers(data):
        start = at - trailer.bytes
        block = data[start:at] if position <= start <= at else None
        if block is not None and reading.take(block, end - start, trailer):
            if position < start:
                reading.damaged.append((position, start))
            reading.spans.append((start, at))
        else:
            reading.damaged.append((position, end))
        position = end
    return position


def _read_tail(data: mmap.mmap, position: int, reading: _Reading) -> None:
    decoder = typed.decoder(AnyEvent)
    reading.closed = reading.closed and position == len(data)
    for line in data[position:].splitlines(keepends=True):
        start, position = position, position + len(line)
        try:
            event = decoder.decode(line) if line.endswith(b"\n") else None
        except (msgspec.MsgspecError, UnicodeDecodeError):
            event = None
        if event is None:
            reading.torn_bytes += len(line)
        else:
            reading.tags[tag_of(type(event))] += 1
            reading.unverified += 1
            reading.spans.append((start, position))
