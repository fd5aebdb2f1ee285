"""`battle sql`."""

import csv
import math
import sys
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
import typer

from battle.analysis.reports.document import no_formula
from battle.analysis.reports.markdown import escaped
from battle.cli.options import Out, RunArg
from battle.defaults import DEFAULT_OUT
from battle.errors import BattleError
from battle.run.directory import find_run
from battle.store.catalog import entries as entries_of_a_run
from battle.store.database import Result, Run, export_database, open_run
from battle.store.sandbox import QUERY_SECONDS, QueryTooLongError

Format: TypeAlias = Literal["table", "json", "csv", "markdown"]
"""What `--format` takes."""


def command(
    run: RunArg,
    query: Annotated[
        str | None, typer.Argument(help="One SELECT, or a DESCRIBE; without it, the tables are listed.")
    ] = None,
    format: Annotated[Format, typer.Option(help="How to print the rows.")] = "table",
    out: Out = DEFAULT_OUT,
    export: Annotated[
        bool,
        typer.Option("--export", help="Write the run into run.duckdb beside its log (DuckDB 1.0 or later)."),
    ] = False,
    timeout: Annotated[float, typer.Option(help="Query timeout in seconds.")] = 300.0,
) -> None:
    """Query the log of RUN."""
    raise typer.Exit(sql_command(run, query, format, out, export=export, timeout=timeout))


_NUMERIC = ("BIGINT", "INTEGER", "HUGEINT", "DOUBLE", "FLOAT", "DECIMAL", "UBIGINT", "SMALLINT", "TINYINT")

_WIDTH = 100
"""Of the list of tables: what a terminal shows without wrapping."""

_COUNTED_MAX = 5_000_000
"""Events of a log whose views are counted for the list: to count a view is to compute it."""


def sql_command(
    run: str, query: str | None, form: Format, out: Path, *, export: bool, timeout: float = QUERY_SECONDS
) -> int:
    """Print the answer to one question to a run's log; without a question, what can be asked about.

    `timeout` is in seconds. With `export` the database is written first, and its path goes to stderr when there is a
    question to answer.
    """
    if not 0 < timeout < math.inf:
        raise BattleError("--timeout is a number of seconds above 0")
    run_dir = find_run(run, out)
    if export:
        print(export_database(run_dir), file=sys.stderr if query else sys.stdout)
        if not query:
            return 0
    try:
        with open_run(run_dir) as log:
            result = log.execute(query, timeout) if query else _catalogue(log)
    except QueryTooLongError as error:
        raise BattleError(f"{error}: give it more with --timeout") from None
    if query or form != "table":
        _PRINTERS[form](result)
    else:
        _print_catalogue(result)
        print('To list the columns of one, add its name: "DESCRIBE requests"', file=sys.stderr)
    return 0


def _catalogue(log: Run) -> Result:
    """The tables and views of a run, how many rows each has, and what they show."""
    entries = list(entries_of_a_run())
    few = sum(log.manifest.tables.values()) <= _COUNTED_MAX
    counted = [entry.name for entry in entries if few or entry.kind == "table"]
    counts = log.execute(" UNION ALL ".join(f"SELECT '{name}', count(*) FROM {name}" for name in counted))
    rows = dict(counts.rows)
    return Result(
        columns=["name", "kind", "rows", "a row is"],
        types=["VARCHAR", "VARCHAR", "BIGINT", "VARCHAR"],
        rows=[(entry.name, entry.kind, rows.get(entry.name), entry.meaning) for entry in entries],
    )


def _print_catalogue(result: Result) -> None:
    """As a table no wider than a terminal: the last column goes on below itself."""
    cells = [[_cell(value) for value in row] for row in result.rows]
    left = sum(max(map(len, column)) + 2 for column in list(zip(result.columns, *cells, strict=True))[:-1])
    lines: list[list[str]] = []
    for *short, meaning in cells:
        first, *more = textwrap.wrap(meaning, _WIDTH - left) or [""]
        lines += [[*short, first], *([*[""] * len(short), one] for one in more)]
    for line in _table_lines(result, lines):
        print(line)


def _print_json(result: Result) -> None:
    twice = [f"`{name}`" for name, count in Counter(result.columns).items() if count > 1]
    if twice:
        raise BattleError(
            f"JSON has one value for each name, and columns share {', '.join(twice)}: rename one of them"
        )
    rows = [dict(zip(result.columns, row, strict=True)) for row in result.rows]
    print(msgspec.json.format(msgspec.json.encode(rows, enc_hook=str)).decode())


def _print_csv(result: Result) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([no_formula(column) for column in result.columns])
    writer.writerows([no_formula(value) for value in row] for row in result.rows)


def _print_markdown(result: Result) -> None:
    cells = [[escaped(_cell(value)) for value in row] for row in result.rows]
    print("| " + " | ".join(map(escaped, result.columns)) + " |")
    print("|" + "|".join(" --- " for _ in result.columns) + "|")
    for row in cells:
        print("| " + " | ".join(row) + " |")


def _print_table(result: Result) -> None:
    cells = [[_cell(value) for value in row] for row in result.rows]
    for line in _table_lines(result, cells):
        print(line)
    print(f"({len(cells)} row{'' if len(cells) == 1 else 's'})", file=sys.stderr)


def _table_lines(result: Result, cells: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(result.columns, *cells, strict=True)]
    right = [kind.startswith(_NUMERIC) for kind in result.types]
    yield _line(result.columns, widths, right)
    yield "  ".join("-" * width for width in widths)
    yield from (_line(row, widths, right) for row in cells)


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = (
        cell.rjust(width) if to_the_right else cell.ljust(width)
        for cell, width, to_the_right in zip(cells, widths, right, strict=True)
    )
    return "  ".join(padded).rstrip()


def _cell(value: Any) -> str:
    """A value on one line; NULL is not an empty string."""
    if value is None:
        return "NULL"
    if isinstance(value, float):
        return f"{value:.6g}" if abs(value) < 1e6 else f"{value:.0f}"
    return str(value).replace("\n", "\\n")


_PRINTERS: dict[Format, Callable[[Result], None]] = {
    "table": _print_table,
    "json": _print_json,
    "csv": _print_csv,
    "markdown": _print_markdown,
}
