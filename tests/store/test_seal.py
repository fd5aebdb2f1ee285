"""Sealing: nothing is lost on the way into Parquet, identical segments give identical files, and a crash
at any moment leaves a log that can be sealed again.
"""

import hashlib
import os
import random
from pathlib import Path

import duckdb
import msgspec
import pytest

from battle.store import log_files as files_module
from battle.store import seal as seal_module
from battle.store.database import open_run
from battle.store.errors import LogError
from battle.store.events import TABLES
from battle.store.scan import Scan
from battle.store.schema import table_columns
from battle.store.seal import read_manifest, seal
from tests.store.log_samples import fault, golden_run, request, write_segment


def digests(run_dir: Path) -> dict[str, str]:
    files = sorted((run_dir / "events").iterdir())
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def rows(run_dir: Path, sql: str) -> list[tuple[object, ...]]:
    with open_run(run_dir) as run:
        return run.execute(sql).rows


def test_each_table_gets_a_file_with_its_columns_and_the_segments_go(tmp_path: Path) -> None:
    golden_run(tmp_path)
    manifest = seal(tmp_path)
    names = {path.name for path in (tmp_path / "events").iterdir()}
    assert names == {*(f"{table}.parquet" for table in TABLES), "manifest.json"}
    assert manifest.tables["requests"] == 100
    assert manifest.tables["gateway_attempts"] == 120
    assert manifest.tables["benchmarks"] == 0
    connection = duckdb.connect()
    for table in TABLES:
        path = str(tmp_path / "events" / f"{table}.parquet")
        described = connection.execute(
            "DESCRIBE SELECT * FROM read_parquet($path)", {"path": path}
        ).fetchall()
        assert {row[0]: row[1] for row in described} == table_columns(table)
    connection.close()


def test_an_event_comes_back_as_it_was(tmp_path: Path) -> None:
    write_segment(tmp_path, "load", [[request(1, provider="a"), request(2, outcome="unknown", sent_ns=None)]])
    write_segment(tmp_path, "run", [[fault("applied", 5, rate=0.5, codes=[500, 502], text='"\n')]])
    seal(tmp_path)
    columns = ", ".join(request(1).__struct_fields__)
    expected = [request(1, provider="a"), request(2, outcome="unknown", sent_ns=None)]
    found = rows(tmp_path, f"SELECT {columns}, segment FROM requests ORDER BY request_id")
    assert found == [(*msgspec.structs.astuple(event), "load.1") for event in expected]
    ((parameters, codes),) = rows(tmp_path, "SELECT parameters, parameters->'codes'->1 FROM faults")
    assert msgspec.json.decode(str(parameters)) == {"rate": 0.5, "codes": [500, 502], "text": '"\n'}
    assert codes == "502"


def test_rows_keep_the_order_of_nodes_incarnations_and_appending(tmp_path: Path) -> None:
    for incarnation in (10, 9, 1):
        write_segment(tmp_path, "a", [[request(incarnation), request(0)]], incarnation)
    seal(tmp_path)
    found = rows(tmp_path, "SELECT segment, request_id FROM requests")
    assert found == [
        ("a.1", "load-1"), ("a.1", "load-0"), ("a.9", "load-9"), ("a.9", "load-0"),
        ("a.10", "load-10"), ("a.10", "load-0"),
    ]  # fmt: skip


def test_sealing_again_changes_nothing(tmp_path: Path) -> None:
    golden_run(tmp_path)
    first = seal(tmp_path)
    before = digests(tmp_path)
    assert seal(tmp_path) == first
    assert digests(tmp_path) == before


@pytest.mark.slow
def test_identical_segments_give_identical_files(tmp_path: Path) -> None:
    """Large enough for several row groups and for DuckDB to read with several threads."""
    for name in ("one", "two"):
        for node in ("load", "other"):
            write_segment(tmp_path / name, node, [[request(n) for n in range(200_000)]])
        golden_run(tmp_path / name / "golden")
        seal(tmp_path / name)
        seal(tmp_path / name / "golden")
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    assert digests(tmp_path / "one" / "golden") == digests(tmp_path / "two" / "golden")


def test_a_run_without_segments(tmp_path: Path) -> None:
    manifest = seal(tmp_path)
    assert manifest.segments == []
    assert set(manifest.tables.values()) == {0}
    assert rows(tmp_path, "SELECT * FROM requests") == []


def test_a_run_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="no run"):
        seal(tmp_path / "nowhere")


def test_damage_is_left_out_and_told(tmp_path: Path) -> None:
    path = write_segment(tmp_path, "a", [[request(1)], [request(2)], [request(3)]], closed=False)
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"load-2", b"load-7") + b'{"type":"request_en')
    manifest = seal(tmp_path)
    (health,) = manifest.segments
    assert (health.events, health.damaged_blocks, health.torn_bytes) == (2, 1, 19)
    assert rows(tmp_path, "SELECT request_id FROM requests") == [("load-1",), ("load-3",)]


def test_a_number_no_column_can_hold_becomes_null_and_is_told(tmp_path: Path) -> None:
    write_segment(tmp_path, "a", [[request(1, rpc_code=10**30), request(2, rpc_code=-32000)]])
    manifest = seal(tmp_path)
    assert len(manifest.problems) == 1
    assert manifest.problems[0].startswith("requests: ")
    assert rows(tmp_path, "SELECT rpc_code FROM requests") == [(None,), (-32000,)]


def test_a_file_with_fewer_rows_than_scanned_is_not_committed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_segment(tmp_path, "a", [[request(1), request(2)]])
    monkeypatch.setattr(seal_module, "_count_rows", lambda connection, path: 1)
    with pytest.raises(LogError, match="1 rows were written of"):
        seal(tmp_path)
    assert path.exists()
    assert read_manifest(tmp_path) is None


def test_a_segment_that_grows_while_it_is_sealed_is_not_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_segment(tmp_path, "a", [[request(1)]])
    check = seal_module._check_unchanged

    def grow_then_check(scans: list[Scan]) -> None:
        path.write_bytes(path.read_bytes() * 2)
        check(scans)

    monkeypatch.setattr(seal_module, "_check_unchanged", grow_then_check)
    with pytest.raises(LogError, match="still being written"):
        seal(tmp_path)
    assert path.exists()


class Crash(BaseException):
    """The process dies here."""


@pytest.mark.parametrize("step", ["_write_rows", "_count_rows", "_check_unchanged", "_commit", "_sync"])
@pytest.mark.parametrize("call", [1, 5])
def test_a_crash_in_the_middle_leaves_a_log_that_can_be_read_and_sealed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, call: int
) -> None:
    for name in ("crashed", "smooth"):
        golden_run(tmp_path / name)
    original = getattr(seal_module, step)
    calls = iter(range(1, 1000))

    def crash(*args: object) -> object:
        if next(calls) == call:
            raise Crash
        return original(*args)

    with monkeypatch.context() as patch:
        patch.setattr(seal_module, step, crash)
        try:
            seal(tmp_path / "crashed")
        except Crash:
            assert read_manifest(tmp_path / "crashed") is None
            assert rows(tmp_path / "crashed", "SELECT count(*) FROM requests") == [(100,)]
    seal(tmp_path / "smooth")
    seal(tmp_path / "crashed")
    assert digests(tmp_path / "crashed") == digests(tmp_path / "smooth")


def test_a_crash_before_the_segments_are_removed_is_tidied_up_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_segment(tmp_path, "a", [[request(1)]])
    whole = path.read_bytes()
    seal(tmp_path)
    path.write_bytes(whole)
    assert rows(tmp_path, "SELECT count(*) FROM requests") == [(1,)]
    seal(tmp_path)
    assert not path.exists()


@pytest.mark.parametrize(
    "text", ["", "{}", '{"format_version": 99, "tables": {}, "segments": [], "problems": []}']
)
def test_a_manifest_that_cannot_be_understood(tmp_path: Path, text: str) -> None:
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "manifest.json").write_text(text)
    with pytest.raises(LogError, match=r"manifest\.json"):
        seal(tmp_path)


def sealed_golden(run_dir: Path) -> Path:
    golden_run(run_dir)
    seal(run_dir)
    return run_dir


def evidence(run_dir: Path) -> list[Path]:
    return [run_dir / "run.json", *sorted((run_dir / "events").iterdir())]


@pytest.mark.slow
def test_every_flipped_bit_is_noticed_and_named(tmp_path: Path) -> None:
    """800 of them, drawn over all files."""
    run_dir = sealed_golden(tmp_path / "run")
    draws = random.Random(5)
    files = evidence(run_dir)
    assert len(files) == len(TABLES) + 2
    for _ in range(800):
        path = draws.choice(files)
        whole = path.read_bytes()
        damaged = bytearray(whole)
        damaged[draws.randrange(len(whole))] ^= 1 << draws.randrange(8)
        path.write_bytes(damaged)
        with pytest.raises(LogError, match=rf"{path.name}"):
            open_run(run_dir)
        path.write_bytes(whole)
    open_run(run_dir).close()


def test_every_file_that_is_missing_cut_or_of_another_run_is_named(tmp_path: Path) -> None:
    run_dir, other = sealed_golden(tmp_path / "run"), tmp_path / "other"
    golden_run(other)
    (other / "run.json").write_text('{"run_id": "another", "seed": 8}')
    for table in TABLES:  # a row more in each
        write_segment(other, f"more-{table.replace('_', '-')}", [[request(1)]])
    seal(other)
    for path in evidence(run_dir):
        whole = path.read_bytes()
        foreign = (other / path.relative_to(run_dir)).read_bytes()
        for content in (whole[:-1], whole + b"\n", b"", foreign if foreign != whole else b"x"):
            path.write_bytes(content)
            with pytest.raises(LogError, match=rf"{path.name}|run\.json"):
                open_run(run_dir)
        path.unlink()
        with pytest.raises(LogError, match=rf"{path.name}.* is missing"):
            open_run(run_dir)
        path.write_bytes(whole)
    open_run(run_dir).close()


def test_the_run_of_a_log_is_named_when_it_is_another(tmp_path: Path) -> None:
    run_dir = sealed_golden(tmp_path / "run")
    (run_dir / "run.json").write_text('{"run_id": "another", "seed": 8}')
    with pytest.raises(LogError, match=r"run\.json is of run another, the log beside it of run golden"):
        open_run(run_dir)


def test_an_edited_row_count_is_noticed(tmp_path: Path) -> None:
    run_dir = sealed_golden(tmp_path / "run")
    path = run_dir / "events" / "manifest.json"
    text = path.read_text()
    assert '"rows": 100,' in text
    path.write_text(text.replace('"rows": 100,', '"rows": 101,'))
    with pytest.raises(LogError, match=r"manifest\.json is damaged"):
        open_run(run_dir)


@pytest.mark.parametrize("name", ["more.parquet", "z.1.ndjson"])
def test_a_file_that_the_manifest_does_not_mention(tmp_path: Path, name: str) -> None:
    run_dir = sealed_golden(tmp_path / "run")
    (run_dir / "events" / name).write_bytes(b"")
    with pytest.raises(LogError, match=f"{name} is no part of the sealed log"):
        open_run(run_dir)


def test_a_fifo_in_place_of_any_file_is_refused_at_once(tmp_path: Path) -> None:
    run_dir = sealed_golden(tmp_path / "run")
    for path in evidence(run_dir):
        whole = path.read_bytes()
        path.unlink()
        os.mkfifo(path)
        with pytest.raises(LogError, match=rf"{path.name} cannot be read: it is a FIFO"):
            open_run(run_dir)
        path.unlink()
        path.write_bytes(whole)


def test_a_header_nested_without_end_is_told(tmp_path: Path) -> None:
    golden_run(tmp_path)
    (tmp_path / "run.json").write_text('{"a":' * 100_000 + "1" + "}" * 100_000)
    with open_run(tmp_path) as run, pytest.raises(LogError, match=r"run\.json cannot be understood"):
        run.query("run_header")


def test_a_run_directory_with_a_strange_name(tmp_path: Path) -> None:
    run_dir = tmp_path / "it's a [run]* {$x}"
    run_dir.mkdir()
    golden_run(run_dir)
    assert rows(run_dir, "SELECT count(*) FROM requests") == [(100,)]
    seal(run_dir)
    assert rows(run_dir, "SELECT count(*) FROM requests") == [(100,)]


def test_a_segment_that_grows_while_it_is_asked_is_read_as_far_as_it_was_scanned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_segment(tmp_path, "load", [[request(1), request(2)]])
    scan_run = seal_module.scan_run

    def scan_and_grow(run_dir: Path) -> list[Scan]:
        scans = scan_run(run_dir)
        with (run_dir / "events" / "load.1.ndjson").open("ab") as segment:
            segment.write(msgspec.json.encode(request(3)) + b"\n")
        return scans

    monkeypatch.setattr(files_module, "scan_run", scan_and_grow)
    assert rows(tmp_path, "SELECT request_id FROM requests ORDER BY ALL") == [
        (request(1).request_id,),
        (request(2).request_id,),
    ]


def test_parquet_files_without_their_manifest_are_no_empty_log(tmp_path: Path) -> None:
    golden_run(tmp_path)
    seal(tmp_path)
    (tmp_path / "events" / "manifest.json").unlink()
    before = digests(tmp_path)
    for ask in (open_run, seal):
        with pytest.raises(LogError, match=r"manifest\.json is missing"):
            ask(tmp_path)
    assert digests(tmp_path) == before, "sealing again would have emptied them"


@pytest.mark.parametrize("header", [b"\xff\xfe\x00", b"{", b"[]", b'{"seed": \xff}'])
def test_a_damaged_header_is_told(tmp_path: Path, header: bytes) -> None:
    golden_run(tmp_path)
    (tmp_path / "run.json").write_bytes(header)
    with open_run(tmp_path) as run, pytest.raises(LogError, match=r"run\.json cannot be understood"):
        run.execute("SELECT 1")
