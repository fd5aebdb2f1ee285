"""Blocks of a report, tables above all, as plain lines for a terminal."""

from collections.abc import Iterator

from battle.analysis.reports.document import Block, Code, Paragraph, Table


def block_lines(block: Block) -> Iterator[str]:
    """The block's lines, a table with a rule below its titles; what has no words has no lines."""
    if isinstance(block, Table):
        yield from table_lines(block, ruled=True)
    elif isinstance(block, Paragraph | Code):
        yield block.text


def table_lines(table: Table, *, ruled: bool = False) -> Iterator[str]:
    """The table in columns as wide as they need to be; `ruled`: with a rule below the titles."""
    rows = [[column.title for column in table.columns], *([cell.text for cell in row] for row in table.rows)]
    widths = [max(map(len, texts)) for texts in zip(*rows, strict=True)]
    if ruled:
        rows.insert(1, ["-" * width for width in widths])
    for row in rows:
        cells = (
            text.rjust(width) if column.numeric else text.ljust(width)
            for text, width, column in zip(row, widths, table.columns, strict=True)
        )
        yield "  ".join(cells).rstrip()
