"""What is drawn is read back from the picture: cells of several series are stacked, and none hides another."""

import re
from itertools import pairwise

import pytest

from battle.analysis.charts.pictures import svg
from tests.battle.analysis.charts.samples import chart

SERIES = {"providers_over_time": "provider", "errors_over_time": "failure"}
NAMES = ("a", "b", "c", "d")
_MARK = re.compile(r'<path aria-label="([^"]*)"[^>]* d="M[-\d.e]+,([-\d.e]+)h[-\d.e]+v([-\d.e]+)h')


@pytest.fixture(autouse=True, scope="module")
def engine():
    """The JavaScript engine is started once for a process, and keeps its sockets: not what a test leaves behind."""
    svg(chart("fault_lanes"))


def drawn(kind, heights):
    """Of each series in the first cell: where its mark begins, and how high it is, in pixels."""
    series = SERIES[kind]
    rows = tuple(
        {"t": float(at), "end": at + 1.0, series: name, "answers": 1, "rate": high, "requests": high}
        for at in range(2)
        for name, high in zip(NAMES, heights, strict=True)
    )
    marks = {}
    for label, top, height in _MARK.findall(svg(chart(kind, rows=rows))):
        said = dict(part.split(": ", 1) for part in label.split("; "))
        if series in said and said["from"] == "0":
            marks[said[series]] = (float(top), float(height))
    return marks


@pytest.mark.parametrize("kind", SERIES)
def test_series_of_one_height_are_all_seen(kind):
    marks = drawn(kind, (25, 25, 25, 25))
    assert sorted(marks) == list(NAMES)
    tops = sorted(top for top, _ in marks.values())
    heights = {round(height, 3) for _, height in marks.values()}
    assert len(heights) == 1
    [height] = heights
    assert [round(below - above, 3) for above, below in pairwise(tops)] == [height] * 3


@pytest.mark.parametrize("kind", SERIES)
def test_a_mark_is_as_high_as_its_value(kind):
    marks = drawn(kind, (10, 20, 30, 40))
    unit = marks["a"][1] / 10
    assert [round(marks[name][1] / unit, 6) for name in NAMES] == [10, 20, 30, 40]
