"""Users read the field's words: no private ones in messages, reports, charts, help, templates and pages."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BANNED = {
    r"dearest": "slowest, or most expensive",
    r"befall\w*": "affects",
    r"anew": "again; 'made anew' is regenerated",
    r"in vain": "wasted",
    r"lies|lie|lay": "is",
    r"by itself|by themselves": "on its own, or separately",
    r"lets? \w* ?through|let \w* through": "allows",
    r"demand\w*": "SLO, or target",
    r"tells?|told": "reports, shows, says",
    r"a word with": "a name it",
    r"(cannot|can|to) be had": "available, or in use",
    r"the begin|its begin": "start",
    r"last words": "last output",
    r"nothing of it": "does not show it",
    r"nobody knows": "it is unknown",
    r"nobody meant": "unplanned",
    r"ended ok|end ok|ended badly": "succeeded, failed",
    r"[Ss]hip it": "OK to ship",
    r"cannot tell": "no verdict",
    r"hold together": "joint confidence level",
    r"passed over|passes \w+ over": "skipped",
    r"turned away": "refused",
    r"came singly": "assuming independent failures",
    r"when nothing is said": "by default",
    r"(?<!by )[cC]hances?": "random, randomness; 'by chance' is plain English",
    r"seams?": "interface",
    r"untold": "undecided",
    r"is there \d+ times|names must differ": "is defined more than once",
    r"[Nn]ot drawn": "omitted",
}
"""A pattern that no sentence for users may contain, to what is written instead."""

PATTERN = re.compile("|".join(rf"\b(?:{words})\b" for words in BANNED))

ALLOWED = {
    "ended ok, answer right": "what SQL of the cookbook gives: the names of an outcome and an answer in the log",
    "objective, threshold, demand": "the glossary's column of words that are not used",
    "it ended by itself, with exit status 0": "stands in the event log (actor_lifecycle), which stays as it is",
    "subscriptions are not to be had here": "on the wire, and in the event log",
    "the injector `tell`": "a mailbox's method, as actors have it",
}
"""Parts of sentences that may contain a banned word, each to the reason."""

SOURCES = sorted(
    path
    for folder in ("battle", "actors", "store")
    for path in (ROOT / folder).rglob("*.py")
    if not any(parent.is_symlink() for parent in path.parents)
)
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TEMPLATES = sorted((ROOT / "battle").rglob("*.j2"))


def sentences(source: str) -> Iterator[tuple[int, str]]:
    """The line and text of each string with a space in it, a number for each value that is put in.

    Docstrings are left out: those for users are on the pages.
    """
    tree = ast.parse(source)
    seen = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            seen.update(map(id, node.values))
            parts = (part.value if isinstance(part, ast.Constant) else "1" for part in node.values)
            yield node.lineno, "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and id(node) not in seen and " " in str(node.value).strip():
            yield node.lineno, str(node.value)


def found(text: str) -> list[str]:
    """The banned words in a text, each with what is around it."""
    for allowed in ALLOWED:
        text = text.replace(allowed, "")
    return [
        f"{match[0]!r} in {text[max(0, match.start() - 30) : match.end() + 30]!r}"
        for match in PATTERN.finditer(text)
    ]


def test_messages_use_plain_words() -> None:
    hits = [
        f"{path.relative_to(ROOT)}:{line}: {hit}"
        for path in SOURCES
        for line, text in sentences(path.read_text())
        for hit in found(text)
    ]
    assert not hits, "\n".join(hits)


@pytest.mark.parametrize("path", [*PAGES, *TEMPLATES], ids=lambda path: path.name)
def test_pages_and_templates_use_plain_words(path: Path) -> None:
    hits = [
        f"{number}: {hit}"
        for number, line in enumerate(path.read_text().splitlines(), 1)
        for hit in found(line)
    ]
    assert not hits, "\n".join(hits)


PRIVATE = {
    r"[Gg]uards?|guarded": "circuit breaker, reaper; a test covers",
    r"hubs?|Hub|[Ii]nquir(?:y|ies)|Pursuit|Caller": "subscription manager, proxied request, request, dispatcher",
    r"fill_words|ws_words|Carried": "codec, upstream subscription",
    r"WaitingRoom|blameless": "probe queue, neutral",
    r"sights?|Seer|Fate": "chain view, response plan",
    r"[Tt]old|[Tt]ells?|[Tt]elling|[Tt]ellers?|[Uu]ntold": "reports, logs, says, shows; distinguishes",
    r"[Ff]alsehoods?": "corruption",
    r"Question|Ask|ledger|forsak\w*|_suffer": "call source, request tracker, abandon, apply_faults",
    r"[Ii]mpos(?:e|es|ed|ing)|[Cc]onductor|[Ww]itness\w*": "apply and revert, injector, confirm",
    r"_?heirs?|hand_over": "upgrade target",
    r"seams?|[Cc]hances?|trial": "interface, random, dry run",
    r"doubt\w*|excus\w*|demand(?!ing)\w*": "attribution, target",
    r"bad_stretch\w*|story_tellers?": "degraded periods, log coverage",
    r"external|wrong_values": "foreign program, validation",
    r"anew|befall\w*|dearest|in vain": "again, affects, slowest, wasted",
}
"""Whole words that the project once had for things for which the field has others, to those: see docs/glossary.md.

An underscore ends a word, as in `_told` and `gateway_tells`.
"""

PRIVATE_PATTERN = re.compile("|".join(rf"(?<![a-zA-Z])(?:{words})(?![a-zA-Z])" for words in PRIVATE))

NAMES = {"asking", "comparing", "gathering", "imposing", "judging", "question", "taking", "telling", "trial"}
"""No module, class, function, argument or variable has one of these names. In prose they are plain words."""

PRIVATE_ALLOWED = {
    r"\bby chance\b": "statistics, in plain English",
    r"\btell(?=\()|`tell`|tell_nowait": "a mailbox's method, as actors have it; and a file's",
    r"told_height": "a column of the view height_regressions",
    r"gateway_tells": "a field of report.json",
    r"\bAsk (?=[a-z\d`])|\bAsk it\b": "a sentence that begins with the verb",
    r"name=\"doubts\"|`doubts`": "the name of a field in baselines that users have kept",
    r"enable_external_access": "DuckDB's setting",
    r"nemesis, conductor|objective, threshold, demand": "the glossary's column of words that are not used",
}
"""Patterns of what may stand although it has a private word in it, each to the reason."""

CODE = [
    *SOURCES,
    *sorted((ROOT / "store" / "queries").rglob("*.sql")),
    *sorted((ROOT / "scenarios").glob("*.py")),
    *PAGES,
]


def private(text: str) -> set[str]:
    """The private words in a text."""
    for allowed in PRIVATE_ALLOWED:
        text = re.sub(allowed, "", text)
    return {match[0] for match in PRIVATE_PATTERN.finditer(text)}


def defined(source: str) -> Iterator[str]:
    """The names that a module gives to classes, functions, arguments and variables, without leading underscores."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name.lstrip("_")
            case (
                ast.arg(arg=name)
                | ast.Name(id=name, ctx=ast.Store())
                | ast.Attribute(attr=name, ctx=ast.Store())
            ):
                yield name.lstrip("_")


@pytest.mark.parametrize("folder", ["actors", "battle", "store", "scenarios", "docs", "README.md"])
def test_code_and_pages_use_the_words_of_the_field(folder: str) -> None:
    """Identifiers, docstrings and comments."""
    files = [path for path in CODE if path.relative_to(ROOT).parts[0] == folder]
    assert files
    hits = [
        f"{path.relative_to(ROOT)}: {word}" for path in files for word in sorted(private(path.read_text()))
    ]
    assert not hits, "\n".join(hits)


def test_names_are_of_things() -> None:
    hits = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in CODE
        if path.suffix == ".py"
        for name in sorted(
            NAMES & {*path.relative_to(ROOT).with_suffix("").parts, *defined(path.read_text())}
        )
    ]
    assert not hits, "\n".join(hits)
