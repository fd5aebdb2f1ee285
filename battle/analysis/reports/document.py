"""What every rendering of a report is made of: sections of sentences and tables, all of it plain text.

Renderers escape; nothing here is markup. Cells can have a tone, so that colour follows meaning.
"""

from typing import Any, Literal, TypeAlias

import msgspec

from battle.analysis.charts.chart import Chart
from battle.analysis.findings import Verdict, verdict_text

Tone: TypeAlias = Literal["plain", "good", "bad", "unsure", "quiet"]


class Cell(msgspec.Struct, frozen=True):
    """One cell of a table."""

    text: str
    tone: Tone = "plain"


class Column(msgspec.Struct, frozen=True):
    """A column's title, and whether it holds numbers."""

    title: str
    numeric: bool = True


class Paragraph(msgspec.Struct, frozen=True):
    """Sentences. A quiet one explains, and is not a result."""

    text: str
    quiet: bool = False


class Code(msgspec.Struct, frozen=True):
    """One line to copy."""

    text: str


class Table(msgspec.Struct, frozen=True):
    """Rows of as many cells as there are columns.

    `stacks`: where there is no room, the last cell of a row stands below the others, because it is a sentence.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    stacks: bool = False


class Drawing(msgspec.Struct, frozen=True):
    """A chart, or why there is nothing to draw. Markdown has only `brief` ones: a text with all would not be read.

    `anchor` is a name for it that no other part of a page has, for links to it.
    """

    chart: Chart | str
    brief: bool = False
    anchor: str | None = None


Block: TypeAlias = Paragraph | Code | Table | Drawing


class Source(msgspec.Struct, frozen=True):
    """A question to the log that a section rests on: its name, its SQL, and what to type to ask it again."""

    name: str
    sql: str
    command: str


class Section(msgspec.Struct, frozen=True):
    """A titled part of a report, and where its numbers come from."""

    title: str
    blocks: tuple[Block, ...]
    sources: tuple[Source, ...] = ()


class Figure(msgspec.Struct, frozen=True):
    """A number that belongs at the top, and what it is."""

    name: str
    text: str


class Document(msgspec.Struct, frozen=True):
    """A report, arranged. `context` says in which world and with what the numbers came about.

    `anchors` are those of the drawings that show the reasons, in the order of these; None or missing: there is none.
    """

    title: str
    verdict: Verdict
    headline: str
    context: tuple[str, ...]
    figures: tuple[Figure, ...]
    reasons: tuple[str, ...]
    sections: tuple[Section, ...]
    warnings: tuple[str, ...] = ()
    anchors: tuple[str | None, ...] = ()
    answer: str | None = None
    """What stands in the verdict's place on a page that is about no single run."""

    @property
    def verdict_text(self) -> str:
        """The verdict with the number of its warnings."""
        return self.answer or verdict_text(self.verdict, len(self.warnings))


def columns(*titles: str) -> tuple[Column, ...]:
    """Columns by their titles; one that begins with `:` holds words, the others numbers."""
    return tuple(Column(title.removeprefix(":"), not title.startswith(":")) for title in titles)


def row(*cells: Cell | str) -> tuple[Cell, ...]:
    """A row; bare text is a plain cell."""
    return tuple(cell if isinstance(cell, Cell) else Cell(cell) for cell in cells)


def no_formula(value: Any) -> Any:
    """A value as a cell of CSV: a spreadsheet would run text that begins like a formula, so that begins with `'`."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


_FORMULA = ("=", "+", "-", "@", "\t", "\r")
