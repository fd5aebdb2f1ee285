"""A user's SQL reads the log, all of it and nothing else, and changes nothing."""

import contextlib
import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.database import Run, open_run
from store.errors import QueryError
from store.seal import seal
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
