"""The store of the history: several at once, killed in the middle, torn, foreign, older and newer."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from battle.errors import BattleError
from battle.history import store
from battle.history.row import HistoryRow
from battle.history.store import COMPACT_AT, add, compact, merge, read, write_parquet
from tests.battle.history.rows import history_row, metric


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "battle_history"


def _without_times(rows: Sequence[HistoryRow]) -> list[HistoryRow]:
    from msgspec.structs import replace

    return [replace(row, recorded_at="") for row in rows]


def _files(directory: Path) -> list[Path]:
    return sorted(directory.glob("*/*/*.parquet"))


def test_rows_come_back_as_they_were_in_the_order_of_their_start(directory: Path) -> None:
    never = metric("p99_latency_ms", None, never=True, workload="reads")
    rows = [
        history_row(
            3,
            source="battles/pool.py",
            seed=None,
            commit=None,
            dirty=None,
            reasons=("it's late", "ünï"),
            partial=True,
        ),
        history_row(2, never, host={"cpu": None, "nested": {"a": [1]}}, load_ns=5),
        history_row(1, scenario="Another: one/../x"),
    ]
    for row in rows:
        add(directory, row)
    assert _without_times(read(directory)) == rows[::-1]
    assert all(row.recorded_at for row in read(directory))


def test_what_is_asked_for_is_what_comes(directory: Path) -> None:
    both = (metric("success_rate", 0.99), metric("p95_latency_ms", 7.0))
    for number, world in enumerate(("live", "simulated", "live")):
        add(directory, history_row(number, *both, world=world, gateway=f"g{number}"))
    add(directory, history_row(9, scenario="http-failover"))  # the same folder, another scenario
    assert [row.run_id for row in read(directory, scenario="HTTP failover")] == ["run-0", "run-1", "run-2"]
    assert [row.run_id for row in read(directory, world="live", gateway="g2")] == ["run-2"]
    assert read(directory, metrics=["success_rate"])[0].metrics == both[:1]
    assert read(directory, scenario="nothing") == []


def test_a_run_that_is_added_twice_is_one_row_and_the_later_one_counts(directory: Path) -> None:
    add(directory, history_row(1))
    add(directory, history_row(1))
    assert len(_files(directory)) == 1
    add(directory, history_row(1, verdict="FAIL"))
    add(directory, history_row(1, machine="m2"))  # another machine may have made a run of the same id
    assert [(row.verdict, row.machine) for row in read(directory)] == [("FAIL", "m1"), ("PASS", "m2")]
    compact(directory)
    assert len(_files(directory)) == 1
    assert [(row.verdict, row.machine) for row in read(directory)] == [("FAIL", "m1"), ("PASS", "m2")]


def test_there_is_no_history(directory: Path) -> None:
    for act in (read, compact):
        with pytest.raises(BattleError, match=r"there is no history .*battle history add"):
            act(directory)


@pytest.mark.parametrize("name", ["[a]*?", "it's", "ünï cöde"])
def test_any_path_will_do(tmp_path: Path, name: str) -> None:
    directory = tmp_path / name
    for number in range(3):
        add(directory, history_row(number))
    compact(directory)
    assert len(read(directory)) == 3


def test_adding_compacts_where_there_are_many_files(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert COMPACT_AT > 5
    monkeypatch.setattr(store, "COMPACT_AT", 5)
    for number in range(12):
        add(directory, history_row(number))
        assert len(read(directory)) == number + 1
    assert len(_files(directory)) < 5


# Several at once


WRITER = """
import sys
from pathlib import Path
from battle.history.store import add
from tests.battle.history.rows import history_row
for number in range(int(sys.argv[2]), int(sys.argv[3])):
    add(Path(sys.argv[1]), history_row(number))
    print(number, flush=True)
"""

COMPACTOR = """
import sys
from pathlib import Path
from battle.history.store import compact
for _ in range(8):
    compact(Path(sys.argv[1]))
"""


def _started(code: str, *arguments: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE, text=True
    )


def test_writers_readers_and_those_that_compact_do_not_hinder_one_another(directory: Path) -> None:
    add(directory, history_row(400))
    processes = [
        _started(WRITER, directory, 0, 20),
        _started(WRITER, directory, 10, 30),  # half of its rows are those of the other
        _started(COMPACTOR, directory),
        _started(COMPACTOR, directory),
    ]
    try:
        seen: set[tuple[str, ...]] = set()
        while any(process.poll() is None for process in processes):
            keys = [row.key for row in read(directory, on_problem=pytest.fail)]
            assert len(keys) == len(set(keys))
            assert seen <= set(keys)  # no row is ever missing again
            seen = set(keys)
        assert [process.wait() for process in processes] == [0, 0, 0, 0]
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    compact(directory)
    assert len(read(directory)) == 30 + 1
    assert len(_files(directory)) == 1
    assert not list(directory.rglob("*.draft"))


DYING = """
import os, signal, sys
from pathlib import Path
from battle.history import store
from tests.battle.history.rows import history_row

directory, what, left = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])

def counted(act):
    def acts(*given, **more):
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return act(*given, **more)
    return acts

store._sync = counted(store._sync)
Path.replace = counted(Path.replace)
Path.unlink = counted(Path.unlink)
store.compact(directory) if what == "compact" else store.add(directory, history_row(99))
"""


@pytest.mark.parametrize(
    "steps", [1, 2, 6]
)  # before there is a new file; with all old ones; with two of four
def test_a_compaction_that_is_killed_loses_and_doubles_nothing(directory: Path, steps: int) -> None:
    for number in range(4):
        add(directory, history_row(number))
    before = read(directory)
    died = _started(DYING, directory, "compact", steps)
    died.communicate(timeout=60)
    assert died.returncode == -9
    assert read(directory, on_problem=pytest.fail) == before
    compact(directory)
    assert len(_files(directory)) == 1
    assert read(directory) == before


@pytest.mark.parametrize("steps", [1, 2])
def test_a_writer_that_is_killed_leaves_its_row_or_nothing(directory: Path, steps: int) -> None:
    add(directory, history_row(1))
    died = _started(DYING, directory, "add", steps)
    died.communicate(timeout=60)
    assert died.returncode == -9
    found = [row.run_id for row in read(directory, on_problem=pytest.fail)]
    assert found == (["run-1"] if steps < 2 else ["run-1", "run-99"])
    add(directory, history_row(99))
    assert len(read(directory)) == 2


def test_what_killed_writers_left_is_removed_when_it_is_old(directory: Path) -> None:
    folder = add(directory, history_row(1)).parent
    old, new = folder / ".x.1-0.draft", folder / ".x.2-0.draft"
    for draft in (old, new):
        draft.write_bytes(b"PAR1")
    age = store.DRAFT_AGE + timedelta(hours=1)
    before = new.stat().st_mtime - age.total_seconds()
    os.utime(old, (before, before))
    compact(directory)
    assert (old.exists(), new.exists()) == (False, True)


def test_a_reader_begins_again_when_files_are_replaced_under_it(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        add(directory, history_row(number))
    asked = store._asked
    turns = []

    def meanwhile(*given: object) -> object:
        turns.append(1)
        if len(turns) == 1:
            compact_by_another(directory)
        return asked(*given)  # type: ignore[arg-type]

    def compact_by_another(directory: Path) -> None:
        process = _started(COMPACTOR, directory)
        process.communicate(timeout=60)
        assert process.returncode == 0

    monkeypatch.setattr(store, "_asked", meanwhile)
    assert len(read(directory)) == 4
    assert len(turns) > 2


def test_a_reader_that_saw_neither_the_old_files_nor_the_new_one_notices() -> None:
    a, b, new, compacted = Path("a"), Path("b"), Path("new"), Path("all-x")
    assert store._is_settled([a, b], [a, b])
    assert store._is_settled([a, b], [a, b, new])  # a writer is at work: its row may be missing
    assert not store._is_settled(
        [b], [b, compacted]
    )  # `a` was gone before it was listed, and `all-x` not yet there
    assert not store._is_settled([a, b], [b])


# Torn, foreign, older, newer


def _foreign(path: Path) -> None:
    path.write_bytes(b"not Parquet at all")


def _torn(path: Path) -> None:
    whole = sorted(path.parent.glob("run-*.parquet"))[0].read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def _empty(path: Path) -> None:
    path.touch()


def _of_others(path: Path) -> None:
    duckdb.sql("SELECT 1 AS a, 'x' AS run_id").write_parquet(str(path))


def _wrong_types(path: Path) -> None:
    duckdb.sql(
        "SELECT 'x' AS run_id, 's' AS scenario, 'live' AS world, 'g' AS gateway, 'GREAT' AS verdict, 'one' AS seed"
    ).write_parquet(str(path))


def _link_to_itself(path: Path) -> None:
    path.symlink_to(path)


@pytest.mark.parametrize(
    "harm", [_foreign, _torn, _empty, _of_others, _wrong_types, os.mkfifo, Path.mkdir, _link_to_itself]
)
def test_a_file_that_is_none_of_a_history_is_named_and_the_others_are_read(
    directory: Path, harm: Callable[[Path], None]
) -> None:
    _, _, folder = (add(directory, history_row(number)).parent for number in range(3))
    bad = folder / "bad.parquet"
    harm(bad)
    problems: list[str] = []
    assert len(read(directory, on_problem=problems.append)) == 3
    (problem,) = problems
    assert str(bad) in problem
    compact(directory)
    assert len(read(directory)) == 3


def test_a_file_of_an_older_and_one_of_a_newer_version_are_read_and_compacted(directory: Path) -> None:
    folder = add(directory, history_row(1)).parent
    needed = "scenario, 'live' AS world, 'g' AS gateway, 'PASS' AS verdict, '2026-12-02' AS started_at"
    duckdb.sql(f"SELECT 'old' AS run_id, 'HTTP failover' AS {needed}").write_parquet(
        str(folder / "old.parquet")
    )
    newer = "[{'name': 'p95_latency_ms', 'value': 3.0, 'spread': 7}] AS metrics, 'good' AS mood"
    duckdb.sql(f"SELECT 'new' AS run_id, 'HTTP failover' AS {needed}, {newer}").write_parquet(
        str(folder / "new.parquet")
    )
    for _ in range(2):
        rows = {row.run_id: row for row in read(directory, on_problem=pytest.fail)}
        assert rows["old"].metrics == ()
        assert rows["old"].seed is None
        assert rows["new"].metrics == (metric("p95_latency_ms", 3.0),)
        assert rows["run-1"].metric("p95_latency_ms").low == 9.0
        compact(directory)
    (one,) = _files(directory)
    described = f"DESCRIBE FROM read_parquet('{one}', hive_partitioning = false)"
    names = {name for name, *_ in duckdb.sql(described).fetchall()}
    assert names == {*store.columns(), "mood"}  # nothing of the folders' names
    moods = duckdb.sql(f"SELECT mood FROM '{one}' WHERE run_id = 'new'").fetchall()
    assert moods == [("good",)]  # what this version does not know is not thrown away


# Merging


def test_artifacts_are_merged_once_however_often_they_come(tmp_path: Path, directory: Path) -> None:
    artifacts = tmp_path / "artifacts"
    for job in range(3):
        add(artifacts / f"job {job}" / "deep" / "battle_history", history_row(job))
        add(artifacts / f"job {job}" / "deep" / "battle_history", history_row(10))  # they began with it
    log = artifacts / "job 1" / "battle_results" / "run" / "events"
    log.mkdir(parents=True)
    (log / "requests.parquet").write_bytes(b"the log of a run is no history")
    add(directory, history_row(20))
    first = merge(directory, [artifacts], pytest.fail)
    assert (first.found, first.added, first.stores) == (4, 4, 3)
    files = _files(directory)
    assert len(files) == 2
    again = merge(directory, [artifacts, tmp_path])  # it is below itself, and stays as it is
    assert (again.added, _files(directory)) == (0, files)
    assert [row.run_id for row in read(directory)] == ["run-0", "run-1", "run-2", "run-10", "run-20"]


def test_the_later_judgement_of_a_run_is_what_is_merged(tmp_path: Path, directory: Path) -> None:
    first, later = tmp_path / "first", tmp_path / "later"
    add(first, history_row(1))
    add(later, history_row(1, verdict="FAIL"))
    merge(directory, [later])
    assert merge(directory, [first]).added == 0
    assert [row.verdict for row in read(directory)] == ["FAIL"]


def test_merging_nothing_says_so(tmp_path: Path, directory: Path) -> None:
    with pytest.raises(BattleError, match="no history was found below"):
        merge(directory, [tmp_path])
    with pytest.raises(BattleError, match="there is no directory"):
        merge(directory, [tmp_path / "no"])
    (tmp_path / "empty").mkdir()
    add(tmp_path / "full", history_row(1))
    problems: list[str] = []
    assert merge(directory, [tmp_path / "empty", tmp_path / "full"], problems.append).added == 1
    assert problems == [
        f"no history was found below {tmp_path / 'empty'}: there is no file {store.FILES_GLOB} in it"
    ]


def test_rows_are_one_parquet_file_that_duckdb_reads(tmp_path: Path) -> None:
    path = tmp_path / "all.parquet"
    write_parquet([history_row(1), history_row(2)], path)
    asked = (
        f"SELECT run_id, m.name, m.value FROM (SELECT run_id, unnest(metrics) AS m FROM '{path}') ORDER BY 1"
    )
    assert duckdb.sql(asked).fetchall() == [
        ("run-1", "p95_latency_ms", 11.0),
        ("run-2", "p95_latency_ms", 12.0),
    ]
