"""Finds the first bad commit with few tests, as `git bisect` does, also where branches were merged. Pure.

The suspects are the commits that BAD contains and GOOD does not. A commit that is found to be bad leaves those that
it contains, one that is good takes away those that it contains, and one that cannot be tested stays. When the only
suspect is a bad commit, it is the first one: everything that it contains is good.
"""

from collections.abc import Callable, Mapping, Sequence
from graphlib import TopologicalSorter
from typing import Literal, TypeAlias

import msgspec

Mark: TypeAlias = Literal["good", "bad", "skipped"]
"""What the test of a commit shows; skipped: it cannot be tested."""


class Search(msgspec.Struct, frozen=True):
    """How far the search for the first bad commit is. Sets of commits are the bits of an integer.

    `commits` are all that are searched, each behind its parents, and `contained` are the sets of those which each
    of them contains, itself too. `bad` is the earliest commit that is known to be bad. `untested` are suspects that
    could not be tested, and `in_a_row` so many of the last tests.
    """

    commits: tuple[str, ...]
    contained: Mapping[str, int]
    suspects: int
    bad: str
    untested: int = 0
    in_a_row: int = 0

    @property
    def found(self) -> str | None:
        """The first bad commit; None: not known yet, or not to be known."""
        return self.bad if self.suspects.bit_count() == 1 else None

    @property
    def candidates(self) -> tuple[str, ...]:
        """The commits of which one is the first bad one, the oldest first."""
        return self._of(self.suspects)

    @property
    def tests_left(self) -> int:
        """About how many more commits will be tested."""
        return (self.suspects.bit_count() - 1).bit_length()

    def next_commit(self) -> str | None:
        """The commit whose test leaves the fewest suspects, whatever it shows; None: there is nothing to test.

        Commits that cannot be tested often stand side by side, so the more of the last tests failed, the further from
        the best place the next one is: half as far as possible, then a quarter, three quarters, and so on.
        """
        open_ones = [one for one in self._of(self.suspects & ~self.untested) if one != self.bad]
        if not open_ones:
            return None
        ranked = sorted(open_ones, key=self._split, reverse=True)
        return ranked[int(len(ranked) * _spread(self.in_a_row))]

    def _of(self, chosen: int) -> tuple[str, ...]:
        return tuple(one for place, one in enumerate(self.commits) if chosen >> place & 1)

    def _split(self, commit: str) -> int:
        """How many suspects its test takes away at least."""
        inside = (self.contained[commit] & self.suspects).bit_count()
        return min(inside, self.suspects.bit_count() - inside)

    def after(self, commit: str, mark: Mark) -> "Search":
        """The search after a suspect was tested."""
        inside = self.contained[commit]
        replace = msgspec.structs.replace
        match mark:
            case "bad":
                return replace(self, suspects=self.suspects & inside, bad=commit, in_a_row=0)
            case "good":
                return replace(self, suspects=self.suspects & ~inside, in_a_row=0)
            case "skipped":
                untested = self.untested | 1 << self.commits.index(commit)
                return replace(self, untested=untested, in_a_row=self.in_a_row + 1)


def _spread(count: int) -> float:
    """0, 1/2, 1/4, 3/4, 1/8, 5/8 ...: each next one in the widest gap that those before it left."""
    share, part = 0.0, 0.5
    while count:
        share += part * (count & 1)
        count, part = count >> 1, part / 2
    return share


def started(parents: Mapping[str, Sequence[str]], bad: str) -> Search:
    """The search before its first test.

    Arguments: `parents` has each commit that BAD contains and GOOD does not, with its parents; those of them that are
    not searched are left out. `bad` is BAD.
    """
    inside = {one: [parent for parent in of if parent in parents] for one, of in parents.items()}
    commits = tuple(TopologicalSorter(inside).static_order())
    contained: dict[str, int] = {}
    for place, commit in enumerate(commits):
        contained[commit] = 1 << place
        for parent in inside[commit]:
            contained[commit] |= contained[parent]
    return Search(commits, contained, contained[bad], bad)


def searched(search: Search, test: Callable[[Search, str], Mark]) -> Search:
    """The search after all of its tests. `test` is given the search so far and the commit to test."""
    while search.found is None and (commit := search.next_commit()) is not None:
        search = search.after(commit, test(search, commit))
    return search


class Worse(msgspec.Struct, frozen=True):
    """When the value of a metric is bad: worse than GOOD's by more than the threshold, and nearer to BAD's.

    `threshold` is a share of GOOD's value; of a success rate it is one of the failures, as in a comparison of runs.
    An infinite value is a percentile that was never reached.
    """

    good: float
    bad: float
    threshold: float
    at_least: bool = False
    ratio: bool = False

    def exceeds(self, value: float) -> bool:
        """Whether the value is worse than GOOD's by more than the threshold."""
        good = self._badness(self.good)
        return self._badness(value) > good + self.threshold * abs(good) + _ROUNDING * abs(good)

    def is_bad(self, value: float) -> bool:
        """Whether a commit with this value is bad."""
        if not self.exceeds(value):
            return False
        good, bad, badness = map(self._badness, (self.good, self.bad, value))
        return badness >= bad or badness - good > bad - badness

    def _badness(self, value: float) -> float:
        if not self.at_least:
            return value
        return 1 - value if self.ratio else -value


_ROUNDING = 1e-9
"""A change of just the threshold does not exceed it, whatever floats say."""
