"""A comment on a pull request: why in its first line, a table, details to unfold, within GitHub's limit. Pure.

The comment ends with a marker in an HTML comment, by which it is found again and updated in place.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from battle.analysis.reports.markdown import escaped
from battle.formatting import plural
from battle.notifications.message import Message, RunPart, cut

BODY_CHARS_MAX = 65_000
"""GitHub refuses a body of more than 65,536 characters ("body is too long"); the rest is left for its own use."""

NOTE_CHARS_MAX = 200
"""For the sentence that says how much did not fit."""

TABLE_CHARS_MAX = 30_000
"""Half of the comment; the rest is for details."""

COMMAND_CHARS_MAX = 500

WHY_CHARS_MAX = 1_000
ROWS_SHOWN = 100
CELL_CHARS_MAX = 240
REASON_CHARS_MAX = 2_000
REASONS_SHOWN = 25

_MARKS = {"PASS": "✅", "FAIL": "❌", "INCONCLUSIVE": "❔"}
_MARKER = re.compile(
    r"<!-- battle:comment (?P<name>[\w.-]+) started=(?P<started>\S*) event=(?P<event>\w+) -->"
)

NAME = re.compile(r"[\w.-]{1,60}")
"""What a comment may be called."""


class Marker(NamedTuple):
    """Which comment it is, of which event, and when the newest run of it began."""

    name: str
    started_at: str
    event_id: str

    def __str__(self) -> str:
        return f"<!-- battle:comment {self.name} started={self.started_at} event={self.event_id} -->"


def marker_in(body: str) -> Marker | None:
    """The marker of a comment that was written by `comment_body`; it is the last line."""
    found = _MARKER.fullmatch(body.rstrip().rpartition("\n")[2].strip())
    return None if found is None else Marker(found["name"], found["started"], found["event"])


def comment_body(message: Message, name: str) -> str:
    """The text of the comment, in GitHub's Markdown."""
    marker = Marker(name, message.started_at or "", message.event_id)
    head = "\n".join([*_head(message), *_table(message.runs)])
    tail = "\n".join(["", *_footer(message), str(marker)])
    left = BODY_CHARS_MAX - len(head) - len(tail) - NOTE_CHARS_MAX
    runs = message.troubled or message.runs[:1]
    kept: list[str] = []
    for run in runs:
        detail = _details(run, unfolded=len(message.runs) == 1)
        if len(detail) > left:
            kept.append(f"\n*Details of {plural(len(runs) - len(kept), 'more run')} did not fit.*\n")
            break
        kept.append(detail)
        left -= len(detail)
    return head + "".join(kept) + tail


def _head(message: Message) -> Iterator[str]:
    yield f"**{_MARKS[message.verdict]} {_line(message.first_line, WHY_CHARS_MAX)}**"
    yield ""
    yield f"{_line(message.title, CELL_CHARS_MAX)}"
    for headline in message.other_headlines[:5]:
        yield f"\n{_line(headline, WHY_CHARS_MAX)}"


def _table(runs: Sequence[RunPart]) -> Iterator[str]:
    yield ""
    yield "| scenario | verdict | why |"
    yield "| --- | --- | --- |"
    left = TABLE_CHARS_MAX
    for place, run in enumerate(runs):
        # The name in a cell of its own cannot begin a list or a quote.
        why = run.why if run.verdict != "PASS" or run.moved else ""
        cells = (run.title, f"{_MARKS[run.verdict]} {run.status}", why)
        line = f"| {' | '.join(_line(cell, CELL_CHARS_MAX) for cell in cells)} |"
        left -= len(line)
        if place == ROWS_SHOWN or left < 0:
            yield f"| and {plural(len(runs) - place, 'more run')} | | |"
            break
        yield line
    yield ""


def _details(run: RunPart, *, unfolded: bool) -> str:
    lines = [
        "",
        f"<details{' open' if unfolded and run.verdict != 'PASS' else ''}>",
        f"<summary>{_line(run.title, CELL_CHARS_MAX)}: {_line(run.status, CELL_CHARS_MAX)}</summary>",
        "",
    ]
    lines += _list("Reasons", run.reasons)
    lines += _list("Warnings", run.warnings)
    lines += _list(run.moved_title, run.moved)
    if run.gateway:
        lines += [f"Gateway: {_line(run.gateway, CELL_CHARS_MAX)}", ""]
    if run.reproduce:
        # Indented: nothing in it can end the block.
        lines += ["**Reproduce**", "", *(f"    {_plain(line)}" for line in run.reproduce), ""]
    return "\n".join([*lines, "</details>", ""])


def _list(title: str, texts: Sequence[str]) -> Iterator[str]:
    if not texts:
        return
    yield f"**{_line(title, CELL_CHARS_MAX)}**"
    yield ""
    for number, text in enumerate(texts[:REASONS_SHOWN], 1):
        yield f"{number}. {_line(text, REASON_CHARS_MAX)}"
    if len(texts) > REASONS_SHOWN:
        yield f"{REASONS_SHOWN + 1}. and {len(texts) - REASONS_SHOWN} more"
    yield ""


def _footer(message: Message) -> Iterator[str]:
    if message.link is not None:
        yield f"[Open the results](<{message.link.replace('<', '%3C').replace('>', '%3E')}>)"
        yield ""


def _line(text: str, limit: int) -> str:
    return escaped(cut(text, limit))


def _plain(text: str) -> str:
    return cut(" ".join(text.split()), COMMAND_CHARS_MAX)
