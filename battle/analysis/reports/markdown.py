"""A report as Markdown that reads well as plain text too. What the log holds is escaped, and stays text."""

import re
import unicodedata
from collections.abc import Iterator
from functools import partial

from battle.analysis.charts.chart import Chart
from battle.analysis.charts.text import text_chart
from battle.analysis.omissions import Omission, Parts
from battle.analysis.reports.document import (
    Cell,
    Code,
    Column,
    Document,
    Drawing,
    Paragraph,
    Section,
    Table,
)

_SPECIAL = re.compile(r"([\\`*\[\]|~])")
_EDGE_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
_LINE_START = re.compile(r"^(\d+(?=[.)](?:\s|$))|(?=[#>+=-]))")
_LINK = re.compile(r"(?i)\b(https?|ftp)(?=://)|\bwww(?=\.)|@")
PADDED_MAX = 40
"""A column is lined up to this width; a few long cells would only push the rest off the screen."""

_MARKS = {"good": "✓ ", "bad": "✗ ", "unsure": "? "}


def render_markdown(document: Document, parts: Parts | None = None) -> str:
    """The document as GitHub-flavoured Markdown; its first line answers whether to ship.

    A chart that cannot be drawn is named in its place, and `parts` remembers it.
    """
    parts = parts or Parts()
    lines = [f"# {document.verdict_text}: {escaped(document.headline)}", ""]
    lines += [f"- {_line_of(line)}" for line in document.context]
    lines += [
        "",
        ", ".join(f"{escaped(figure.name)} **{escaped(figure.text)}**" for figure in document.figures),
    ]
    for title, texts in (("Reasons", document.reasons), ("Warnings", document.warnings)):
        if texts:
            lines += ["", f"**{title}**", ""]
            lines += [f"{number}. {_line_of(text)}" for number, text in enumerate(texts, 1)]
    for section in document.sections:
        lines += _section(section, parts)
    return "\n".join(lines) + "\n"


def render_section(section: Section) -> str:
    """One section by itself."""
    return "\n".join(_section(section, Parts())).lstrip("\n") + "\n"


def escaped(text: str) -> str:
    """Text that Markdown renders as it stands, on one line: no markup, HTML, links or control characters."""
    text = _one_line(text).strip().replace("&", "&amp;").replace("<", "&lt;")
    text = _SPECIAL.sub(r"\\\1", text)
    text = _EDGE_UNDERSCORE.sub(r"\\_", text)
    return _LINK.sub(lambda link: "&#64;" if link[0] == "@" else f"{link[0]}&#8203;", text)


def _one_line(text: str) -> str:
    return "".join(" " if unicodedata.category(char) in ("Cc", "Zl", "Zp") else char for char in text)


def _line_of(text: str) -> str:
    """Escaped text that begins a line, where some more characters are markup."""
    return _LINE_START.sub(r"\1\\", escaped(text))


def _section(section: Section, parts: Parts) -> Iterator[str]:
    yield from ("", f"## {escaped(section.title)}")
    for block in section.blocks:
        if isinstance(block, Drawing):
            yield from _drawing(block, parts)
            continue
        yield ""
        if isinstance(block, Table):
            yield from _table(block)
        elif isinstance(block, Code):
            yield f"    {_one_line(block.text).strip()}"
        else:
            yield _paragraph(block)


def _drawing(drawing: Drawing, parts: Parts) -> Iterator[str]:
    """A chart in text, indented: no name in it can end the block, as one could that stands between back-quotes."""
    if not drawing.brief:
        return
    if isinstance(drawing.chart, str):
        yield from ("", f"*{escaped(drawing.chart)}*")
        return
    chart = drawing.chart
    text = parts.make(f"the chart {chart.title!r}", partial(_text, chart), _itself)
    yield from ("", f"**{escaped(chart.title)}**", "")
    if isinstance(text, Omission):
        yield escaped(text.text)
        return
    yield from (f"    {line}".rstrip() for line in text.splitlines())
    yield from ("", f"*{escaped(chart.about)}*")


def _text(chart: Chart) -> str | Omission:
    return text_chart(chart)


def _itself(omission: Omission) -> str | Omission:
    return omission


def _paragraph(paragraph: Paragraph) -> str:
    return f"*{escaped(paragraph.text)}*" if paragraph.quiet else _line_of(paragraph.text)


def _table(table: Table) -> Iterator[str]:
    head = [escaped(column.title) for column in table.columns]
    rows = [[_cell(cell) for cell in row] for row in table.rows]
    widths = [max(3, *(len(row[at]) for row in (head, *rows))) for at in range(len(head))]
    widths = [min(width, PADDED_MAX) for width in widths]
    yield _line(head, widths, table.columns)
    rules = (
        "-" * (width - 1) + (":" if column.numeric else "-")
        for width, column in zip(widths, table.columns, strict=True)
    )
    yield f"| {' | '.join(rules)} |"
    for row in rows:
        yield _line(row, widths, table.columns)


def _cell(cell: Cell) -> str:
    return _MARKS.get(cell.tone, "") + escaped(cell.text)


def _line(cells: list[str], widths: list[int], columns: tuple[Column, ...]) -> str:
    padded = (
        cell.rjust(width) if column.numeric else cell.ljust(width)
        for cell, width, column in zip(cells, widths, columns, strict=True)
    )
    return f"| {' | '.join(padded)} |"
