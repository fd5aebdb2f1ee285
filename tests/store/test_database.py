"""A run can be asked, sealed or not, by our queries and by a user's SQL."""

import re
from pathlib import Path

import duckdb
import msgspec
import pytest

from battle.analysis.log import Log
from battle.store import catalog
from battle.store.database import Run, export_database, open_run
from battle.store.errors import LogError, QueryError
from battle.store.events import TABLES
from battle.store.schema import table_columns
from battle.store.seal import seal
from battle.store.views import Views
from tests.store.log_samples import golden_run, request, write_segment


@pytest.fixture(params=["sealed", "unsealed"])
def run_dir(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    golden_run(tmp_path)
    if request.param == "sealed":
        seal(tmp_path)
    return tmp_path


@pytest.fixture
def queries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of queries of the test's own."""
    directory = tmp_path / "queries"
    (directory / "views").mkdir(parents=True)
    monkeypatch.setattr(catalog, "QUERIES", directory)
    return directory


def test_all_tables_are_there_also_empty_ones(run_dir: Path) -> None:
    with open_run(run_dir) as run:
        assert run.sealed == (run_dir / "events" / "manifest.json").exists()
        for table in TABLES:
            result = run.execute(f"SELECT * FROM {table} LIMIT 1")
            assert dict(zip(result.columns, result.types, strict=True)) == table_columns(table)
        assert run.execute("SELECT count(*) FROM gateway_attempts").rows == [(120,)]


def test_reading_an_unsealed_run_leaves_it_as_it_was(tmp_path: Path) -> None:
    golden_run(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with open_run(tmp_path) as run:
        assert not run.sealed
        run.execute("SELECT * FROM requests")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_crashed_run_tells_what_is_missing(tmp_path: Path) -> None:
    path = write_segment(tmp_path, "a", [[request(1)]], closed=False)
    path.write_bytes(path.read_bytes() + b'{"type":"requ')
    with open_run(tmp_path) as run:
        found = run.execute("SELECT segment, events, torn_bytes, closed, tables->>'requests' FROM segments")
    assert found.rows == [("a.1", 1, 13, False, "1")]


def test_the_segments_are_a_table(run_dir: Path) -> None:
    with open_run(run_dir) as run:
        found = run.execute("SELECT node, incarnation, events, closed FROM segments WHERE node = 'a'").rows
        assert found == [("a", 1, 30, False), ("a", 2, 50, True)]


def test_the_run_is_a_table_of_one_row(run_dir: Path) -> None:
    with open_run(run_dir) as run:
        sql = "SELECT run_id, world, seed, planned_duration_ns, document->'strange'->0 FROM run"
        assert run.execute(sql).rows == [("golden", "simulated", 7, None, "1")]


def test_a_run_without_a_header(tmp_path: Path) -> None:
    with open_run(tmp_path) as run:
        assert run.execute("SELECT * FROM run").rows == []


def test_a_header_that_is_no_json(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"run_id":')
    with open_run(tmp_path) as run, pytest.raises(LogError, match=r"run\.json"):
        run.execute("SELECT 1")


def test_a_run_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="no run"):
        open_run(tmp_path / "nowhere")


def test_a_sealed_log_with_a_file_missing(tmp_path: Path) -> None:
    seal(tmp_path)
    (tmp_path / "events" / "requests.parquet").unlink()
    with pytest.raises(LogError, match="requests"):
        open_run(tmp_path)


@pytest.mark.parametrize("kept", [0, 100])
def test_a_sealed_log_with_a_file_cut_short(tmp_path: Path, kept: int) -> None:
    seal(tmp_path)
    path = tmp_path / "events" / "requests.parquet"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(LogError, match=r"requests\.parquet is damaged"):
        open_run(tmp_path)


def test_a_query_binds_its_parameters(run_dir: Path, queries: Path) -> None:
    (queries / "some.sql").write_text(
        "SELECT $text AS text, count(*) AS n FROM requests WHERE ended_ns > $at_ns"
    )
    evil = "'; DROP TABLE requests; --"
    with open_run(run_dir) as run:
        (row,) = run.query("some", text=evil, at_ns=5 * 10**9)
    assert (row.text, row.n) == (evil, 50)


def test_a_parameter_may_be_called_as_an_argument_is(run_dir: Path, queries: Path) -> None:
    class Said(msgspec.Struct):
        said: str

    names = ("name", "query", "row_type", "sql", "text")
    (queries / "some.sql").write_text(f"SELECT {' || '.join(f'${name}' for name in names)} AS said")
    given = {name: f"{name}!" for name in names}
    with open_run(run_dir) as run:
        said = [run.query("some", **given)[0].said, run.query_as(Said, "some", **given)[0].said]
        said += [
            Log(run).rows("some", **given)[0].said,
            Log(run).ask("SELECT $sql AS said", sql="sql!")[0].said,
        ]
    assert said == ["name!query!row_type!sql!text!"] * 3 + ["sql!"]


def test_rows_of_a_type(run_dir: Path, queries: Path) -> None:
    class Count(msgspec.Struct):
        node: str
        ratio: float

    (queries / "some.sql").write_text(
        "SELECT node, sum(events) AS ratio FROM segments WHERE node = 'b' GROUP BY ALL"
    )
    with open_run(run_dir) as run:
        assert run.query_as(Count, "some") == [Count(node="b", ratio=20.0)]


@pytest.mark.parametrize("parameters", [{}, {"a": 1, "b": 2}])
def test_wrong_parameters(run_dir: Path, queries: Path, parameters: dict[str, int]) -> None:
    (queries / "some.sql").write_text("SELECT $a")
    with open_run(run_dir) as run, pytest.raises(QueryError, match="arameter"):
        run.query("some", **parameters)


@pytest.mark.parametrize("name", ["nothing", "../events", "", "views/slo"])
def test_a_query_that_does_not_exist(run_dir: Path, name: str) -> None:
    with open_run(run_dir) as run, pytest.raises(QueryError, match="no query named"):
        run.query(name)


def test_views_may_need_each_other(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text("CREATE VIEW a AS SELECT n + 1 AS n FROM b")
    (tmp_path / "b.sql").write_text("-- one\nCREATE VIEW b AS SELECT n + 1 AS n FROM c")
    (tmp_path / "c.sql").write_text("CREATE VIEW c AS SELECT 1 AS n")
    connection = duckdb.connect()
    Views(connection, tmp_path).define_all()
    assert connection.execute("SELECT n FROM a").fetchall() == [(3,)]
    connection.close()


def test_a_wrong_view_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text("CREATE VIEW a AS SELECT * FROM nothing")
    connection = duckdb.connect()
    with pytest.raises(QueryError, match=r"a\.sql: .*nothing"):
        Views(connection, tmp_path).define_all()
    connection.close()


def test_parameters_reach_the_views(run_dir: Path) -> None:
    with open_run(run_dir, {"limit_ns": 5, "name": "it's"}) as run:
        found = run.execute("SELECT getvariable('limit_ns'), getvariable('name'), getvariable('other')").rows
    assert found == [(5, "it's", None)]


def test_a_parameter_needs_a_name(run_dir: Path) -> None:
    with open_run(run_dir, {"x = 1; --": 5}) as run, pytest.raises(QueryError, match="cannot name"):
        run.execute("SELECT 1")


def test_a_mistake_is_one_sentence(run_dir: Path) -> None:
    with open_run(run_dir) as run:
        for sql in ("SELECT nope FROM requests", "SELEC 1", "SELECT * FROM nope", "SELECT 1 +"):
            with pytest.raises(QueryError) as caught:
                run.execute(sql)
            assert re.fullmatch(r"[^\n]+", str(caught.value)), sql
            assert "LINE" not in str(caught.value)
            assert caught.value.__cause__ is None
        assert run.execute("SELECT 1").rows == [(1,)]


def test_export(run_dir: Path) -> None:
    export_database(run_dir)
    path = export_database(run_dir)
    assert path == run_dir / "run.duckdb"
    connection = duckdb.connect(str(path), read_only=True)
    assert connection.execute("SELECT count(*) FROM requests").fetchall() == [(100,)]
    assert connection.execute("SELECT count(*) FROM segments").fetchall() == [(5 + 1,)]
    # Views are tables there: DuckDB 1.x does not understand how 2.0 stores some of them.
    tables = {row[0] for row in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    assert tables >= {path.stem for path in catalog.VIEWS.glob("*.sql")}
    for table in tables:
        connection.execute(f"SELECT * FROM {table}").fetchall()
    ours = connection.execute("SELECT function_name FROM duckdb_functions() WHERE NOT internal").fetchall()
    assert ours == []  # macros are no less than views what 1.x may not understand
    connection.close()
    assert not path.with_suffix(".duckdb.tmp").exists()


def test_closing_twice_and_asking_later(run_dir: Path) -> None:
    run: Run = open_run(run_dir)
    run.execute("SELECT 1")
    run.close()
    run.close()
    with pytest.raises(QueryError, match="closed"):
        run.execute("SELECT 1")
    with pytest.raises(QueryError, match="closed"):
        run.query("run_header")


def test_the_exported_database_is_one_that_duckdb_1_0_reads(run_dir: Path) -> None:
    """By its header: the storage version stands after the checksum and the magic bytes, and 64 is that of 1.0."""
    content = export_database(run_dir).read_bytes()
    assert content[8:12] == b"DUCK"
    assert int.from_bytes(content[12:20], "little") == 64


def test_the_exported_database_has_what_the_views_give(run_dir: Path) -> None:
    with open_run(run_dir) as run:
        expected = run.execute("SELECT * FROM fault_windows").rows
    connection = duckdb.connect(str(export_database(run_dir)), read_only=True)
    assert connection.execute("SELECT * FROM fault_windows").fetchall() == expected
    assert connection.execute("SELECT count(*) FROM duckdb_views() WHERE NOT internal").fetchall() == [(0,)]
    connection.close()
