"""docs/tables.md: from the event structs, and the comments in the view files."""

import inspect
import re
import typing
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, get_args, get_type_hints

import duckdb
import msgspec

from battle.store import catalog
from battle.store.events import TABLES
from battle.store.scan import SegmentHealth
from battle.store.schema import struct_columns, table_columns
from battle.store.seal import write_tables
from tools.docs.markdown import page, table, unit

_NEVER_NULL = "no"

_TABLES_INTRO = """\
All of these can be asked with `battle sql`. A table is what was seen, one row per event; a view is a question
that is asked often. Times (`at_ns`, `started_ns`, ...) are nanoseconds since the run's epoch, durations are
nanoseconds too; in the simulated world both are virtual. `segment` names the segment a row came from: the node
and its incarnation. `latency` always counts from the moment a request was due.
""".splitlines()


_MACROS_INTRO = """\
What the views and the reports say more than once, for your own SQL too: `SELECT latency_percentile(outcome,
scheduled_ns, ended_ns, 0.95) FROM requests`. A file that `battle sql --export` writes has none of them.
""".splitlines()


def tables_page() -> str:
    """docs/tables.md: every table, view and macro of a run."""
    return page(
        "Tables and views",
        [*_TABLES_INTRO, ""],
        ["## Tables of the log", ""],
        *(_event_table(table) for table in TABLES),
        ["## Tables about the run", ""],
        _facts_table("run", catalog.RUN_COLUMNS, _RUN_TEXT),
        _facts_table("segments", struct_columns(SegmentHealth), inspect.getdoc(SegmentHealth) or ""),
        ["## Views", ""],
        *(_view(path, columns) for path, columns in _views()),
        ["## Macros", "", *_MACROS_INTRO, ""],
        *(_macro(path) for path in sorted(catalog.MACROS.glob("*.sql"))),
    )


_RUN_TEXT = """\
One row: what `run.json` says at its top level under these names, NULL for what it does not say, and all of it as
`document`. Ask for more with `document->'scenario'->>'name'`."""


def _event_table(name: str) -> Iterator[str]:
    event = TABLES[name]
    fields = {field.name: field for field in msgspec.structs.fields(event)}
    hints = get_type_hints(event)
    yield from (f"### {name}", "", inspect.getdoc(event) or "", "")
    yield from table(
        ["column", "type", "unit", "can be NULL", "values"],
        (
            (
                f"`{column}`",
                kind,
                unit(column),
                "yes" if column in fields and not fields[column].required else _NEVER_NULL,
                ", ".join(f"`{value}`" for value in _choices(hints.get(column))),
            )
            for column, kind in table_columns(name).items()
        ),
    )


def _choices(annotation: Any) -> tuple[str, ...]:
    return get_args(annotation) if typing.get_origin(annotation) is Literal else ()


def _facts_table(name: str, columns: dict[str, str], text: str) -> Iterator[str]:
    yield from (f"### {name}", "", text, "")
    rows = ((f"`{column}`", kind, unit(column)) for column, kind in columns.items())
    yield from table(["column", "type", "unit"], rows)


def _views() -> Iterator[tuple[Path, dict[str, str]]]:
    """Each view's file with its columns and their types, as DuckDB sees them over an empty log."""
    with TemporaryDirectory() as scratch, duckdb.connect() as connection:
        manifest = write_tables([], Path(scratch))
        paths = {table: f"{scratch}/{table}.parquet" for table in TABLES}
        catalog.define_tables(connection, paths, kind="TABLE")
        catalog.define_segments(connection, manifest)
        catalog.define_run(connection, Path(scratch))
        catalog.views(connection).define_all()
        for path in sorted(catalog.VIEWS.glob("*.sql")):
            described = connection.execute(f"DESCRIBE {path.stem}").fetchall()
            yield path, {row[0]: row[1] for row in described}


def _view(path: Path, columns: dict[str, str]) -> Iterator[str]:
    prose, meanings = read_header(path.read_text(), set(columns))
    missing = columns.keys() - meanings.keys()
    if missing:
        raise SystemExit(f"{path}: its header says nothing of {', '.join(sorted(missing))}")
    yield from (f"### {path.stem}", "", *prose)
    rows = ((f"`{name}`", kind, unit(name), meanings[name]) for name, kind in columns.items())
    yield from table(["column", "type", "unit", "meaning"], rows)


def _macro(path: Path) -> Iterator[str]:
    sql = path.read_text()
    signature = re.search(rf"MACRO ({path.stem}\(.*?\)) AS", sql)
    if signature is None:
        raise SystemExit(f"{path}: it defines no macro {path.stem}")
    prose, _, parameters = "\n".join(_comment(sql)).partition("\n\n")
    yield from (f"### {signature[1]}", "", prose, "")
    if parameters:
        rows = (re.split(r"  +", line, maxsplit=1) for line in parameters.splitlines())
        yield from table(["parameter", "meaning"], ([_names(names), *meaning] for names, *meaning in rows))


def _names(names: str) -> str:
    return ", ".join(f"`{name}`" for name in names.split(", "))


def read_header(sql: str, columns: set[str]) -> tuple[list[str], dict[str, str]]:
    """The header comment of a view: its prose as lines of Markdown, and what it says of each column."""
    prose: list[str] = []
    meanings: dict[str, str] = {}
    current: list[str] = []
    for line in _comment(sql):
        names = re.match(r"([a-z0-9_]+(?:, [a-z0-9_]+)*)(?:$|  +|(?<=_ns) )", line)
        if names and columns.issuperset(names[1].split(", ")):
            current = names[1].split(", ")
            meanings |= dict.fromkeys(current, line[names.end() :].strip())
        elif current and line.startswith("  "):
            meanings |= {name: f"{meanings[name]} {line.strip()}".strip() for name in current}
        else:
            prose.append(line)
    while prose and not prose[-1]:
        prose.pop()
    return [*prose, ""], meanings


def _comment(sql: str) -> Iterator[str]:
    for line in sql.splitlines():
        if not line.startswith("--"):
            return
        yield line.removeprefix("--").removeprefix(" ").rstrip()
