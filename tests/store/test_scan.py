"""The scanner: it keeps all that is whole, whatever happened to the rest, and says what is missing."""

import itertools
import os
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.store.errors import LogError
from battle.store.scan import scan_segment, segment_name
from battle.store.segment import BlockFlushed, checksum, running_digest
from tests.store.log_samples import request, write_segment


def three_blocks(run_dir: Path) -> Path:
    blocks = [[request(3 * block + n) for n in range(3)] for block in range(3)]
    return write_segment(run_dir, "a", blocks, closed=False)


def block_starts(data: bytes) -> list[int]:
    """Where each block starts, but for the first one, which has no events; last, the end of the file."""
    starts, position = [], 0
    for line in data.splitlines(keepends=True):
        position += len(line)
        if line.startswith(b'{"type":"block_flushed"'):
            starts.append(position)
    return starts


def trailer_line(
    file: bytes,
    body: bytes,
    *,
    events: int = 0,
    lost: int = 0,
    closed: bool = False,
    claimed: int | None = None,
) -> bytes:
    """The trailer of a block with these lines, appended to the file."""
    last = msgspec.json.decode(file.splitlines()[-1], type=BlockFlushed)
    trailer = BlockFlushed(
        bytes=len(body) if claimed is None else claimed,
        crc32=0,
        events=events,
        lost=lost,
        start=len(file),
        before=last.before + last.events,
        digest=running_digest(zlib.crc32(body), last.digest),
        closed=closed,
    )
    crc32 = checksum(zlib.crc32(body), trailer)
    return msgspec.json.encode(msgspec.structs.replace(trailer, crc32=crc32)) + b"\n"


def readable(path: Path) -> list[str]:
    """The request ids of the lines a scan lets through."""
    data, scan = path.read_bytes(), scan_segment(path)
    lines = [line for start, end in scan.spans for line in data[start:end].splitlines()]
    assert len(lines) == scan.health.events
    return [msgspec.json.decode(line)["request_id"] for line in lines]


def ids(*numbers: int) -> list[str]:
    return [f"load-{number}" for number in numbers]


@pytest.fixture
def segment(tmp_path: Path) -> Path:
    return three_blocks(tmp_path)


def test_a_whole_segment(tmp_path: Path) -> None:
    path = write_segment(tmp_path, "gateway", [[request(1)], [request(2), request(3)]])
    health = scan_segment(path).health
    assert (health.node, health.incarnation, health.segment) == ("gateway", 1, "gateway.1")
    assert health.tables == {"requests": 3}
    assert health.events == 3
    assert health.bytes == path.stat().st_size
    assert health.closed
    assert health.complete


def test_an_empty_segment_was_not_closed(tmp_path: Path) -> None:
    path = tmp_path / "a.1.ndjson"
    path.touch()
    health = scan_segment(path).health
    assert (health.events, health.closed, health.complete) == (0, False, True)


@pytest.mark.parametrize("name", ["a.ndjson", "a.0.ndjson", "a.x.ndjson", ".1.ndjson"])
def test_a_file_that_is_no_segment(name: str) -> None:
    with pytest.raises(LogError, match="no segment"):
        segment_name(Path(name))


def test_a_node_may_have_dots_in_its_name() -> None:
    assert segment_name(Path("x/a.b.12.ndjson")) == ("a.b", 12)


@pytest.mark.slow
def test_torn_at_every_byte_of_the_last_block(segment: Path) -> None:
    whole = segment.read_bytes()
    last = block_starts(whole)[-2]
    for size in range(last, len(whole) + 1):
        segment.write_bytes(whole[:size])
        kept_lines = whole[last:size].count(b"\n")
        health = scan_segment(segment).health
        assert readable(segment) == ids(*range(6 + min(kept_lines, 3))), size
        torn = 0 if size == len(whole) else size - (whole.rfind(b"\n", 0, size) + 1)
        assert health.torn_bytes == torn, size
        assert health.unverified_events == (0 if size == len(whole) else min(kept_lines, 3)), size
        assert health.damaged_blocks == 0, size
        assert segment.read_bytes() == whole[:size]


@pytest.mark.slow
def test_any_flipped_byte_of_a_middle_block_costs_that_block_alone(segment: Path) -> None:
    whole = segment.read_bytes()
    _, start, end, _ = block_starts(whole)  # of the second of three
    for at in range(start, end):
        damaged = bytearray(whole)
        damaged[at] ^= 0x01
        segment.write_bytes(damaged)
        health = scan_segment(segment).health
        assert readable(segment) == ids(0, 1, 2, 6, 7, 8), at
        assert (health.damaged_blocks, health.damaged_bytes) == (1, end - start), at
        assert (health.missing_events, health.missing_bytes) == (3, end - start), at
        assert not health.complete
        assert health.torn_bytes == 0


@pytest.mark.slow
def test_a_flipped_byte_of_the_last_block_is_never_believed_in_silence(segment: Path) -> None:
    whole = segment.read_bytes()
    start = block_starts(whole)[-2]
    for at in range(start, len(whole)):
        damaged = bytearray(whole)
        damaged[at] ^= 0x01
        segment.write_bytes(damaged)
        health = scan_segment(segment).health
        assert readable(segment)[:6] == ids(*range(6)), at
        assert health.damaged_blocks + health.torn_bytes > 0, at


def test_junk_between_two_blocks_is_left_out(segment: Path) -> None:
    whole = segment.read_bytes()
    cut = block_starts(whole)[1]
    segment.write_bytes(whole[:cut] + b'{"type":"request_ended","req' + whole[cut:])
    health = scan_segment(segment).health
    assert readable(segment) == ids(*range(9))
    assert (health.damaged_blocks, health.damaged_bytes) == (1, 28)


def test_a_trailer_that_claims_more_than_there_is(segment: Path) -> None:
    whole = segment.read_bytes()
    segment.write_bytes(whole + trailer_line(whole, b"", claimed=10**9))
    health = scan_segment(segment).health
    assert (health.events, health.damaged_blocks) == (9, 1)


def test_lines_that_a_power_cut_left_as_zeros_are_torn(segment: Path) -> None:
    segment.write_bytes(segment.read_bytes() + bytes(4096))
    health = scan_segment(segment).health
    assert (health.events, health.torn_bytes) == (9, 4096)


def test_what_a_newer_version_wrote_is_counted_as_unknown(segment: Path) -> None:
    whole = segment.read_bytes()
    body = b'{"type":"meteor_fell","at_ns":1}\n'
    segment.write_bytes(whole + body + trailer_line(whole, body, events=1))
    health = scan_segment(segment).health
    assert (health.events, health.unknown_events, health.complete) == (9, 1, False)


def test_the_last_trailer_tells_what_was_lost(segment: Path) -> None:
    whole = segment.read_bytes()
    segment.write_bytes(whole + trailer_line(whole, b"", lost=5, closed=True))
    health = scan_segment(segment).health
    assert (health.lost_events, health.closed, health.complete) == (5, True, False)


def test_text_that_looks_like_a_trailer_inside_an_event_is_none(tmp_path: Path) -> None:
    path = write_segment(tmp_path, "a", [[request(0, method='\n{"type":"block_flushed","bytes":0')]])
    assert scan_segment(path).health.complete


@pytest.mark.slow
@given(st.data())
def test_no_damage_breaks_the_scanner_or_invents_events(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = three_blocks(tmp_path_factory.mktemp("run"))
    damage(path, data.draw)
    numbers = [int(text.removeprefix("load-")) for text in readable(path)]
    assert numbers == sorted(set(numbers))
    assert set(numbers) <= set(range(9))
    shutil.rmtree(path.parent.parent)


def damage(path: Path, draw: Callable[[st.SearchStrategy[int]], int]) -> None:
    """Cut a stretch out of the file, which no single flipped digit can imitate."""
    whole = path.read_bytes()
    start = draw(st.integers(0, len(whole)))
    end = draw(st.integers(start, len(whole)))
    path.write_bytes(whole[:start] + whole[end:])


def blocks_of(data: bytes) -> list[bytes]:
    """All blocks, the first one, which has no events, among them."""
    starts = [0, *block_starts(data)]
    return [data[start:end] for start, end in itertools.pairwise(starts)]


@pytest.fixture
def closed_segment(tmp_path: Path) -> Path:
    """Eight blocks: the first without events, six of one event and the same length, the last trailer."""
    return write_segment(tmp_path, "a", [[request(n)] for n in range(1, 7)])


def numbers_of(path: Path) -> list[int]:
    return [int(text.removeprefix("load-")) for text in readable(path)]


@pytest.mark.parametrize("at", range(8))
def test_a_block_cut_out_is_missing(closed_segment: Path, at: int) -> None:
    blocks = blocks_of(closed_segment.read_bytes())
    assert len(blocks) == 8
    closed_segment.write_bytes(b"".join(blocks[:at] + blocks[at + 1 :]))
    health = scan_segment(closed_segment).health
    kept = [n for n in range(1, 7) if n != at]
    assert numbers_of(closed_segment) == kept
    if at == 7:
        assert not health.closed
    else:
        assert (health.missing_events, health.missing_bytes) == (6 - len(kept), len(blocks[at]))
        assert not health.complete
    assert (health.opened_as is None) == (at == 0)


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(range(8), 2)))
def test_two_blocks_that_changed_places(closed_segment: Path, one: int, other: int) -> None:
    blocks = blocks_of(closed_segment.read_bytes())
    blocks[one], blocks[other] = blocks[other], blocks[one]
    closed_segment.write_bytes(b"".join(blocks))
    health = scan_segment(closed_segment).health
    assert health.damaged_blocks > 0
    assert health.missing_bytes > 0
    assert numbers_of(closed_segment) == sorted(set(numbers_of(closed_segment)))


@pytest.mark.parametrize(("copied", "to"), list(itertools.product(range(8), range(9))))
def test_a_block_that_stands_there_twice_counts_once(closed_segment: Path, copied: int, to: int) -> None:
    blocks = blocks_of(closed_segment.read_bytes())
    blocks.insert(to, blocks[copied])
    closed_segment.write_bytes(b"".join(blocks))
    health = scan_segment(closed_segment).health
    assert health.damaged_blocks > 0
    numbers = numbers_of(closed_segment)
    assert numbers == sorted(set(numbers))


def test_a_block_of_another_segment_is_not_taken_for_the_one_in_whose_place_it_is(
    closed_segment: Path,
) -> None:
    """Of the same length, at the same place, after as many events, and its checksum holds."""
    blocks = blocks_of(closed_segment.read_bytes())
    lines, line = blocks[2].rsplit(b"{", 1)
    trailer = msgspec.json.decode(b"{" + line, type=BlockFlushed)
    lines = lines.replace(b"load-2", b"load-9")
    forged = (
        msgspec.structs.replace(trailer, digest=digest, crc32=checksum(zlib.crc32(lines), changed))
        for digest in itertools.count(trailer.digest + 1)
        for changed in [msgspec.structs.replace(trailer, digest=digest)]
    )
    foreign = next(
        block for one in forged if len(block := lines + msgspec.json.encode(one) + b"\n") == len(blocks[2])
    )
    closed_segment.write_bytes(b"".join([*blocks[:2], foreign, *blocks[3:]]))
    health = scan_segment(closed_segment).health
    assert numbers_of(closed_segment) == [1, 3, 4, 5, 6]
    assert (health.damaged_blocks, health.missing_events) == (1, 1)


def test_a_segment_says_whose_it_is_whatever_its_name(closed_segment: Path) -> None:
    renamed = closed_segment.rename(closed_segment.with_name("b.3.ndjson"))
    health = scan_segment(renamed).health
    assert (health.segment, health.opened_as, health.complete) == ("b.3", "a.1", True)


@pytest.mark.parametrize("kind", ["a FIFO", "a directory"])
def test_what_is_no_file_is_no_segment_and_nobody_waits_for_it(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.1.ndjson"
    if kind == "a FIFO":
        os.mkfifo(path)
    else:
        path.mkdir()
    with pytest.raises(LogError, match=rf"a\.1\.ndjson cannot be read: it is {kind}"):
        scan_segment(path)
