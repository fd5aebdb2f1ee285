"""Charts as text: they keep within their width whatever is in them, and show what is there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from battle.analysis.charts.chart import Kind, Shade, TimeAxis
from battle.analysis.charts.glyphs import (
    ASCII,
    UNICODE,
    columns,
    fitted,
)
from battle.analysis.charts.text import WIDTH, text_chart
from tests.battle.analysis.charts.samples import ALL_KINDS, chart

KINDS = st.sampled_from(ALL_KINDS)
NUMBERS = st.floats(-1e9, 1e9) | st.integers(-(10**9), 10**9) | st.sampled_from([9.2e18, -9.2e18, 5e-324])
"""As far as 64 bits go, also below zero, as no delay should be."""
PLACES = st.floats(0, 10)


@st.composite
def any_chart(draw):
    """A chart of any kind with any numbers and names; moments are in order, and within or across the axis."""
    one = chart(draw(KINDS))
    rows = []
    for _ in range(draw(st.integers(1, 30))):
        row = dict(draw(st.sampled_from(one.rows)))
        for name, value in row.items():
            if name in ("lane", "provider", "failure", "named"):
                row[name] = draw(st.text(max_size=60))
            elif name in ("percentile", "nines"):
                continue
            elif isinstance(value, int | float):
                row[name] = draw(NUMBERS)
        if "t" in row:
            row["t"], row["end"] = sorted(draw(st.tuples(PLACES, PLACES)))
        if "percent" in row:
            row["percent"] = draw(st.floats(0, 100) | st.sampled_from([99.99999, 100.0]))
        rows.append(row)
    return replace(one, rows=tuple(rows))


@given(any_chart(), st.booleans())
def test_no_line_is_too_long_and_none_moves_the_cursor(drawn, ascii_only):
    text = text_chart(drawn, ascii_only=ascii_only)
    assert all(columns(line) <= WIDTH < 100 for line in text.split("\n"))
    assert text.isascii() or not ascii_only
    assert all(char.isprintable() or char == "\n" for char in text)


@given(st.text(max_size=80), st.integers(3, 40), st.sampled_from((UNICODE, ASCII)))
def test_a_name_takes_exactly_its_room(name, width, glyphs):
    assert columns(fitted(name, width, glyphs)) in (
        width,
        width - 1,
    )  # a wide character may not fit in the last


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_every_kind_is_drawn_in_both_character_sets(kind: Kind):
    assert text_chart(chart(kind)).strip()
    assert text_chart(chart(kind), ascii_only=True).isascii()


def lines(kind: Kind, **changes) -> list[str]:
    return text_chart(replace(chart(kind), **changes)).split("\n")


def test_breakers_show_the_worst_state_of_each_column():
    lane = next(line for line in lines("breaker_lanes") if line.startswith("a (http)"))
    body = lane.partition("│")[2]
    share = len(body) / 10
    assert body[round(1 * share)] == "─"
    assert body[round(3 * share)] == "█"
    assert body[round(4.5 * share)] == "▒"
    assert body[-1] == "─"
    assert body.count("█") == pytest.approx(2 * share, abs=2)


def test_faults_stand_below_what_they_did():
    drawn = lines("latency_over_time")
    faults = next(line for line in drawn if line.startswith("faults")).partition("│")[2]
    assert faults.count("▓") == pytest.approx(len("─" * 81) * 0.2, abs=2)
    assert not any(line.startswith("faults") for line in lines("latency_over_time", shades=()))


def test_marks_stand_at_their_height():
    drawn = [line.partition("│")[2] for line in lines("latency_over_time")[1:9]]
    assert drawn[0].startswith("▲")
    assert drawn[5].startswith("◆")
    assert drawn[6].startswith("●")
    assert all(len(line.rstrip()) <= 42 for line in drawn)  # nothing was answered in the second half


def test_a_rate_is_as_high_as_its_share_of_the_highest():
    rows = {line.split(" ")[0]: line.partition("│")[2] for line in lines("providers_over_time")}
    assert rows["a"].rstrip() == "█" * len(rows["a"].rstrip())
    assert set(rows["b"].strip()) == {"▄"}
    assert len(rows["b"]) - len(rows["b"].lstrip()) == pytest.approx(41, abs=1)


def test_a_success_rate_falls_to_its_lowest():
    drawn = lines("success_over_time")
    assert drawn[0].lstrip().startswith("100 │█")
    assert drawn[0].endswith("█")
    assert drawn[7].count("█") > 70


def test_due_requests_that_were_not_answered_are_dots():
    drawn = [line.partition("│")[2] for line in lines("throughput_over_time")[1:9]]
    assert "·" in drawn[0][45:]
    assert "█" not in drawn[0][45:]


def test_bars_lie_down_with_their_numbers():
    first, second = lines("latency_histogram")
    assert first.startswith("1 to 2 ms │█")
    assert first.endswith(" 10")
    assert second.count("█") == pytest.approx(9 * first.count("█"), abs=9)


def test_many_bins_are_added_up_not_left_out():
    rows = tuple({"from": float(n + 1), "to": n + 2.0, "requests": 1} for n in range(100))
    drawn = lines("latency_histogram", rows=rows)
    assert len(drawn) <= 16
    assert sum(int(line.rsplit(" ", 1)[1]) for line in drawn) == 100


def test_the_time_axis_says_where_it_begins_and_ends():
    axis = TimeAxis("simulated time (min)", "min", 1.5, 61.5)
    drawn = lines("latency_over_time", time=axis, shades=(Shade(2, 3, "x"),))
    assert drawn[-2].split() == ["1.5", "16.5", "31.5", "46.5", "61.5"]
    assert drawn[-1].strip() == "simulated time (min)"
