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
    r"all chance": "random seed",
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


PRIVATE = (
    "bad_stretch\\w*|blameless|conductor|demand(?!ing)\\w*|doubt\\w*|excus\\w*|falsehoods?|forsak\\w*|guards?|hand_over|"
    "impos(?:e|es|ed|ing)|_?heir|inquiry|ledger|Pursuit|seam|Seer|story_tellers?|_suffer|WaitingRoom|witness|wrong_values"
)
"""Names that the code once had for things for which the field has others: docs/glossary.md says which."""

CODE = [
    *SOURCES,
    *sorted((ROOT / "store" / "queries").rglob("*.sql")),
    *sorted((ROOT / "scenarios").glob("*.py")),
]

PRIVATE_ALLOWED = {"battle/analysis/baselines/snapshot.py": "doubts"}
"""A file to the word that stands in it: here, the name of a field in baselines that users have kept."""


@pytest.mark.parametrize("folder", ["actors", "battle", "store", "scenarios"])
def test_code_uses_the_words_of_the_field(folder: str) -> None:
    """Identifiers, docstrings and comments."""
    hits = []
    for path in CODE:
        name = str(path.relative_to(ROOT))
        if name.startswith(f"{folder}/"):
            words = set(re.findall(rf"(?<![a-zA-Z])(?:{PRIVATE})(?![a-zA-Z])", path.read_text()))
            hits += [f"{name}: {word}" for word in words if PRIVATE_ALLOWED.get(name) != word]
    assert not hits, "\n".join(hits)
