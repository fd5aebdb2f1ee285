"""The writing side of the event log: one append-only segment per node incarnation, one writer each.

A segment is JSON lines. Events gather in memory and are flushed as a block: the lines, then a trailer line
with the block's length and CRC, in one write. What a killed process can lose is the unflushed block, so
at most `FLUSH_INTERVAL_NS` of events. Nodes import this module: it knows no database and no event loop.
"""

import re
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from battle.store.events import Event
from battle.store.sink import ChunkSink as ChunkSink
from battle.store.sink import FileSink as FileSink
from battle.store.sink import Owner as Owner
from battle.store.sink import Sink as Sink

FLUSH_INTERVAL_NS = 10_000_000
"""How long an event may wait in memory, and so what a killed process can lose: 10 ms."""

BLOCK_EVENTS_MAX = 256
"""A block this large does not wait for the timer. About 64 KiB: larger ones leave malloc's arenas and cost
half as much again."""

_NODE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]*")


class BlockFlushed(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag="block_flushed",
    omit_defaults=True,
    forbid_unknown_fields=True,
):
    """The trailer line of a block: what the lines before it must be for the block to count.

    `crc32` is of the block's lines and of the trailer's other fields, as `checksum` says. `start` and `before` are
    where in the segment the block starts and how many events stand before it, and `digest` is of all the segment's
    lines up to here, as `running_digest` says: so a block that was cut out, moved or repeated is noticed. `lost` is
    the segment's count so far of events that no write could save. `opened` stands in the first block of a segment,
    which is written before the node does anything: whose segment it is, of which `run`. `closed` marks the last
    block of a segment whose writer ended in order; a segment without it was killed, or could not write its end.
    """

    bytes: int
    crc32: int
    events: int
    lost: int
    start: int
    before: int
    digest: int
    opened: str | None = None
    run: str | None = None
    closed: bool = False


def checksum(lines_crc32: int, trailer: BlockFlushed) -> int:
    """The CRC-32 that a block's trailer must state: of its lines, then of the trailer without this number."""
    return zlib.crc32(msgspec.json.encode(msgspec.structs.replace(trailer, crc32=0)), lines_crc32)


def running_digest(lines_crc32: int, digest_before: int) -> int:
    """The `digest` of a block, given that of the block before it: a CRC-32 over those of all lines up to here."""
    return zlib.crc32(b"%d," % lines_crc32, digest_before)


class SegmentStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """What a writer did so far: `events` and `bytes` are in the sink, `pending` events are in memory."""

    events: int
    bytes: int
    pending: int
    lost: int
    error: str | None


class SegmentWriter:
    """Appends events to one segment. Not for use from more than one thread at a time.

    `on_first_pending` is called when the first event of a block is appended: the moment to arm a
    timer that calls `flush` after `FLUSH_INTERVAL_NS`. A flush with nothing pending does nothing. A sink with an
    owner gets a first block without events at once, which says whose segment it is.
    """

    def __init__(self, sink: Sink, on_first_pending: Callable[[], object] | None = None) -> None:
        self._sink = sink
        self._on_first_pending = on_first_pending
        self._encoder = msgspec.json.Encoder()
        self._pending: list[Event] = []
        self._events = 0
        self._bytes = 0
        self._digest = 0
        self._lost = 0
        self._error: str | None = None
        self._state = "open"
        self._owner: Owner | None = sink.owner
        if self._owner is not None:
            self._write_block(closed=False)

    def append(self, event: Event) -> None:
        """Record one fact. Never raises; waits for the disk only when it fills a block.

        The event is encoded when its block is flushed, so what it holds must not change any more. What no
        write could save is counted in `statistics` and in the next trailer.
        """
        pending = self._pending
        if not pending and not self._begin_block():
            return
        pending.append(event)
        if len(pending) >= BLOCK_EVENTS_MAX:
            self.flush()

    def _begin_block(self) -> bool:
        if self._state == "closed":
            self._count_lost(1, "an event was appended after the segment was closed")
        if self._state != "open":
            return False
        if self._on_first_pending is not None:
            self._on_first_pending()
        return True

    def _count_lost(self, events: int, why: str) -> None:
        self._lost += events
        self._error = self._error or why

    def flush(self) -> None:
        """Write the pending events and their trailer in one write. Never raises."""
        if self._pending:
            self._write_block(closed=False)

    def _write_block(self, *, closed: bool) -> bool:
        lines, events = self._take_pending()
        trailer = self._trailer(lines, events, closed=closed)
        block = b"%b%b\n" % (lines, self._encoder.encode(trailer))
        try:
            self._sink.write(block)
        except OSError as error:
            self._count_lost(events, str(error))
            return False
        self._events += events
        self._bytes += len(block)
        self._digest = trailer.digest
        self._owner = None  # it is said once; when no write could save it, by the next block
        return True

    def _trailer(self, lines: bytes, events: int, *, closed: bool) -> BlockFlushed:
        owner, lines_crc32 = self._owner, zlib.crc32(lines)
        trailer = BlockFlushed(
            bytes=len(lines),
            crc32=0,
            events=events,
            lost=self._lost,
            start=self._bytes,
            before=self._events,
            digest=running_digest(lines_crc32, self._digest),
            opened=None if owner is None else owner.segment,
            run=None if owner is None else owner.run,
            closed=closed,
        )
        return msgspec.structs.replace(trailer, crc32=checksum(lines_crc32, trailer))

    def _take_pending(self) -> tuple[bytes, int]:
        try:
            return self._encoder.encode_lines(self._pending), len(self._pending)
        except (TypeError, ValueError, RecursionError):
            return self._encoded_one_by_one()
        finally:
            self._pending.clear()

    def _encoded_one_by_one(self) -> tuple[bytes, int]:
        # One event holds what JSON cannot say: its neighbours in the block are not to blame.
        lines = []
        for event in self._pending:
            try:
                lines.append(self._encoded(event))
            except (TypeError, ValueError, RecursionError) as error:
                self._count_lost(1, f"{type(event).__name__} cannot be encoded: {error}")
        return b"".join(lines), len(lines)

    def _encoded(self, event: Event) -> bytes:
        try:
            return self._encoder.encode_lines([event])
        except UnicodeEncodeError:
            return self._encoder.encode_lines([_encodable(msgspec.to_builtins(event))])

    def close(self) -> None:
        """Flush, sync to disk and close; harmless when repeated. Never raises for I/O.

        Blocks while the disk syncs (8 to 60 ms were measured): it is the last thing a node does.
        """
        if self._state != "open":
            return
        if not self._write_block(closed=True):
            self._write_block(closed=True)  # a trailer alone may still fit, and records what was lost
        self._state = "closed"
        try:
            try:
                self._sink.sync()
            finally:
                self._sink.close()
        except OSError as error:
            self._error = self._error or str(error)

    def discard(self) -> None:
        """Die as a killed process does: what was not flushed is gone, and nothing more is recorded."""
        if self._state != "open":
            return
        self._state = "discarded"
        self._pending.clear()
        with suppress(OSError):  # the reader sees the missing end of the segment
            self._sink.close()

    def statistics(self) -> SegmentStatistics:
        """Counts so far, and the first error."""
        return SegmentStatistics(
            events=self._events,
            bytes=self._bytes,
            pending=len(self._pending),
            lost=self._lost,
            error=self._error,
        )


def _encodable(data: Any) -> Any:
    """The same data with `?` for each lone surrogate: Python's strings may hold some (they come from file names and
    environments that are not UTF-8), and JSON cannot."""
    if isinstance(data, str):
        return data.encode("utf-8", "replace").decode()
    if isinstance(data, dict):
        return {_encodable(key): _encodable(value) for key, value in data.items()}
    return [_encodable(each) for each in data] if isinstance(data, list) else data


def segment_path(run_dir: Path, node: str, incarnation: int) -> Path:
    """Where the segment of one incarnation (counted from 1) of a node lies."""
    assert _NODE_NAME.fullmatch(node), f"{node!r} cannot name a file"
    assert incarnation >= 1
    return run_dir / "events" / f"{node}.{incarnation}.ndjson"


def run_mark(seed: int, epoch_ns: int = 0) -> str:
    """What distinguishes the segments of one run from those of others. In virtual time, which has no epoch, runs of
    one seed share theirs: the same seed gives the same bytes.
    """
    return f"{seed}@{epoch_ns}"


def open_segment(run_dir: Path, node: str, incarnation: int, run: str = "") -> FileSink:
    """Create the segment file of one incarnation, and its directory. `run` distinguishes the run from others.

    Raises:
        FileExistsError: this incarnation has a segment already.
        OSError: the directory cannot be written.
    """
    path = segment_path(run_dir, node, incarnation)
    path.parent.mkdir(parents=True, exist_ok=True)
    return FileSink(path, Owner(path.stem, run))
