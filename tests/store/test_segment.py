"""The writer: what is appended can be read, and what cannot be written is counted, never raised."""

import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
import zlib
from pathlib import Path

import msgspec
import pytest

from battle.store import segment
from battle.store.scan import scan_segment
from battle.store.segment import ChunkSink, FileSink, Owner, SegmentWriter, open_segment, segment_path
from battle.store.sink import CHUNK_BYTES
from tests.store.log_samples import fault, request


class Tape:
    """A sink in memory that is full after `room` bytes, and that belongs to no segment."""

    owner: Owner | None = None

    def __init__(self, room: int = 10**9) -> None:
        self.room = room
        self.blocks: list[bytes] = []
        self.closed = False

    def write(self, block: bytes | bytearray) -> None:
        if len(block) > self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.room -= len(block)
        self.blocks.append(bytes(block))

    def sync(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True


def test_a_block_is_its_lines_and_a_trailer_in_one_write() -> None:
    tape = Tape()
    writer = SegmentWriter(tape)
    writer.append(request(1))
    writer.append(request(2))
    assert tape.blocks == []
    writer.flush()
    (block,) = tape.blocks
    *lines, last = block.splitlines(keepends=True)
    assert [json.loads(line)["request_id"] for line in lines] == ["load-1", "load-2"]
    body = b"".join(lines)
    digest = zlib.crc32(b"%d," % zlib.crc32(body))
    expected = {
        "type": "block_flushed", "bytes": len(body), "crc32": 0, "events": 2, "lost": 0, "start": 0, "before": 0,
        "digest": digest,
    }  # fmt: skip
    crc32 = zlib.crc32(body + json.dumps(expected, separators=(",", ":")).encode())
    assert json.loads(last) == {**expected, "crc32": crc32}


def test_the_next_trailer_goes_on_from_the_one_before() -> None:
    tape = Tape()
    writer = SegmentWriter(tape)
    for number in (1, 2):
        writer.append(request(number))
        writer.flush()
    first, second = (json.loads(block.splitlines()[-1]) for block in tape.blocks)
    assert (second["start"], second["before"]) == (len(tape.blocks[0]), 1)
    lines = tape.blocks[1][: second["bytes"]]
    assert second["digest"] == zlib.crc32(b"%d," % zlib.crc32(lines), first["digest"])


def test_a_segment_says_whose_it_is_before_anything_else(tmp_path: Path) -> None:
    SegmentWriter(open_segment(tmp_path, "a", 2, "7@5")).discard()
    (line,) = segment_path(tmp_path, "a", 2).read_text().splitlines()
    assert (json.loads(line)["opened"], json.loads(line)["run"]) == ("a.2", "7@5")


def test_whose_it_is_stands_in_the_first_block_that_the_disk_takes() -> None:
    tape = Tape(room=10)
    tape.owner = Owner("a.1", "7@5")
    writer = SegmentWriter(tape)
    assert tape.blocks == []
    tape.room = 10**6
    for number in (1, 2):
        writer.append(request(number))
        writer.flush()
    assert [b'"opened":"a.1"' in block for block in tape.blocks] == [True, False]
    assert writer.statistics().lost == 0


def test_a_field_that_is_none_is_left_out() -> None:
    tape = Tape()
    writer = SegmentWriter(tape)
    writer.append(request(1, sent_ns=None))
    writer.flush()
    assert b"sent_ns" not in tape.blocks[0]


def test_the_hook_runs_once_for_each_block() -> None:
    armed: list[int] = []
    writer = SegmentWriter(Tape(), on_first_pending=lambda: armed.append(1))
    writer.append(request(1))
    writer.append(request(2))
    assert len(armed) == 1
    writer.flush()
    writer.flush()
    assert len(armed) == 1
    writer.append(request(3))
    assert len(armed) == 2


def test_a_large_block_does_not_wait() -> None:
    tape = Tape()
    writer = SegmentWriter(tape)
    for n in range(segment.BLOCK_EVENTS_MAX):
        writer.append(request(n))
    assert len(tape.blocks) == 1
    assert writer.statistics().pending == 0


def test_flushing_nothing_writes_nothing() -> None:
    tape = Tape()
    writer = SegmentWriter(tape)
    writer.flush()
    assert tape.blocks == []


def test_closing_flushes_and_says_so() -> None:
    tape = Tape()
    writer = SegmentWriter(tape)
    writer.append(request(1))
    writer.close()
    writer.close()
    assert tape.closed
    assert len(tape.blocks) == 1
    assert json.loads(tape.blocks[0].splitlines()[-1])["closed"] is True


def test_what_comes_after_closing_is_counted_as_lost() -> None:
    writer = SegmentWriter(Tape())
    writer.close()
    writer.append(request(1))
    writer.flush()
    assert writer.statistics().lost == 1
    assert "after the segment was closed" in str(writer.statistics().error)


def test_a_discarded_writer_forgets_what_was_not_flushed() -> None:
    tape = Tape()
    writer = SegmentWriter(tape)
    writer.append(request(1))
    writer.flush()
    writer.append(request(2))
    writer.discard()
    writer.append(request(3))
    writer.flush()
    writer.close()
    assert tape.closed
    assert len(tape.blocks) == 1
    assert writer.statistics().events == 1
    assert writer.statistics().lost == 0


def test_an_event_that_is_no_json_is_lost_and_its_neighbours_are_not() -> None:
    tape = Tape()
    writer = SegmentWriter(tape)
    for event in (request(1), fault("applied", 1, value=object()), request(3)):
        writer.append(event)
    writer.flush()
    assert writer.statistics().events == 2
    assert writer.statistics().lost == 1
    assert "FaultChanged cannot be encoded" in str(writer.statistics().error)
    assert json.loads(tape.blocks[0].splitlines()[-1])["lost"] == 1


def test_a_string_that_json_cannot_say_costs_its_surrogates_and_no_event() -> None:
    tape = Tape()
    writer = SegmentWriter(tape)
    strange = (request(1), request(2, method="a\ud800b"), fault("applied", 1, names={"\udfff": ["\udc80"]}))
    for event in strange:
        writer.append(event)
    writer.flush()
    assert (writer.statistics().events, writer.statistics().lost) == (3, 0)
    lines = [json.loads(line) for line in tape.blocks[0].splitlines()]
    assert lines[1] == json.loads(msgspec.json.encode(request(2, method="a?b")))
    assert lines[2]["parameters"] == {"names": {"?": ["?"]}}


def test_a_full_disk_loses_blocks_and_the_next_one_that_fits_tells() -> None:
    tape = Tape(room=0)
    writer = SegmentWriter(tape)
    for n in range(3):
        writer.append(request(n))
    writer.flush()
    assert writer.statistics().lost == 3
    assert "No space left" in str(writer.statistics().error)
    tape.room = 10**6
    writer.append(request(4))
    writer.flush()
    assert json.loads(tape.blocks[0].splitlines()[-1])["lost"] == 3


def test_a_segment_belongs_to_one_writer(tmp_path: Path) -> None:
    open_segment(tmp_path, "a", 1).close()
    with pytest.raises(FileExistsError):
        open_segment(tmp_path, "a", 1)
    assert segment_path(tmp_path, "a", 2) == tmp_path / "events" / "a.2.ndjson"


@pytest.mark.parametrize("node", ["", "a/b", "..", "-x", "a\n"])
def test_a_node_that_cannot_name_a_file_is_refused(tmp_path: Path, node: str) -> None:
    with pytest.raises(AssertionError):
        segment_path(tmp_path, node, 1)


def test_a_half_written_block_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = SegmentWriter(open_segment(tmp_path, "a", 1))
    writer.append(request(1))
    writer.flush()
    room = iter([100])

    def write_little(fd: int, data: bytes) -> int:
        if (some := next(room, 0)) == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return os_write(fd, bytes(data[:some]))

    os_write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", write_little)
        writer.append(request(2))
        writer.flush()
    writer.append(request(3))
    writer.close()
    health = scan_segment(segment_path(tmp_path, "a", 1)).health
    assert (health.events, health.lost_events, health.damaged_blocks, health.torn_bytes) == (2, 1, 0, 0)


def test_a_half_written_block_that_cannot_be_cut_off_ends_the_segment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = SegmentWriter(open_segment(tmp_path, "a", 1))
    writer.append(request(1))
    writer.flush()
    os_write = os.write
    room = iter([100])

    def write_little(fd: int, data: bytes) -> int:
        if (some := next(room, 0)) == 0:
            raise OSError(errno.EIO, "Input/output error")
        return os_write(fd, bytes(data[:some]))

    def fail(fd: int, size: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", write_little)
        patch.setattr(os, "ftruncate", fail)
        writer.append(request(2))
        writer.flush()
    writer.append(request(3))
    writer.close()
    assert writer.statistics().lost == 2
    health = scan_segment(segment_path(tmp_path, "a", 1)).health
    assert (health.events, health.torn_bytes, health.closed) == (1, 100, False)


LIMITED = """
import resource, sys
from pathlib import Path
from battle.store.segment import SegmentWriter, open_segment
from tests.store.log_samples import request

resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
writer = SegmentWriter(open_segment(Path(sys.argv[1]), "a", 1))
for n in range(100):
    writer.append(request(n))
    writer.flush()
writer.close()
statistics = writer.statistics()
print(statistics.events, statistics.lost, statistics.error)
"""


def test_a_file_that_the_kernel_lets_grow_no_more(tmp_path: Path) -> None:
    """In a process of its own: the limit would hold for whatever file pytest prints to as well."""
    command = [sys.executable, "-c", LIMITED, str(tmp_path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    events, lost, error = said.split(maxsplit=2)
    health = scan_segment(segment_path(tmp_path, "a", 1)).health
    assert int(lost) > 0
    assert "large" in error
    assert int(events) == health.events == 100 - int(lost)
    assert health.bytes <= 5000
    assert health.lost_events == int(lost)
    assert health.torn_bytes == health.damaged_blocks == 0


def test_closing_on_a_full_disk_still_tells_what_was_lost_if_a_trailer_fits() -> None:
    tape = Tape(room=180)
    writer = SegmentWriter(tape)
    writer.append(request(1))
    writer.close()
    (block,) = tape.blocks
    assert {"events": 0, "lost": 1, "closed": True}.items() <= json.loads(block).items()


def test_a_killed_process_loses_at_most_what_it_had_not_flushed(tmp_path: Path) -> None:
    child = textwrap.dedent("""
        import sys, pathlib
        sys.path.insert(0, sys.argv[2])
        from log_samples import request
        from battle.store.segment import SegmentWriter, open_segment
        writer = SegmentWriter(open_segment(pathlib.Path(sys.argv[1]), "a", 1))
        for n in range(1_000_000_000):
            writer.append(request(n))
            if n % 7 == 6:
                writer.flush()
                print(n + 1, flush=True)
    """)
    command = [sys.executable, "-c", child, str(tmp_path), str(Path(__file__).parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(50):
            flushed = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        flushed = max([flushed, *map(int, process.stdout.read().split())])
    health = scan_segment(segment_path(tmp_path, "a", 1)).health
    assert flushed <= health.events <= flushed + 7
    assert not health.closed
    assert health.damaged_blocks == 0


def test_a_chunk_sink_bothers_the_disk_rarely_and_writes_the_same_bytes(tmp_path: Path) -> None:
    tape = Tape()
    writer = SegmentWriter(ChunkSink(tape))
    for n in range(100):
        writer.append(request(n))
        writer.flush()
    assert tape.blocks == []
    writer.close()
    assert len(tape.blocks) == 1
    direct = tmp_path / "direct"
    plain = SegmentWriter(FileSink(direct))
    for n in range(100):
        plain.append(request(n))
        plain.flush()
    plain.close()
    events, last = tape.blocks[0].rsplit(b"{", 1)
    assert direct.read_bytes().rsplit(b"{", 1)[0] == events
    assert b'"closed":true' in last


def test_a_chunk_sink_keeps_what_it_took_when_the_disk_is_full() -> None:
    tape = Tape(room=0)
    chunks = ChunkSink(tape)
    chunks.write(b"a" * (CHUNK_BYTES - 1))
    with pytest.raises(OSError, match="No space"):
        chunks.write(b"bb")
    tape.room = CHUNK_BYTES
    chunks.close()
    assert tape.blocks == [b"a" * (CHUNK_BYTES - 1)]


def test_a_discarded_chunk_sink_writes_what_was_flushed() -> None:
    tape = Tape()
    writer = SegmentWriter(ChunkSink(tape))
    writer.append(request(1))
    writer.flush()
    writer.append(request(2))
    writer.discard()
    assert b"load-1" in tape.blocks[0]
    assert b"load-2" not in tape.blocks[0]


def test_a_file_sink_closes_once(tmp_path: Path) -> None:
    file = FileSink(tmp_path / "x")
    file.close()
    file.close()


def test_nodes_import_the_writer_without_the_database() -> None:
    code = "import sys, battle.store.segment; print([m for m in ('duckdb', 'numpy', 'trio') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
