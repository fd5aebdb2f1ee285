"""Segments that are read while they grow."""

import pytest

from battle.monitoring import tail as module
from battle.monitoring.figures import EVENTS
from battle.monitoring.tail import RunTail
from battle.store.scan import scan_segment
from battle.store.segment import SegmentWriter, open_segment, segment_path
from tests.battle.histories import MS, healthy, request, write_run


def events_of(found):
    return [event for _, event in found]


@pytest.fixture
def writer(tmp_path):
    opened = SegmentWriter(open_segment(tmp_path, "load-main.0", 1, "run"))
    yield opened
    opened.discard()


def test_blocks_are_read_as_they_are_flushed(tmp_path, writer):
    tail = RunTail(tmp_path / "events")
    seen = []
    for number in range(5):
        writer.append(request(number))
        assert tail.read() == ([], False)  # not flushed yet
        writer.flush()
        seen += events_of(tail.read()[0])
    assert seen == [request(number) for number in range(5)]
    tail.close()


def test_half_a_block_waits_for_its_other_half(tmp_path, writer):
    for number in range(50):
        writer.append(request(number))
    writer.close()
    path = segment_path(tmp_path, "load-main.0", 1)
    whole = path.read_bytes()
    path.write_bytes(b"")
    tail = RunTail(tmp_path / "events")
    seen = []
    for at in range(0, len(whole), 997):
        with path.open("ab") as segment:
            segment.write(whole[at : at + 997])
        seen += events_of(tail.read()[0])
    assert seen == [request(number) for number in range(50)]


def test_a_damaged_block_is_left_out_as_the_scan_leaves_it_out(tmp_path, writer):
    for number in range(30):
        writer.append(request(number))
        if number % 10 == 9:
            writer.flush()
    writer.close()
    path = segment_path(tmp_path, "load-main.0", 1)
    damaged = path.read_bytes().replace(b'"r15"', b'"r99"')
    path.write_bytes(damaged)
    tail = RunTail(tmp_path / "events")
    found, _ = tail.read()
    numbers = [int(event.request_id[1:]) for event in events_of(found)]
    assert numbers == [*range(10), *range(20, 30)]
    assert len(numbers) == scan_segment(path).health.events
    assert tail.damaged == 1


def test_two_damaged_blocks_in_a_row_are_both_left_out(tmp_path, writer):
    for number in range(30):
        writer.append(request(number))
        if number % 10 == 9:
            writer.flush()
    writer.close()
    path = segment_path(tmp_path, "load-main.0", 1)
    path.write_bytes(path.read_bytes().replace(b'"r5"', b'"r6"').replace(b'"r15"', b'"r99"'))
    tail = RunTail(tmp_path / "events")
    assert [event.request_id for event in events_of(tail.read()[0])] == [f"r{n}" for n in range(20, 30)]
    assert tail.damaged == 2


def test_what_was_open_can_be_read_after_sealing_and_the_rest_is_named(tmp_path):
    run_dir = write_run(tmp_path / "run", healthy(), sealed=False)
    tail = RunTail(run_dir / "events")
    tail._find()
    for path in (run_dir / "events").glob("*.ndjson"):
        path.unlink()
    assert len(list(tail.finish())) == sum(
        isinstance(event, EVENTS) for events in healthy().values() for event in events
    ) + len([name for name in healthy() if name not in ("coordinator", "gateway", "load-load.0")])
    assert tail.not_seen(["gateway.1", "gateway.2"]) == ["gateway.2"]


def test_whole_lines_that_a_killed_node_left_count_at_the_end(tmp_path, writer):
    writer.append(request(1))
    writer.flush()
    path = segment_path(tmp_path, "load-main.0", 1)
    trailer_free = (
        b'{"type":"request_ended","request_id":"r2","workload":"load","method":"m","scheduled_ns":0,'
    )
    trailer_free += b'"ended_ns":1,"outcome":"ok","answer":"right"}\n{"type":"request_en'
    with path.open("ab") as segment:
        segment.write(trailer_free)
    tail = RunTail(tmp_path / "events")
    assert [event.request_id for event in events_of(tail.read()[0])] == ["r1"]
    assert [event.request_id for event in events_of(tail.finish())] == ["r2"]
    assert scan_segment(path).health.events == 2


def test_few_files_stay_open_however_often_a_node_is_killed(tmp_path):
    tail = RunTail(tmp_path / "events")
    seen = []
    for incarnation in range(1, 30):
        killed = SegmentWriter(open_segment(tmp_path, "a", incarnation, "run"))
        killed.append(request(incarnation, incarnation * MS))
        killed.flush()
        killed.discard()
        for _ in range(2):
            seen += events_of(tail.read()[0])
        assert len(tail._open) <= module.LATER_INCARNATIONS + 1
    assert len(seen) == 29
    tail.close()


def test_what_is_no_segment_is_ignored(tmp_path):
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "notes.ndjson").write_text("x")
    assert RunTail(tmp_path / "events").read() == ([], False)


def test_bytes_without_an_end_do_not_fill_the_memory(tmp_path, monkeypatch, writer):
    monkeypatch.setattr(module, "BLOCK_BYTES_MAX", 1000)
    path = segment_path(tmp_path, "load-main.0", 1)
    with path.open("ab") as segment:
        segment.write(b"x" * 5000)
    tail = RunTail(tmp_path / "events")
    tail.read()
    assert all(len(one._rest) <= 1000 for one in tail._open.values())
    tail.close()
