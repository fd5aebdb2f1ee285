"""How time is cut into cells: never too many, round, and coarse enough to hold something."""

from hypothesis import given
from hypothesis import strategies as st

from battle.analysis.charts.cells import (
    CELLS_MAX,
    CELLS_WANTED,
    cell_ns,
    rounded,
    time_unit,
)

S = 10**9
SPANS = st.integers(1, 400 * 24 * 3600 * S)


@given(SPANS, st.integers(0, 10**9))
def test_there_are_never_more_cells_than_can_be_drawn(span_ns, events):
    assert span_ns / cell_ns(span_ns, events) <= CELLS_MAX


@given(st.integers(10 * S, 400 * 24 * 3600 * S), st.integers(0, 10**9))
def test_a_span_has_enough_cells_to_show_when_something_broke(span_ns, events):
    assert span_ns / cell_ns(span_ns, events) >= CELLS_WANTED / 2.5


def test_cells_are_round_and_grow_until_they_hold_something():
    assert cell_ns(60 * S, 100_000) == 500_000_000
    assert cell_ns(60 * S, 600) == S
    assert cell_ns(60 * S, 0) == 5 * S
    assert cell_ns(2000 * S, 10_000_000) == 10 * S
    assert cell_ns(30 * 60 * S, 90_000) == 10 * S
    assert cell_ns(48 * 3600 * S, 10**7) == 1200 * S


def test_time_is_told_in_a_unit_that_keeps_numbers_small():
    assert [time_unit(minutes * 60 * S) for minutes in (1, 5, 6, 300, 301)] == ["s", "s", "min", "min", "h"]


@given(st.floats(1e-6, 1e12))
def test_rounding_keeps_five_digits(value):
    assert abs(rounded(value) - value) <= value * 1e-4
    assert len(f"{rounded(value):.15g}".replace(".", "").strip("0").split("e")[0]) <= 5
