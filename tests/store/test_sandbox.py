"""A user's SQL reads the log, all of it and nothing else, and changes nothing."""

import contextlib
import hashlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import psutil
import pytest

from battle.store import sandbox
from battle.store.database import Run, open_run
from battle.store.errors import QueryError
from battle.store.sandbox import QueryTooLongError
from battle.store.seal import seal
from tests.store.log_samples import golden_run

SECRET = "the secret of the outside"


def digests(directory: Path) -> dict[str, str]:
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a sealed run, and a file that is none of the run's business."""
    directory = tmp_path_factory.mktemp("world")
    golden_run(directory / "run")
    seal(directory / "run")
    (directory / "outside.csv").write_text(f"a,b\n{SECRET},2\n")
    return directory


@pytest.fixture(scope="module")
def run(world: Path) -> Iterator[Run]:
    with open_run(world / "run") as opened:
        opened.execute("SELECT 1")  # its process is there for all tests
        yield opened


def log_paths(run: Run) -> list[str]:
    """Where the sandbox reads the log from, as a curious user finds out."""
    views = run.execute("SELECT sql FROM duckdb_views() WHERE view_name IN ('requests', 'faults')").rows
    return re.findall(r"/proc/self/fd/\d+", str(views))


@pytest.mark.parametrize(
    "sql",
    [
        "FROM '{outside}'",
        "FROM read_csv('{outside}')",
        "FROM read_text('{outside}')",
        "FROM read_blob('{outside}')",
        "FROM sniff_csv('{outside}')",
        "FROM glob('{directory}/*')",
        "FROM read_text('/proc/self/environ')",
        "FROM read_text('/proc/self/fd/0')",
        "FROM read_parquet('{directory}/run/events/requests.parquet')",
        "FROM parquet_metadata('{directory}/run/events/requests.parquet')",
        "FROM query('FROM read_text(''{outside}'')')",
        "EXPLAIN ANALYZE FROM read_text('{outside}')",
        "PIVOT (FROM read_text('{outside}')) ON filename",
    ],
)
def test_nothing_outside_the_log_can_be_read(run: Run, world: Path, sql: str) -> None:
    with pytest.raises(QueryError, match="disabled by configuration") as caught:
        run.execute(sql.format(outside=world / "outside.csv", directory=world))
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "sql",
    [
        "COPY (SELECT 1) TO '{target}'",
        "COPY requests TO '{target}' (FORMAT parquet, USE_TMP_FILE false)",
        "WITH x AS (COPY (SELECT 1) TO '{target}') FROM x",
        "WITH x AS (COPY (SELECT 1) TO '{target}' (FORMAT parquet, USE_TMP_FILE false)) FROM x",
        "WITH x AS (COPY (SELECT 1) TO '{target}' (FORMAT csv, USE_TMP_FILE false)) FROM x",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '{target}' (FORMAT csv, USE_TMP_FILE false)",
        "EXPORT DATABASE '{target}'",
        "ATTACH '{target}'",
        "ATTACH ':memory:' AS other",
        "FROM enable_logging('QueryLog', storage := 'file', storage_config := {{'path': '{target}'}})",
    ],
)
@pytest.mark.parametrize("target", ["outside", "run", "log"])
def test_nothing_can_be_written(run: Run, world: Path, sql: str, target: str) -> None:
    paths = {
        "outside": [str(world / "new")],
        "run": [str(path) for path in (world / "run" / "events").iterdir()] + [str(world / "run" / "new")],
        "log": log_paths(run),
    }[target]
    assert paths
    before = digests(world)
    for path in paths:
        with pytest.raises(QueryError):
            run.execute(sql.format(target=path))
    assert digests(world) == before
    assert run.execute("SELECT count(*) FROM requests").rows == [(100,)]
    assert run.execute("SELECT count(*) FROM faults").rows == [(3,)]


@pytest.mark.parametrize(
    "sql",
    [
        "SET threads = 1",
        "SET memory_limit = '1GB'",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "RESET threads",
        "PRAGMA threads = 1",
        "INSTALL httpfs",
        "LOAD httpfs",
        "CREATE SECRET (TYPE s3)",
        "CREATE TABLE x (a INT)",
        "CREATE OR REPLACE VIEW requests AS SELECT 1",
        "DROP VIEW requests",
        "DELETE FROM segments",
        "DETACH memory",
        "USE system",
        "CALL pragma_version()",
        "IMPORT DATABASE '.'",
        "BEGIN",
        "CHECKPOINT",
        "VACUUM",
        "PREPARE x AS SELECT 1",
    ],
)
def test_what_is_no_question_is_refused(run: Run, sql: str) -> None:
    with pytest.raises(QueryError, match="not allowed here"):
        run.execute(sql)


@pytest.mark.parametrize("sql", ["", "-- nothing", "SELECT 1; SELECT 2", "SELECT 1; SET threads = 1"])
def test_one_statement_at_a_time(run: Run, sql: str) -> None:
    with pytest.raises(QueryError, match="one statement"):
        run.execute(sql)


def test_what_the_sandbox_rests_on(run: Run) -> None:
    """DuckDB adds its spill directory to the allowed ones, and looks for tables among Python's variables."""
    sql = "SELECT name, value FROM duckdb_settings() WHERE name IN ({}) ORDER BY name"
    names = (
        "'allowed_directories', 'temp_directory', 'python_enable_replacements', 'lock_configuration', "
        "'enable_external_access', 'autoload_known_extensions', 'autoinstall_known_extensions'"
    )
    assert run.execute(sql.format(names)).rows == [
        ("allowed_directories", "[]"),
        ("autoinstall_known_extensions", "false"),
        ("autoload_known_extensions", "false"),
        ("enable_external_access", "false"),
        ("lock_configuration", "true"),
        ("python_enable_replacements", "false"),
        ("temp_directory", ""),
    ]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "VALUES (1)",
        "FROM requests LIMIT 1",
        "WITH x AS (SELECT 1) FROM x",
        "DESCRIBE requests",
        "SUMMARIZE requests",
        "SHOW TABLES",
        "EXPLAIN FROM requests",
        "EXPLAIN ANALYZE FROM requests",
        "PIVOT requests ON outcome GROUP BY method",
        "SELECT request_id FROM requests WHERE method LIKE 'eth%' ORDER BY ended_ns DESC;",
    ],
)
def test_questions_are_answered(run: Run, sql: str) -> None:
    assert run.execute(sql).rows


def test_user_sql_cannot_change_what_a_report_sees(run: Run) -> None:
    """An INSERT inside a WITH looks like a SELECT, but reaches the user's own connection at most."""
    before = run.query("log_health")
    with contextlib.suppress(QueryError):
        run.execute("WITH x AS (DELETE FROM segments RETURNING *) FROM x")
    assert run.query("log_health") == before


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    golden_run(tmp_path)
    before = len(os.listdir("/proc/self/fd"))
    with open_run(tmp_path) as run:
        run.execute("SELECT 1")
        run.query("log_health")
    assert len(os.listdir("/proc/self/fd")) == before


ENDLESS = [
    "SELECT count(*) FROM range(1000000000000) a, range(1000000) b",
    "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n FROM t) SELECT sum(n) FROM t",
    # DuckDB hears of no interruption inside one call of a function.
    "SELECT levenshtein(repeat('a', 300000), repeat('b', 300000))",
    "SELECT list_reduce(range(50000000), lambda x, y: x + y)",
    "FROM requests WHERE levenshtein(repeat(request_id, 100000), repeat(method, 100000)) = 1",
]


@pytest.mark.parametrize("sql", ENDLESS)
def test_a_query_without_end_is_stopped(world: Path, sql: str) -> None:
    too_long = pytest.raises(QueryTooLongError, match=r"it took longer than 0\.5 s and was stopped")
    with open_run(world / "run") as run, too_long:
        run.execute(sql, 0.5)


GREEDY = [
    "SELECT length(string_agg(range::VARCHAR, ',')) FROM range(10000000000)",
    "SELECT len(list(range)) FROM range(10000000000)",
    "SELECT len(list_transform(range(1000000000), lambda x: [x, x]))",
]


@pytest.mark.slow
@pytest.mark.parametrize("sql", GREEDY)
def test_a_query_that_takes_all_memory_is_stopped(world: Path, sql: str) -> None:
    with open_run(world / "run") as run, pytest.raises(QueryError, match=r"(?i)memory|allocat"):
        run.execute(sql, 100)


def test_the_next_query_is_answered_after_one_was_stopped(world: Path) -> None:
    with open_run(world / "run") as run:
        with pytest.raises(QueryTooLongError):
            run.execute(ENDLESS[2], 0.3)
        assert run.execute("SELECT count(*) FROM requests").rows == [(100,)]


def test_an_answer_too_large_for_memory_is_refused(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "ANSWER_BYTES_MAX", 2**20)
    with open_run(world / "run") as run:
        with pytest.raises(QueryError, match="its answer is larger than 1 MB"):
            run.execute("FROM range(100000000000)")
        assert run.execute("SELECT 1").rows == [(1,)]


def test_all_kinds_of_values_come_through(run: Run) -> None:
    sql = (
        "SELECT 1, 1.5::DOUBLE, 1.25::DECIMAL(9, 2), 'x', NULL, true, DATE '2026-01-02', [1, 2], {'a': 1}, "
        "MAP {'k': 1}, INTERVAL 1 DAY, uuid(), 'a'::BLOB, TIMESTAMP '2026-01-02 03:04:05', 2::HUGEINT ** 100"
    )
    ((*values,),) = run.execute(sql).rows
    assert values[:6] == [1, 1.5, Decimal("1.25"), "x", None, True]
    assert values[7:10] == [[1, 2], {"a": 1}, {"k": 1}]


ASKED = """
import signal, sys, threading
from pathlib import Path
from battle.store.database import open_run
signal.signal(signal.SIGINT, signal.default_int_handler)
with open_run(Path(sys.argv[1])) as run:
    run.execute("SELECT 1")
    print(run._sandbox._process.pid, flush=True)
    try:
        run.execute(sys.argv[2])
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


@pytest.mark.parametrize("sql", ENDLESS[:3])
def test_an_interruption_ends_any_query_at_once(world: Path, sql: str) -> None:
    command = [sys.executable, "-c", ASKED, str(world / "run"), sql]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as asking:
        assert asking.stdout is not None
        answering = psutil.Process(int(asking.stdout.readline()))
        wait_until_busy(answering)
        asking.send_signal(signal.SIGINT)
        assert asking.stdout.read() == "interrupted\n"
    assert asking.returncode == 0
    assert not answering.is_running()


def test_a_query_ends_with_whoever_asked(world: Path) -> None:
    command = [sys.executable, "-c", ASKED, str(world / "run"), ENDLESS[2]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as asking:
        assert asking.stdout is not None
        answering = psutil.Process(int(asking.stdout.readline()))
        wait_until_busy(answering)
        asking.kill()
    answering.wait(20)


def wait_until_busy(process: psutil.Process) -> None:
    """Until it works at the query: nothing else takes it a second of a processor."""
    began = sum(process.cpu_times()[:2])
    while sum(process.cpu_times()[:2]) < began + 0.5:
        threading.Event().wait(0.01)
