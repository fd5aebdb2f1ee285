"""DuckDB connections to a run: what they may not do at all, and what they show."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from battle.store import catalog
from battle.store.catalog import Parameters
from battle.store.manifest import Manifest

NO_EXTENSIONS: dict[str, Any] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
}


FEW_ROWS = 100_000
"""Rows of a log, in all tables, on which a query costs more to plan than to run."""


def connect(
    paths: Mapping[str, str], manifest: Manifest, run_dir: Path, parameters: Parameters, temp_directory: str
) -> duckdb.DuckDBPyConnection:
    """A connection that shows the tables of the log from these files, its segments, and the run's facts.

    A log of `FEW_ROWS` gets one thread: handing its queries out to more costs more than they do.

    Raises:
        LogError: a file or the run's header cannot be understood.
    """
    config = {**NO_EXTENSIONS, "temp_directory": temp_directory}
    if sum(manifest.tables.values()) <= FEW_ROWS:
        config["threads"] = 1
    connection = duckdb.connect(config=config)
    try:
        show_no_progress(connection)
        catalog.set_parameters(connection, parameters)
        # Else each mention of a table in a view reads the footer of its file again.
        connection.execute("SET parquet_metadata_cache = true")
        fill(connection, paths, manifest, run_dir, kind="VIEW")
        quoted = ", ".join(f"'{path}'" for path in paths.values())
        connection.execute(f"SET allowed_paths = [{quoted}]")
    except BaseException:
        connection.close()
        raise
    return connection


def show_no_progress(connection: duckdb.DuckDBPyConnection) -> None:
    """DuckDB draws a bar into stdout where it takes the process for somebody at a prompt.

    In a notebook it draws none by itself, and there the setting cannot even be named where ipywidgets is missing.
    """
    shown = connection.execute("SELECT current_setting('enable_progress_bar')").fetchone()
    if shown == (True,):
        connection.execute("SET enable_progress_bar = false")


def fill(
    connection: duckdb.DuckDBPyConnection,
    paths: Mapping[str, str],
    manifest: Manifest,
    run_dir: Path,
    *,
    kind: str,
) -> None:
    """Define the tables of the log, each as a VIEW of its file or as a TABLE, its segments, and the run's facts."""
    catalog.define_tables(connection, paths, kind=kind)
    catalog.define_segments(connection, manifest)
    catalog.define_run(connection, run_dir)
