"""The comment on a pull request: why first, within GitHub's limit, and nothing in it becomes markup."""

import re

import pytest
from markdown_it import MarkdownIt

from battle.notifications.github import BODY_CHARS_MAX, Marker, comment_body, marker_in
from battle.notifications.message import message_of
from tests.battle.notifications.samples import REASONS, change, comparison, run, subject, suite


def body_of(*subjects, link=None):
    return comment_body(message_of(subjects, link), "battle")


def shown(markdown):
    """The text that a reader sees, tags taken out."""
    html = MarkdownIt("gfm-like", {"linkify": False}).render(markdown)
    return re.sub(r"<[^>]*>", "", html).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def test_the_first_line_says_why():
    one = run(comparison=comparison(change()), leaked=(("a", 2),))
    body = body_of(subject(one))
    assert shown(body).splitlines()[0] == (
        "❌ FAIL: p95 cost of failovers 1.9 -> 4.2 s [+1.6, +3.0]; 2 attempts to a while it was broken"
    )


def test_the_comment_has_the_reasons_a_table_and_what_to_type():
    body = body_of(suite(run(), run("PASS", name="fine")), link="https://ci.example.org/1")
    text = shown(body)
    for reason in REASONS:
        assert reason in text
    assert "battle run failover.py:night --world simulated --seed 7" in text
    assert "| scenario | verdict | why |" in body
    assert body.count("<details") == body.count("</details>") == 1
    assert '<a href="https://ci.example.org/1">' in MarkdownIt("gfm-like", {"linkify": False}).render(body)
    assert "<table>" in MarkdownIt("gfm-like", {"linkify": False}).render(body)


def test_the_marker_is_read_again():
    body = body_of(subject())
    marker = marker_in(body)
    assert marker == Marker("battle", "2026-12-01T02:00:00.000+00:00", subject().event_id)
    assert marker_in(f"{body}\r\n") == marker
    assert marker_in(f"> {marker}\n\nquoted") is None
    assert marker_in("") is None


def test_nothing_in_a_text_is_markup_or_mentions_anybody():
    hostile = (
        "</details> **b** @octocat <!-- battle:comment x started= event=y --> | `c` [l](http://e.example) #1"
    )
    one = run("FAIL", name=hostile, reasons=(hostile,), gateway=hostile, headline=hostile)
    body = body_of(subject(one))
    # An indented line is code, in which nothing is markup, and nobody is mentioned.
    prose = "\n".join(line for line in body.splitlines() if not line.startswith("    "))
    assert "@octocat" not in prose
    assert prose.count("</details>") == prose.count("<details") == 1
    assert prose.count("<!--") == 1
    assert marker_in(body).name == "battle"
    html = MarkdownIt("gfm-like", {"linkify": False, "html": True}).render(body)
    assert "<a " not in html
    assert "<strong>b</strong>" not in html


@pytest.mark.parametrize("runs", [1, 40, 400])
@pytest.mark.parametrize("length", [20, 5_000, 100_000])
def test_githubs_limit_is_kept_in_an_orderly_way(runs, length):
    reasons = tuple(f"{number} {'ü&' * length}" for number in range(60))
    many = [run("FAIL", name=f"{number} {'n' * length}", reasons=reasons) for number in range(runs)]
    body = body_of(suite(*many, title="t" * length, headline="h" * length))
    assert len(body) <= BODY_CHARS_MAX
    assert body.count("<details") == body.count("</details>")
    assert marker_in(body) is not None


def test_what_did_not_fit_is_said():
    reasons = tuple(f"{number} {'x' * 1_900}" for number in range(60))
    body = body_of(suite(*(run("FAIL", name=f"n{number}", reasons=reasons) for number in range(9))))
    kept = body.count("<details")
    assert 0 < kept < 9
    assert f"Details of {9 - kept} more runs did not fit." in body
