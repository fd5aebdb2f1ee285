"""A story as lines for a terminal, at most `WIDTH` wide. What came from the wire is escaped here. Pure."""

import textwrap
from collections.abc import Iterator

from battle.analysis.explain.shares import Share
from battle.analysis.explain.story import Story
from battle.formatting import duration_text, seconds_text
from battle.terminal_text import escaped

WIDTH = 110


_WHO_MAX = 24
_BAR = 20
_MARKS = {"good": "✓ ", "bad": "✗ ", "plain": "  ", "around": "· "}


def story_lines(story: Story) -> Iterator[str]:
    """The whole story."""
    yield from _wrapped(f"{story.request_id}: {story.title}", "", "  ")
    yield ""
    yield from _wrapped(f"In short: {story.summary}", "  ", "    ")
    yield from _situation(story)
    yield ""
    yield from _timeline(story)
    if story.shares:
        yield ""
        yield from _shares(story.shares)
    if story.notes:
        yield ""
        for note in story.notes:
            yield from _wrapped(f"Note: {note}", "  ", "    ")


def offset_text(offset_ns: int) -> str:
    """A moment relative to the due time, always in milliseconds: what is compared has one unit."""
    return f"{offset_ns / 1e6:+,.2f} ms"


def _situation(story: Story) -> Iterator[str]:
    virtual = ", simulated time" if story.world == "simulated" else ""
    when = f"at {seconds_text(story.origin_ns)} of the run{virtual}"
    if story.load_began_ns is not None:
        when = f"{seconds_text(story.origin_ns - story.load_began_ns)} after the load began{virtual}"
    began = f"It was scheduled {when}" if story.outcome is not None else f"It first appears in the log {when}"
    if not story.situation:
        yield from _wrapped(f"{began}; {_calm(story)}.", "  ", "    ")
        return
    yield from _wrapped(f"{began}. At that moment", "  ", "    ")
    for line in story.situation:
        yield from _wrapped(f"- {line}", "    ", "      ")


def _calm(story: Story) -> str:
    if story.breakers_known:
        return "no fault was in force, no node down, and no breaker open"
    return "no fault was in force and no node down (whether a breaker was open is not visible)"


def _timeline(story: Story) -> Iterator[str]:
    names = [_short(step.who) for step in story.steps]
    times = [offset_text(step.at_ns - story.origin_ns) for step in story.steps]
    who_width = max(map(len, names), default=0)
    time_width = max(map(len, times), default=0)
    for step, name, time in zip(story.steps, names, times, strict=True):
        head = f"  {time:>{time_width}}  {name:<{who_width}}  "
        yield from _wrapped(_MARKS[step.tone] + step.text, head, " " * (len(head) + 2))


def _short(who: str) -> str:
    name = escaped(who)
    return name if len(name) <= _WHO_MAX else f"{name[: _WHO_MAX - 1]}…"


def _shares(shares: tuple[Share, ...]) -> Iterator[str]:
    total_ns = sum(share.spent_ns for share in shares)
    yield f"  Where the {duration_text(total_ns)} went"
    times = [f"{share.spent_ns / 1e6:,.2f} ms" for share in shares]
    width = max(map(len, times))
    for share, time in zip(shares, times, strict=True):
        ratio = share.spent_ns / total_ns if total_ns else 0.0
        bar = "█" * round(ratio * _BAR)
        head = f"  {time:>{width}}  {_percent(ratio):>5}  {bar:<{_BAR}}  "
        yield from _wrapped(share.what, head, " " * len(head))


def _percent(ratio: float) -> str:
    return "< 1 %" if 0 < ratio < 0.005 else f"{ratio * 100:.0f} %"


def _wrapped(text: str, first: str, rest: str) -> list[str]:
    # The marks and spaces at the begin are ours: textwrap would drop them.
    clean = escaped(text)
    lead = clean[: len(clean) - len(clean.lstrip())]
    return textwrap.wrap(
        clean.lstrip(), WIDTH, initial_indent=first + lead, subsequent_indent=rest, break_on_hyphens=False
    )
