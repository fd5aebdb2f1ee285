"""Blocks of a report as plain lines for a terminal."""

from collections.abc import Iterator, Sequence

from battle.analysis.reports.document import (
    Block,
    Code,
    Paragraph,
    Table,
)


def block_lines(block: Block) -> Iterator[str]:
    """The block's lines, a table in columns as wide as they need to be; what has no words has no lines."""
    if isinstance(block, Table):
        yield from _table_lines(block)
    elif isinstance(block, Paragraph | Code):
        yield block.text


def _table_lines(table: Table) -> Iterator[str]:
    rows = [[column.title for column in table.columns], *([cell.text for cell in row] for row in table.rows)]
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    right = [column.numeric for column in table.columns]
    rows.insert(1, ["-" * width for width in widths])
    yield from (_line(row, widths, right) for row in rows)


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = (
        cell.rjust(width) if to_the_right else cell.ljust(width)
        for cell, width, to_the_right in zip(cells, widths, right, strict=True)
    )
    return "  ".join(padded).rstrip()
