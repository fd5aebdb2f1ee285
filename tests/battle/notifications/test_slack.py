"""A message for Slack: within its limits, whatever the run has to say."""

import msgspec
import pytest

from battle.notifications.message import message_of
from battle.notifications.slack import payload
from tests.battle.notifications.samples import REASONS, change, comparison, run, subject, suite
from tests.battle.notifications.services import block_problem


def sent(*subjects, link=None):
    return msgspec.json.decode(payload(message_of(subjects, link)))


def texts(message):
    blocks = [block.get("text", {"text": "---"}) for block in message["blocks"][:-1]]
    return [*(block["text"] for block in blocks), message["blocks"][-1]["elements"][0]["text"]]


def test_a_failed_run_as_slack_shows_it():
    one = run(comparison=comparison(change()))
    message = sent(subject(one), link="https://ci.example.org/run/1?a=b&c=d")
    assert block_problem(message) is None
    assert texts(message) == [
        "FAIL: failover.py:night, simulated world, seed 7",
        ":x: p95 cost of failovers 1.9 -&gt; 4.2 s [+1.6, +3.0]",
        f"*Why*\n• {REASONS[0]}\n• {REASONS[1]}",
        "*Moved since main*\n• p95 cost of failovers 1.9 -&gt; 4.2 s [+1.6, +3.0]: worse",
        "*Reproduce*\n```battle run failover.py:night --world simulated --seed 7\n"
        "battle report 20261201-failover\nbattle explain 20261201-failover --worst 1```",
        "<https://ci.example.org/run/1?a=b&amp;c=d|Open the results>  ·  20261201-failover",
    ]
    assert message["text"].startswith("failover.py:night, simulated world, seed 7: FAIL: p95 cost")


def test_nothing_in_a_text_mentions_a_channel_or_makes_a_link():
    hostile = "<!channel> & <https://evil.example|click> ```"
    one = run("FAIL", reasons=(hostile,), name=hostile, comparison=comparison(change(name=hostile)))
    message = sent(subject(one), link="https://ci.example.org/a|b>c")
    whole = msgspec.json.encode(message["blocks"][1:]).decode()
    assert "<!" not in whole
    assert "<https://evil" not in whole
    assert whole.count("```") - whole.count("&gt; ```") == 2
    assert "<https://ci.example.org/a%7Cb&gt;c|Open the results>" in whole


@pytest.mark.parametrize("runs", [1, 2, 30, 500])
@pytest.mark.parametrize("length", [10, 900, 20_000])
def test_slacks_limits_are_kept(runs, length):
    long = tuple(f"{number} <{'x' * length}>" for number in range(40))
    many = [
        run(
            "FAIL",
            name=f"{'n' * length}{number}",
            reasons=long,
            warnings=long,
            run_id=f"{number}{'r' * length}",
        )
        for number in range(runs)
    ]
    message = sent(suite(*many, title="t" * length, headline="h" * length))
    assert block_problem(message) is None
    assert len(message["text"]) <= 3_000


def test_a_long_list_says_how_many_more():
    reasons = tuple(f"reason {number}" for number in range(14))
    assert texts(sent(subject(run(reasons=reasons))))[2].endswith("• reason 9\nand 4 more")


def test_runs_that_passed_are_lines():
    many = [run("FAIL", name="bad"), *(run("PASS", name=f"good{number}") for number in range(30))]
    lines = texts(sent(suite(*many)))
    rows = next(text for text in lines if "good0" in text).splitlines()
    assert rows[0] == ":white_check_mark: good0, simulated world, seed 7: PASS"
    assert rows[-1] == "and 10 more runs"


def test_the_headline_of_a_suite_that_passed_is_shown_too():
    said = "all of 1 run passed, in 1 s; 2 scenarios were left out, because they have no tag fast: a, b"
    shown = texts(sent(suite(run("PASS"), verdict="PASS", headline=said)))
    assert shown[2] == said
