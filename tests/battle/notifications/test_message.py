"""What is said: reasons and numbers of the report and the comparison, and nothing of its own."""

import pytest

from battle.errors import BattleError
from battle.notifications.condition import CONDITIONS, holds, parsed
from battle.notifications.event import batch_id
from battle.notifications.message import message_of, moved_text
from tests.battle.notifications.samples import REASONS, change, comparison, run, subject, suite


def test_a_regression_is_said_with_its_numbers_and_its_interval_first():
    worse = comparison(change(), change("p50", name="p50 latency", verdict="same"))
    one = run("FAIL", comparison=worse, leaked=(("a", 2), ("b", 1)))
    message = message_of([subject(one)])
    assert message.first_line == (
        "FAIL: p95 cost of failovers 1.9 -> 4.2 s [+1.6, +3.0]; 2 attempts to a while it was broken"
    )
    assert message.runs[0].reasons == REASONS
    assert message.runs[0].moved_title == "Moved since main"
    assert message.runs[0].moved == ("p95 cost of failovers 1.9 -> 4.2 s [+1.6, +3.0]: worse",)


def test_without_a_comparison_the_first_reason_is_why():
    message = message_of([subject()])
    assert message.first_line == f"FAIL: {REASONS[0]} (and 1 more reason)"
    assert message.runs[0].moved == ("success_rate 97 % (target ≥ 99 %)",)
    assert message.runs[0].moved_title == "Measured, against the targets"


def test_three_numbers_that_moved_the_worst_first():
    changes = [
        change("a", name="better", verdict="better", change=-0.5),
        change("b", name="a little", change=0.2),
        change("c", name="informs", change=9.0, decides=False),
        change("d", name="same", verdict="same", change=0.9),
        change("e", name="a lot", change=2.0),
    ]
    moved = message_of([subject(run(comparison=comparison(*changes)))]).runs[0].moved
    assert [text.partition(" 1.9")[0] for text in moved] == ["a lot", "a little", "informs"]


def test_what_a_second_run_did_not_confirm_is_not_why():
    one = run("FAIL", comparison=comparison(change(confirmed=False)))
    assert message_of([subject(one)]).why.startswith(REASONS[0])


def test_a_run_that_is_not_worse_than_its_baseline_fails_for_its_reasons():
    one = run("FAIL", comparison=comparison(change(), status="nothing_worse"))
    assert message_of([subject(one)]).why.startswith(REASONS[0])


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"unit": "share", "before": 0.99996, "after": 0.97, "low": -0.04, "high": -0.02},
         "x 99.996 -> 97 % [-4.0, -2.0]"),
        ({"unit": "ns", "before": 20e6, "after": 300e6, "low": 10.0, "high": None},
         "x 20.0 -> 300 ms [+200, no limit]"),
        ({"unit": "count", "before": 0.0, "after": 3.0, "low": None, "high": None}, "x 0 -> 3"),
        ({"unit": "ns", "before": 2e6, "after": None, "low": None, "high": None}, "x 2 ms -> –"),
        ({"unit": "bytes", "before": 1e8, "after": 2e8, "low": 0.9, "high": 1.1}, "x 100 -> 200 MB [+90.0, +110]"),
        ({"unit": "ratio", "before": 1.02, "after": 1.3, "low": 0.1, "high": 0.4}, "x 1.02 -> 1.30 [+0.10, +0.41]"),
    ],
)  # fmt: skip
def test_numbers_have_their_metrics_unit(fields, text):
    assert moved_text(change(name="x", **fields)) == text


def test_of_several_runs_the_worst_is_named():
    message = message_of([suite(run("PASS", name="fine"), run("FAIL", name="bad"), run("FAIL", name="also"))])
    assert message.why == f"bad: {REASONS[0]} (and 1 more reason) (and 1 more run)"
    assert [part.name for part in message.runs] == ["bad", "also", "fine"]


def test_what_passes_again_says_so():
    one = subject(run("PASS"), recovered=True)
    assert message_of([one]).first_line == "PASS: passes again. OK to ship."


def test_how_to_reproduce_is_what_one_types():
    (part,) = message_of([subject(run("FAIL"))]).runs
    assert part.reproduce == (
        "battle run failover.py:night --world simulated --seed 7",
        "battle report 20261201-failover",
        "battle explain 20261201-failover --worst 1",
    )
    unknown = message_of([subject(run("FAIL", command=None))]).runs[0].reproduce[0]
    assert unknown == "battle run SCENARIO --world simulated --seed 7  # SCENARIO: the file of 'Failover'"
    never = run("INCONCLUSIVE", status="not run", run_id=None, command=None)
    assert message_of([suite(never)]).runs[0].reproduce == ()


def test_an_event_has_one_id_whoever_asks():
    assert subject().event_id == subject().event_id
    ids = {
        subject().event_id,
        subject(run("PASS")).event_id,
        subject(run("PASS"), recovered=True).event_id,
        subject(run("PASS", comparison=comparison(change()))).event_id,
        subject(run(run_id="other")).event_id,
        suite(run()).event_id,
    }
    assert len(ids) == 6
    one, two = subject(), subject(run(run_id="other"))
    assert batch_id([one]) == one.event_id
    assert batch_id([one, two]) == batch_id([two, one]) != one.event_id


REGRESSED = subject(run("PASS", comparison=comparison(change())))
RECOVERED = subject(run("PASS"), recovered=True)


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (subject(run("PASS")), {"always"}),
        (subject(run("FAIL")), {"always", "failure"}),
        (subject(run("INCONCLUSIVE")), {"always", "failure"}),
        (REGRESSED, {"always", "regression"}),
        (RECOVERED, {"always", "recovery"}),
        (subject(run("FAIL", comparison=comparison(change()))), {"always", "failure", "regression"}),
    ],
)
def test_conditions(of, expected):
    assert {one for one in CONDITIONS if holds([one], [of])} == expected
    assert holds(["failure", "recovery"], [subject(run("PASS")), of]) == bool(
        expected & {"failure", "recovery"}
    )


def test_events_are_named_by_what_matters_most():
    assert [one.event for one in (subject(), REGRESSED, RECOVERED, subject(run("PASS")))] == [
        "failure",
        "regression",
        "recovery",
        "pass",
    ]


def test_conditions_are_words_with_or_without_commas():
    assert parsed(["failure,recovery", "always"]) == ("failure", "always", "recovery")
    with pytest.raises(BattleError, match="no condition 'sometimes': it is one of failure, always"):
        parsed(["sometimes"])
