"""`battle sql`."""

import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from battle.cli.commands.sql import Format
from battle.directory import find_run
from store.database import Result, export_database, open_run

_NUMERIC = ("BIGINT", "INTEGER", "HUGEINT", "DOUBLE", "FLOAT", "DECIMAL", "UBIGINT", "SMALLINT", "TINYINT")

CATALOGUE = """
SELECT table_name AS name, CASE table_type WHEN 'VIEW' THEN 'table or view' ELSE 'table' END AS kind,
       string_agg(column_name, ', ' ORDER BY ordinal_position) AS columns
FROM information_schema.tables JOIN information_schema.columns USING (table_schema, table_name)
WHERE table_schema = 'main'
GROUP BY ALL ORDER BY name
"""


def sql_command(run: str, query: str | None, form: Format, out: Path, *, export: bool) -> int:
    """Print the answer to one question to a run's log; without a question, what can be asked about."""
    run_dir = find_run(run, out)
    if export:
        print(export_database(run_dir))
        return 0
    with open_run(run_dir) as log:
        result = log.execute(query or CATALOGUE)
    {"table": _print_table, "json": _print_json, "csv": _print_csv, "markdown": _print_markdown}[form](result)
    return 0


def _print_json(result: Result) -> None:
    rows = [dict(zip(result.columns, row, strict=True)) for row in result.rows]
    print(msgspec.json.format(msgspec.json.encode(rows, enc_hook=str)).decode())


def _print_csv(result: Result) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(result.columns)
    writer.writerows(result.rows)


def _print_markdown(result: Result) -> None:
    cells = [[_cell(value).replace("|", "\\|") for value in row] for row in result.rows]
    print("| " + " | ".join(result.columns) + " |")
    print("|" + "|".join(" --- " for _ in result.columns) + "|")
    for row in cells:
        print("| " + " | ".join(row) + " |")


def _print_table(result: Result) -> None:
    cells = [[_cell(value) for value in row] for row in result.rows]
    widths = [max(map(len, column)) for column in zip(result.columns, *cells, strict=True)]
    right = [kind.startswith(_NUMERIC) for kind in result.types]
    print(_line(result.columns, widths, right))
    print("  ".join("-" * width for width in widths))
    for row in cells:
        print(_line(row, widths, right))
    print(f"({len(cells)} row{'' if len(cells) == 1 else 's'})", file=sys.stderr)


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
