"""Every query that a page shows with an answer is answered as the page prints it, to the byte."""

import re

import pytest

from tests.docs.pages import PAGES, blocks, name_of
from tools import docs

pytestmark = [pytest.mark.whole, pytest.mark.thorough]

SHOWN = [(page, recipe) for page in docs.ANSWERED for recipe in docs.recipes(page.read_text())]
IDS = [f"{name_of(page)}-{number}" for number, (page, _) in enumerate(SHOWN)]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The simulated runs that the pages ask, by the scenario's name."""
    return {name: docs.make_run(name, tmp_path_factory.mktemp(name)) for name in docs.RUNS}


@pytest.mark.parametrize(("page", "recipe"), SHOWN, ids=IDS)
def test_a_query_answers_as_the_page_shows(runs, page, recipe):
    # The runs are simulated: no machine and no directory changes a number of theirs.
    shown = docs.answer(runs[recipe.run], recipe.sql)
    assert shown == recipe.answer, f"{page.name} is out of date: run `make pages`"


def test_only_the_question_for_wrong_answers_has_no_rows():
    assert [recipe.sql for _, recipe in SHOWN if not _has_rows(recipe.answer)] == [
        recipe.sql for _, recipe in SHOWN if "'wrong', 'stale'" in recipe.sql
    ]


def test_every_sql_block_is_shown_with_an_answer():
    written = sum(len(blocks(page, "sql(?: \\w+)?")) for page in PAGES)
    assert written == len(SHOWN) > 20


def test_answers_are_put_in_place(runs):
    page = "```sql\nSELECT 1 AS one\n```\n\n```text\nold\n```\n"
    assert docs.answered(page, runs) == page.replace("old\n", "one\n---\n  1\n(1 row)\n")


def _has_rows(answer: str) -> bool:
    last = answer.splitlines()[-1]
    assert re.fullmatch(r"\(\d+ rows?\)", last), last
    return last != "(0 rows)"
