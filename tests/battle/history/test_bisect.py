"""The search for the first bad commit: few tests, the right commit on any history, or candidates."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.history.bisect import Worse, searched, started


def line(count: int) -> dict[str, list[str]]:
    """Commits c0, c1, ..., each the child of the one before; c0 is the child of GOOD."""
    return {f"c{place}": [f"c{place - 1}" if place else "good"] for place in range(count)}


def played(parents, bad, is_bad, cannot_test=()):
    """The search at its end, and the commits in the order of their tests."""
    tested = []

    def test(search, commit):
        assert commit in search.candidates
        assert commit != search.bad
        tested.append(commit)
        return "skipped" if commit in cannot_test else "bad" if is_bad(commit) else "good"

    return searched(started(parents, bad), test), tested


@st.composite
def histories(draw):
    """Commits in the order of their making, each with one to three parents among those before it, or GOOD."""
    parents = {}
    for place in range(draw(st.integers(1, 24))):
        earlier = ["good", *parents]
        # Near ones are likelier, so that there are long branches and late merges.
        several = st.lists(st.sampled_from(earlier[-4:]), min_size=1, max_size=3, unique=True)
        parents[f"c{place}"] = draw(several)
    last = list(parents)[-1]
    reached, todo = {}, [last]
    while todo:
        one = todo.pop()
        if one in parents and one not in reached:
            reached[one] = parents[one]
            todo += parents[one]
    return reached, last


def contains(parents, commit) -> set[str]:
    """A commit and all its ancestors, found the slow way."""
    return {commit}.union(*(contains(parents, one) for one in parents[commit] if one in parents))


@given(st.integers(1, 600), st.data())
def test_on_a_line_the_planted_commit_is_named_in_log2_tests(count, data):
    planted = data.draw(st.integers(0, count - 1))
    search, tested = played(line(count), f"c{count - 1}", lambda one: int(one[1:]) >= planted)
    assert search.found == f"c{planted}"
    assert len(tested) <= math.ceil(math.log2(count))  # and two more: GOOD and BAD are tested before
    assert len(set(tested)) == len(tested)


def test_sixteen_commits_take_four_tests_wherever_the_bad_one_is():
    for planted in range(16):
        _, tested = played(line(16), "c15", lambda one, planted=planted: int(one[1:]) >= planted)
        assert len(tested) == 4


@given(histories(), st.data())
def test_the_planted_commit_is_named_on_any_history_with_merges(history, data):
    parents, last = history
    planted = data.draw(st.sampled_from(sorted(parents)))
    search, tested = played(parents, last, lambda one: planted in contains(parents, one))
    assert search.found == planted
    assert len(set(tested)) == len(tested)


@given(histories(), st.data())
def test_where_commits_cannot_be_tested_the_planted_one_is_among_the_candidates(history, data):
    parents, last = history
    planted = data.draw(st.sampled_from(sorted(parents)))
    broken = data.draw(st.sets(st.sampled_from(sorted(parents)))) - {last}
    search, tested = played(parents, last, lambda one: planted in contains(parents, one), broken)
    assert planted in search.candidates
    assert (search.found is not None) == (search.candidates == (planted,))
    # All others but the earliest bad one could not be tested: nothing that could have been is left out.
    assert set(search.candidates) - {search.bad} <= broken & set(tested)


def test_a_range_that_cannot_be_tested_is_mostly_left_soon():
    """Ranges of up to half of the commits, wherever they begin: 19 of 20 cost at most 8 tests."""
    wasted = []
    for count in (20, 60):
        for length in range(1, count // 2, 3):
            for begin in range(count - length):
                broken = {f"c{place}" for place in range(begin, begin + length)} - {f"c{count - 1}"}
                search, tested = played(line(count), f"c{count - 1}", lambda one: True, broken)
                assert "c0" in search.candidates
                # Those that stay candidates had to be tried, each of them once.
                wasted.append(len([one for one in tested if one in broken - set(search.candidates)]))
    assert sum(tests <= 8 for tests in wasted) > 0.95 * len(wasted) > 300


def test_a_merge_whose_sides_are_good_is_the_first_bad_one():
    parents = {"left": ["good"], "right": ["good"], "merge": ["left", "right"], "last": ["merge"]}
    search, _ = played(parents, "last", lambda one: one in ("merge", "last"))
    assert search.found == "merge"


def test_a_side_branch_that_brought_it_in_is_named_and_not_its_merge():
    parents = {"a": ["good"], "b": ["a"], "side": ["older"], "bad side": ["side"], "merge": ["b", "bad side"]}
    search, _ = played(parents, "merge", lambda one: one in ("bad side", "merge"))
    assert search.found == "bad side"


def test_one_that_cannot_be_tested_right_before_the_bad_one_leaves_both():
    search, tested = played(line(4), "c3", lambda one: one in ("c2", "c3"), {"c1"})
    assert (search.found, search.candidates) == (None, ("c1", "c2"))
    assert sorted(tested) == ["c0", "c1", "c2"]


def test_ten_thousand_commits_are_searched_in_moments():
    search, tested = played(line(10_000), "c9999", lambda one: int(one[1:]) >= 1234)
    assert (search.found, len(tested)) == ("c1234", 14)


@pytest.mark.parametrize(
    ("worse", "bad", "good"),
    [
        (Worse(10, 30, 0.1), [21, 30, 99, math.inf], [5, 10, 19, 20]),  # nearer to BAD than to GOOD
        (Worse(10, 11, 0.1), [11.2], [10.4, 10.6, 11]),  # and by more than the threshold
        (Worse(0, 4, 0.1), [3, 4], [0, 1, 2]),
        (Worse(10, math.inf, 0.1), [math.inf], [10, 1e9]),  # never reached in BAD
        (Worse(1.0, 0.9, 0.1, at_least=True, ratio=True), [0.94, 0.9, 0.0], [1.0, 0.951, 0.96]),
        (
            Worse(0.99, 0.9, 1.0, at_least=True, ratio=True),
            [0.93],
            [0.99, 0.95],
        ),  # of the failures, not of 0.99
        (Worse(10, 2, 0.1, at_least=True), [5, 2, 0], [10, 6, 20]),
    ],
)
def test_what_is_worse_than_in_good(worse, bad, good):
    assert [worse.is_bad(value) for value in bad] == [True] * len(bad)
    assert [worse.is_bad(value) for value in good] == [False] * len(good)
