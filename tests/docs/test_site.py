"""The site: every page is in its navigation, it asks no other host, and the API reference leaves nothing out."""

import re
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import yaml

import battle
from tests.docs.pages import DOCS, ROOT
from tools.docs.site import on_page_markdown, on_post_page

pytestmark = [pytest.mark.whole, pytest.mark.thorough]

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
    """What a page loads, the build checks as well (`tools/docs/site.py`)."""
    assert CONFIG["theme"]["font"] is False
    assert "extra_javascript" not in CONFIG
    assert "analytics" not in CONFIG["extra"]
    assert re.findall(r"https?:|@import|url\(", (DOCS / "assets" / "site.css").read_text()) == []
    for page in DOCS.rglob("*.md"):
        assert re.findall(r"!\[[^]]*\]\(https?:|<(?:img|script|link)\b", page.read_text()) == [], page


def test_every_public_name_is_in_the_api_reference_once():
    names = re.findall(r"^::: battle\.(\w+)$", (DOCS / "api.md").read_text(), re.MULTILINE)
    assert sorted(names) == sorted(battle.__all__)


def test_what_other_readers_of_a_page_need_is_left_out():
    assert on_page_markdown("```text explain smoke w0-1\nw0-1: ...\n```\n") == "```text\nw0-1: ...\n```\n"
    contents = "".join(f"- [Part {number}](#part-{number})\n" for number in range(4))
    assert on_page_markdown(f"# Long\n\n{contents}\n## Part 0\n") == "# Long\n\n\n## Part 0\n"
    links = "\n- [One](#one)\n- [Two](two.md)\n- [Three](three.md)\n- [Four](#four)\n"
    assert on_page_markdown(links) == links


@pytest.mark.parametrize(
    "tag", ['<script src="https://example.com/a.js">', "<img alt=x src=//example.com/a.png>"]
)
def test_a_page_that_loads_from_another_host_is_not_built(tag):
    page = SimpleNamespace(file=SimpleNamespace(src_uri="index.md"))
    ours = '<a href="https://example.com/">a link</a><script src="assets/a.js"></script>'
    assert on_post_page(ours, page=page) == ours
    with pytest.raises(SystemExit, match="another host"):
        on_post_page(f"{ours}{tag}", page=page)
