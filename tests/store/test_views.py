"""Views are defined when something asks for them, and those that many ask are kept."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from battle.store.database import open_run
from battle.store.errors import QueryError
from battle.store.views import STORED, Views
from tests.store.log_samples import golden_run


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    opened = duckdb.connect()
    opened.execute("CREATE TABLE numbers AS SELECT 1 AS n")
    yield opened
    opened.close()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "a.sql").write_text("-- b is told of here only\nCREATE VIEW a AS SELECT n + 1 AS n FROM c")
    (tmp_path / "b.sql").write_text("CREATE VIEW b AS SELECT n AS a FROM numbers")
    (tmp_path / "c.sql").write_text("CREATE VIEW c AS SELECT sum(n) AS n FROM numbers")
    return tmp_path


def defined(connection: duckdb.DuckDBPyConnection) -> set[str]:
    found = connection.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()
    return {row[0] for row in found}


def test_only_what_a_query_mentions_is_defined_with_what_that_needs(
    connection: duckdb.DuckDBPyConnection, directory: Path
) -> None:
    some = Views(connection, directory)
    some.define_mentioned("SELECT * FROM numbers -- not a")
    assert defined(connection) == set()
    some.define_mentioned("FROM a")
    assert defined(connection) == {"a", "c"}
    some.define_all()
    assert defined(connection) == {"a", "b", "c"}


def test_two_views_may_mention_each_other_by_the_name_of_a_column(
    connection: duckdb.DuckDBPyConnection, directory: Path
) -> None:
    (directory / "a.sql").write_text("CREATE VIEW a AS SELECT n AS b FROM c")
    (directory / "c.sql").write_text("CREATE VIEW c AS SELECT n, 0 AS a FROM numbers")
    Views(connection, directory).define_mentioned("FROM c")
    assert connection.execute("SELECT b FROM a").fetchall() == [(1,)]


def test_macros_are_defined_as_views_are(connection: duckdb.DuckDBPyConnection, directory: Path) -> None:
    macros = directory / "macros"
    macros.mkdir()
    (macros / "more.sql").write_text("CREATE TEMP MACRO more(n) AS n + step()")
    (macros / "step.sql").write_text("-- more is told of here only\nCREATE TEMP MACRO step() AS 10")
    (directory / "d.sql").write_text("CREATE VIEW d AS SELECT more(n) AS n FROM numbers")
    some = Views(connection, directory, macros)
    some.define_mentioned("FROM a")
    ours = "SELECT function_name FROM duckdb_functions() WHERE NOT internal"
    assert connection.execute(ours).fetchall() == []
    some.define_mentioned("FROM d")
    assert connection.execute("SELECT n, more(5) FROM d").fetchall() == [(11, 15)]


def test_a_stored_view_is_computed_once(connection: duckdb.DuckDBPyConnection, directory: Path) -> None:
    Views(connection, directory, stored=frozenset({"c"})).define_mentioned("FROM a")
    connection.execute("INSERT INTO numbers VALUES (10)")
    assert connection.execute("FROM a").fetchall() == [(2,)]
    assert defined(connection) == {"a"}


def test_a_view_that_needs_what_is_not_there_is_named(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    (tmp_path / "lost.sql").write_text("CREATE VIEW lost AS FROM nowhere")
    with pytest.raises(QueryError, match=r"lost.sql: .*nowhere"):
        Views(connection, tmp_path).define_mentioned("FROM lost")


@pytest.mark.parametrize("name", sorted(STORED))
def test_what_is_stored_for_reports_is_what_a_user_sees(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    golden_run(tmp_path / "run")
    queries = tmp_path / "queries"
    queries.mkdir()
    (queries / "some.sql").write_text(f"FROM {name} ORDER BY ALL")
    monkeypatch.setattr("battle.store.catalog.QUERIES", queries)
    with open_run(tmp_path / "run") as run:
        stored = [tuple(row) for row in run.query("some")]
        assert stored == run.execute(f"FROM {name} ORDER BY ALL").rows != []
