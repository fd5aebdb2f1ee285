"""What a comparison says about its numbers: no digits that tell nothing, and a count that agrees with the table."""

import math
import re
from typing import Any

import pytest

from battle.analysis.baselines.evidence import relative
from battle.analysis.baselines.headline import headline
from battle.analysis.reports.comparison import Answer, Change
from battle.analysis.reports.comparison_text import interval_text, seen_from_text, visible_text


def change(verdict: Answer = "same", **values: Any) -> Change:
    fields: dict[str, Any] = {
        "metric": "p95_latency_ns",
        "workload": "main",
        "name": "p95 latency of main",
        "unit": "ns",
        "before": 50e6,
        "after": 50e6,
        "change": 0.0,
        "low": -0.1,
        "high": 0.1,
        "visible": 0.1,
        "verdict": verdict,
        "decides": True,
        "method": "",
    }
    return Change(**{**fields, **values})


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-0.1, 0.1, "-10 % to +10 %"),
        (-0.9999, 9506.37, "-100 % to over +1,000 %"),
        (0.15, 9506.37, "+15 % to over +1,000 %"),
        (95.0, 105.0, "+9,500 % to +10,500 %"),
        (-0.5, 10.0, "-50 % to +1,000 %"),
        (-0.5, None, "-50 % to no limit"),
        (None, None, ""),
    ],
)
def test_an_interval_has_no_digits_that_tell_nothing(
    low: float | None, high: float | None, expected: str
) -> None:
    assert interval_text(change(low=low, high=high)) == expected


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        (0.1, "10 %"),
        (10.0, "1,000 %"),
        (6439.87, "too noisy"),
        (math.inf, "too noisy"),
        (None, "–"),
    ],
)
def test_what_cannot_be_seen_is_said_in_words(visible: float | None, expected: str) -> None:
    assert seen_from_text(visible, "ns") == visible_text(change(visible=visible)) == expected


def test_a_reach_that_no_float_holds_is_infinite() -> None:
    assert relative(0.0) == 0
    assert relative(math.log(2)) == pytest.approx(1)
    assert relative(10_000.0) == math.inf


def test_the_headline_counts_every_row_of_the_table() -> None:
    rows = [
        *(change() for _ in range(9)),
        *(change(decides=False) for _ in range(3)),
        change("not_enough_data"),
        change("not_enough_data", decides=False),
        change("worse", decides=False),
    ]
    said = headline("nothing_worse", rows, "base", 0.1)
    assert said == ("Not worse than base: 12 metrics the same; 2 undecided; 1 informational metric changed.")
    assert sum(int(number) for number in re.findall(r"\d+", said)) == len(rows)


def test_what_got_better_is_named_and_the_others_counted() -> None:
    gain = change("better", after=25e6, change=-0.5, low=-0.6, high=-0.4)
    rows = [gain, change(), change(decides=False), *(change("better", decides=False) for _ in range(2))]
    assert headline("nothing_worse", rows, "base", 0.1) == (
        "Not worse than base: p95 latency of main fell by 50 % (-60 % to -40 %), from 50 ms to 25 ms; "
        "2 metrics the same; 2 informational metrics changed."
    )
