"""Tables at a terminal."""

from collections.abc import Iterator

from battle.analysis.reports.document import Table


def table_lines(table: Table) -> Iterator[str]:
    """A report's table as plain text in columns."""
    rows = [[column.title for column in table.columns], *([cell.text for cell in row] for row in table.rows)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(table.columns))]
    for row in rows:
        cells = (
            text.rjust(width) if column.numeric else text.ljust(width)
            for text, width, column in zip(row, widths, table.columns, strict=True)
        )
        yield "  ".join(cells).rstrip()
