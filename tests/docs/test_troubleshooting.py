"""The page on INCONCLUSIVE explains every checker; it and the page on CI quote what Battle says."""

import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest

from battle.analysis.verdict.registry import CHECKERS
from tests.docs.pages import DOCS, ROOT

pytestmark = pytest.mark.whole

TEXT = (DOCS / "troubleshooting.md").read_text()
CI = (DOCS / "ci.md").read_text().partition("\n## When it does not work\n")[2]
GAP = "…"
ROWS = re.findall(r"^\| (.+?) \| .+ \| .+ \|$", TEXT, re.MULTILINE)
CI_ROWS = re.findall(r"^\| (`.+?) \| .+ \| .+ \|$", CI, re.MULTILINE)
QUOTES = [quote for row in [*ROWS, *CI_ROWS] for quote in re.findall(r"`([^`]+)`", row)]


@pytest.mark.parametrize("name", [checker.__name__ for checker in CHECKERS])
def test_every_checker_has_a_heading(name):
    assert f"\n### {name}\n" in TEXT


def test_it_has_no_heading_of_a_checker_that_is_gone():
    headings = re.findall(r"^### ([a-z_]+)$", TEXT, re.MULTILINE)
    assert sorted(headings) == sorted(checker.__name__ for checker in CHECKERS)


@cache
def _said() -> str:
    """All texts in the code but its docstrings, with a gap wherever a value is put in."""
    texts = []
    for path in (ROOT / "battle").rglob("*.py"):
        texts += _texts(ast.parse(path.read_text()))
    return "\n".join(texts)


def _texts(tree: ast.AST) -> Iterator[str]:
    prose = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if node in prose:
            continue
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else GAP for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@pytest.mark.parametrize("quote", QUOTES)
def test_what_it_quotes_is_said(quote):
    unsaid = [part for part in quote.split(GAP) if part.strip() not in _said()]
    assert unsaid == []


def test_they_quote_something():
    assert len(QUOTES) > 50
    assert len(CI_ROWS) >= 15, "the page on CI explains fifteen problems"
