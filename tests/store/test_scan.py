"""The scanner: it keeps all that is whole, whatever happened to the rest, and says what is missing."""

import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.errors import LogError
from store.scan import scan_segment, segment_name
from store.segment import BlockFlushed, checksum
from tests.store.log_samples import request, write_segment


def three_blocks(run_dir: Path) -> Path:
    blocks = [[request(3 * block + n) for n in range(3)] for block in range(3)]
    return write_segment(run_dir, "a", blocks, closed=False)


def block_starts(data: bytes) -> list[int]:
    """Where each block starts; last, the end of the file."""
    starts, position = [0], 0
    for line in data.splitlines(keepends=True):
        position += len(line)
        if line.startswith(b'{"type":"block_flushed"'):
            starts.append(position)
    return starts


def trailer_line(
    body: bytes, *, events: int = 0, lost: int = 0, closed: bool = False, claimed: int | None = None
) -> bytes:
    size = len(body) if claimed is None else claimed
    crc32 = checksum(body, events, lost, closed=closed)
    trailer = BlockFlushed(bytes=size, crc32=crc32, events=events, lost=lost, closed=closed)
    return msgspec.json.encode(trailer) + b"\n"


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
    _, start, end, _ = block_starts(whole)
    for at in range(start, end):
        damaged = bytearray(whole)
        damaged[at] ^= 0x01
        segment.write_bytes(damaged)
        health = scan_segment(segment).health
        assert readable(segment) == ids(0, 1, 2, 6, 7, 8), at
        assert (health.damaged_blocks, health.damaged_bytes) == (1, end - start), at
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
    segment.write_bytes(segment.read_bytes() + trailer_line(b"", claimed=10**9))
    health = scan_segment(segment).health
    assert (health.events, health.damaged_blocks) == (9, 1)


def test_lines_that_a_power_cut_left_as_zeros_are_torn(segment: Path) -> None:
    segment.write_bytes(segment.read_bytes() + bytes(4096))
    health = scan_segment(segment).health
    assert (health.events, health.torn_bytes) == (9, 4096)


def test_what_a_newer_version_wrote_is_counted_as_unknown(segment: Path) -> None:
    whole = segment.read_bytes()
    body = b'{"type":"meteor_fell","at_ns":1}\n'
    segment.write_bytes(whole + body + trailer_line(body, events=1))
    health = scan_segment(segment).health
    assert (health.events, health.unknown_events, health.complete) == (9, 1, False)


def test_the_last_trailer_tells_what_was_lost(segment: Path) -> None:
    segment.write_bytes(segment.read_bytes() + trailer_line(b"", lost=5, closed=True))
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
