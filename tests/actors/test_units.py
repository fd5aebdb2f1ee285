"""Durations: how they are written, how they are shown, and which are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.units import (
    LONGEST,
    SHORTEST,
    duration_problem,
    exact_duration,
    format_duration,
    parse_duration,
    seconds,
)


@pytest.mark.parametrize(
    ("text", "value_ns"),
    [
        ("1m", 60 * 10**9),
        ("1h", 3600 * 10**9),
        ("5 sec", 5 * 10**9),
        ("2 minutes", 120 * 10**9),
        ("500 ms", 5 * 10**8),
        ("1.5s", 15 * 10**8),
        ("1h30m", 5400 * 10**9),
        ("1h 30m 5s", 5405 * 10**9),
        (" 3Min ", 180 * 10**9),
        ("250 µs", 250_000),
        (".5 seconds", 5 * 10**8),
        ("-5s", -5 * 10**9),
        ("0s", 0),
    ],
)
def test_a_duration_is_read_as_people_write_it(text, value_ns):
    assert parse_duration(text) == value_ns


@pytest.mark.parametrize(
    "text", ["", "5", "s", "1 week", "1m30", "5 s5", "--5s", "1e3s", "5ss", "9" * 200 + "s"]
)
def test_what_is_no_duration_is_none_and_said_to_be(text):
    assert parse_duration(text) is None
    assert duration_problem(text) is not None


def test_units_are_listed_where_none_is_known():
    assert "the units are ns, us, ms, s, min, h" in str(duration_problem("5 parsec"))
    assert 'write "5ms" or "5s"' in str(duration_problem("5"))


@given(st.integers(0, LONGEST))
def test_an_exact_duration_is_read_as_itself(value_ns):
    assert parse_duration(exact_duration(value_ns)) == value_ns or value_ns > 2**53  # beyond a float's digits


@given(st.integers(1, SHORTEST - 1))
def test_a_bare_number_is_refused_with_what_was_meant(value_ns):
    assert duration_problem(value_ns) == (
        f"durations are nanoseconds; write ms({value_ns}) or seconds({value_ns}), "
        f'in a file "{value_ns}ms" or "{value_ns}s"'
    )


@given(
    st.floats() | st.integers(max_value=-1) | st.integers(min_value=LONGEST + 1) | st.booleans() | st.none()
)
def test_no_other_value_is_a_duration(value):
    assert duration_problem(value) is not None


@given(st.just(0) | st.integers(SHORTEST, LONGEST))
def test_all_others_are(value_ns):
    assert duration_problem(value_ns) is None


def test_a_negative_one_is_shown_as_people_write_it():
    assert format_duration(seconds(-5)) == "-5 s"
    assert format_duration(0) == "0"
