"""The tables that a log shows, whatever version of Battle wrote its files."""

from pathlib import Path

import duckdb
import pytest

from battle.store.catalog import define_tables
from battle.store.events import TABLES
from battle.store.schema import table_columns


@pytest.mark.parametrize("kind", ["VIEW", "TABLE"])
def test_a_column_that_an_earlier_version_did_not_write_is_null(tmp_path: Path, kind: str) -> None:
    paths = {}
    with duckdb.connect() as connection:
        for table in TABLES:
            first, *_, last = ((name, type_) for name, type_ in table_columns(table).items())
            values = ", ".join(f'NULL::{type_} AS "{name}"' for name, type_ in (first, last))
            paths[table] = str(tmp_path / f"{table}'s.parquet")
            quoted = paths[table].replace("'", "''")
            connection.execute(f"COPY (SELECT {values}) TO '{quoted}' (FORMAT parquet)")
        define_tables(connection, paths, kind=kind)
        for table in TABLES:
            described = connection.execute(f"DESCRIBE {table}").fetchall()
            assert {name: type_ for name, type_, *_ in described} == table_columns(table)
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchall() == [(1,)]
