"""A message for a Slack channel: Block Kit, within Slack's limits. Pure.

The limits are those of Slack's reference: 50 blocks, 3,000 characters of a section's text, 150 of a header's, 10
fields of a section. Beyond about 13,000 characters in all Slack refuses a message with `msg_blocks_too_long`, which
its reference does not say. Slack's `&`, `<` and `>` are escaped: no text can mention a channel or make a link.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from battle.analysis.findings import Verdict
from battle.formatting import plural
from battle.notifications.message import Message, RunPart, cut

BLOCKS_MAX = 50
SECTION_CHARS_MAX = 3_000
HEADER_CHARS_MAX = 150

TOTAL_CHARS_MAX = 12_000
"""Of all texts of a message."""

REASON_CHARS_MAX = 1_000
"""Of one reason. Those of Battle's own are shorter; a checker of a user's may have more to say."""

HEADLINES_SHOWN = 5
"""Of suites that passed: how many runs that is, and which scenarios were left out."""

RUNS_SHOWN = 5
"""Runs with details; the others are lines in a list."""

ROWS_SHOWN = 20

REASONS_SHOWN = 10

_MARKS: dict[Verdict, str] = {
    "PASS": ":white_check_mark:",
    "FAIL": ":x:",
    "INCONCLUSIVE": ":grey_question:",
}


def payload(message: Message) -> bytes:
    """The JSON body for an incoming webhook."""
    return msgspec.json.encode({
        "text": cut(_escaped(f"{message.title}: {message.first_line}"), SECTION_CHARS_MAX),
        "blocks": _bounded(list(_blocks(message))),
    })  # fmt: skip


def _blocks(message: Message) -> Iterator[dict[str, Any]]:
    head = f"{message.verdict_text}: {message.title}"
    yield {
        "type": "header",
        "text": {"type": "plain_text", "text": cut(head, HEADER_CHARS_MAX), "emoji": False},
    }
    yield _section(f"{_MARKS[message.verdict]} {_escaped(message.why)}")
    if message.verdict == "PASS":
        for headline in message.other_headlines[:HEADLINES_SHOWN]:
            yield _section(_escaped(headline))
    shown = message.troubled[:RUNS_SHOWN]
    for run in shown:
        yield from _run_blocks(run, alone=len(message.runs) == 1)
    rows = [run for run in message.runs if run not in shown]
    if rows:
        yield _section("\n".join(_rows(rows)))
    if not shown and len(message.runs) == 1:
        yield from _reproduce(message.runs[0])
    yield {"type": "context", "elements": [_text(_footer(message))]}


def _run_blocks(run: RunPart, *, alone: bool) -> Iterator[dict[str, Any]]:
    if not alone:
        yield {"type": "divider"}
        yield _section(f"{_MARKS[run.verdict]} *{_escaped(run.title)}*")
    reasons = [*run.reasons, *(f"warning: {warning}" for warning in run.warnings)]
    yield from _list("Why", reasons[:REASONS_SHOWN], len(reasons) - REASONS_SHOWN)
    yield from _list(run.moved_title, run.moved, 0)
    yield from _reproduce(run)


def _list(title: str, texts: Sequence[str], more: int) -> Iterator[dict[str, Any]]:
    """A titled list, in as many sections as it takes."""
    if not texts:
        return
    lines = [f"• {cut(_escaped(text), REASON_CHARS_MAX)}" for text in texts]
    if more > 0:
        lines.append(f"and {more} more")
    chunk = f"*{_escaped(title)}*"
    for line in lines:
        if len(chunk) + 1 + len(line) > SECTION_CHARS_MAX:
            yield _section(chunk)
            chunk = line
        else:
            chunk += f"\n{line}"
    yield _section(chunk)


def _reproduce(run: RunPart) -> Iterator[dict[str, Any]]:
    if run.reproduce:
        # A back-quote would end the block.
        lines = "\n".join(run.reproduce).replace("`", "'")
        yield _section(f"*Reproduce*\n```{cut(_escaped(lines), SECTION_CHARS_MAX - 50)}```")


def _rows(runs: Sequence[RunPart]) -> Iterator[str]:
    for run in runs[:ROWS_SHOWN]:
        yield f"{_MARKS[run.verdict]} {cut(_escaped(f'{run.title}: {run.status}'), 130)}"
    if len(runs) > ROWS_SHOWN:
        yield f"and {plural(len(runs) - ROWS_SHOWN, 'more run')}"


def _footer(message: Message) -> str:
    ids = [run.run_id for run in message.runs if run.run_id is not None]
    run_ids = ", ".join(ids[:3]) + (f" and {plural(len(ids) - 3, 'more run')}" if len(ids) > 3 else "")
    # A stroke would end the address, and begin the text of the link.
    link = (
        [] if message.link is None else [f"<{_escaped(message.link).replace('|', '%7C')}|Open the results>"]
    )
    return cut("  ·  ".join([*link, _escaped(run_ids)] if run_ids else link) or "Battle", SECTION_CHARS_MAX)


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _text(text)}


def _text(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": cut(text, SECTION_CHARS_MAX), "verbatim": True}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _bounded(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """As many of the blocks as Slack takes; the last one, the footer, is always among them."""
    *body, footer = blocks
    kept: list[dict[str, Any]] = []
    left = TOTAL_CHARS_MAX - _size(footer) - 100
    for block in body:
        if len(kept) + 2 >= BLOCKS_MAX or _size(block) > left:
            kept.append(_section("The rest did not fit into a message."))
            break
        kept.append(block)
        left -= _size(block)
    return [*kept, footer]


def _size(block: dict[str, Any]) -> int:
    return len(msgspec.json.encode(block).decode())
