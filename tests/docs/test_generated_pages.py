"""The generated pages are what the code says now; after a change of the code, `make docs` makes them anew."""

import pytest

from tests.docs.pages import DOCS
from tools import docs


@pytest.mark.parametrize("page", docs.PAGES)
def test_a_generated_page_is_up_to_date(page):
    assert (DOCS / page).read_text() == docs.PAGES[page](), f"docs/{page} is out of date: run `make docs`"


def test_a_views_header_gives_prose_and_columns():
    sql = "-- Who?\n--\n-- Prose of some\n-- lines.\n--\n-- a, b\n-- took_ns from here\n--         to there\nCREATE"
    prose, meanings = docs.read_header(sql, {"a", "b", "took_ns"})
    assert prose == ["Who?", "", "Prose of some", "lines.", ""]
    assert meanings == {"a": "", "b": "", "took_ns": "from here to there"}


def test_a_reference_page_holds_every_struct_and_word():
    text = docs.scenario_page()
    for name in (
        "Scenario",
        "MockProvider",
        "LogNormal",
        "Breaker",
        "UrlGateway",
        "HttpPoisson",
        "Degrade",
        "Slo",
    ):
        assert f"## {name}\n" in text
    for name in ("Duration", "FailureKind", "Latency", "Strategy"):
        assert f"**{name}** = " in text
    assert "| `timeout` | `Duration` | 10 s | Counted from the moment a request was due. |" in text
