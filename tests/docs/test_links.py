"""Links lead somewhere, programs that are named exist, and no page gives away where it was written."""

import re

import pytest

from tests.docs.pages import DOCS, PAGES, ROOT, name_of

each_page = pytest.mark.parametrize("page", PAGES, ids=name_of)


@each_page
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https://)([^)\s]+)\)", page.read_text()):
        place, _, anchor = target.partition("#")
        found = (page.parent / place).resolve() if place else page
        assert found.exists(), f"{name_of(page)} links to {target}"
        if anchor:
            assert anchor in _anchors(found.read_text()), f"{name_of(page)} links to {target}"


def _anchors(text):
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_page
def test_files_that_are_named_exist(page):
    for path in re.findall(
        r"(?:actors|battle|store|scenarios|tests|tools)/[\w/]+\.(?:py|sql|json|toml)", page.read_text()
    ):
        assert (ROOT / path).exists(), f"{name_of(page)} names {path}"


@each_page
def test_no_page_knows_a_machine(page):
    assert re.findall(r"(?<![\w.])/(?:home|root|work|tmp|usr|Users)/", page.read_text()) == []


def test_each_benchmark_is_in_the_performance_page():
    text = (DOCS / "performance.md").read_text()
    assert [path.name for path in (ROOT / "tools" / "bench").glob("*.py") if path.name not in text] == []


def test_decisions_are_numbered_without_gaps_and_are_in_the_index():
    pages = sorted((DOCS / "decisions").glob("[0-9]*.md"))
    titles = [page.read_text().splitlines()[0].removeprefix("# ") for page in pages]
    assert [title[:6] for title in titles] == [f"{number:04}: " for number in range(1, len(pages) + 1)]
    rows = re.findall(
        r"^\| \[(\d+)\]\((\S+)\) \| (.*?) \| .+? \| .+? \|$",
        (DOCS / "decisions" / "index.md").read_text(),
        re.MULTILINE,
    )
    assert rows == [(title[:4], page.name, title[6:]) for title, page in zip(titles, pages, strict=True)]
