"""The site: every page is in its navigation, it asks no other host, and the API reference leaves nothing out."""

import re
from collections.abc import Iterator

import yaml

import battle
from tests.docs.pages import DOCS, ROOT

CONFIG = yaml.safe_load((ROOT / "mkdocs.yml").read_text())


def _places(entries: object) -> Iterator[str]:
    if isinstance(entries, str):
        yield entries
    elif isinstance(entries, dict):
        for below in entries.values():
            yield from _places(below)
    elif isinstance(entries, list):
        for entry in entries:
            yield from _places(entry)


def test_each_page_is_in_the_navigation_once():
    pages = sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md"))
    assert sorted(_places(CONFIG["nav"])) == pages


def test_the_navigation_has_the_four_kinds():
    titles = [next(iter(entry)) for entry in CONFIG["nav"]]
    assert titles == ["Home", "Tutorials", "How-to", "Reference", "Explanation"]


def test_a_reader_needs_no_other_host():
    """The strict build would not notice."""
    assert CONFIG["theme"]["font"] is False
    assert "extra_javascript" not in CONFIG
    assert "analytics" not in CONFIG["extra"]
    assert re.findall(r"https?:|@import|url\(", (DOCS / "assets" / "site.css").read_text()) == []
    for page in DOCS.rglob("*.md"):
        assert re.findall(r"!\[[^]]*\]\(https?:|<(?:img|script|link)\b", page.read_text()) == [], page


def test_every_public_name_is_in_the_api_reference_once():
    names = re.findall(r"^::: battle\.(\w+)$", (DOCS / "api.md").read_text(), re.MULTILINE)
    assert sorted(names) == sorted(battle.__all__)
