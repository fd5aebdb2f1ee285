"""Which commit made a scenario fail, or a metric worse: checks both ends, then tests what is between."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Literal

import msgspec

from battle.errors import BattleError
from battle.history.bisect import Mark, Search, Worse, searched, started
from battle.history.commit_runs import CommitResult, Order, result_of
from battle.history.repository import CommitFacts, Repository
from battle.history.values import NEVER, value_text
from battle.scenario.slo.metrics import METRICS


class TestedCommit(msgspec.Struct, frozen=True, kw_only=True):
    """A commit that was tested. `why` is what its runs showed, or why it was skipped; `runs` are their directories.

    `value` is the metric's, where one was asked for; None: it was never reached, or not measured.
    """

    commit: CommitFacts
    mark: Mark
    why: str
    value: float | None = None
    runs: tuple[str, ...] = ()


class Bisection(msgspec.Struct, frozen=True, kw_only=True):
    """What the search came to.

    `first_bad` is None where `candidates` are all commits of which one is the first bad one. `reason` is why it is
    bad, `commits` how many were searched, `runs` how many runs were made, and `tested` the commits in the order of
    their tests: GOOD and BAD are the first two. `seed` shows the failure.
    """

    status: Literal["found", "undecided"]
    scenario: str
    good: CommitFacts
    bad: CommitFacts
    first_bad: CommitFacts | None
    reason: str | None
    metric: str | None
    before: float | None
    after: float | None
    seed: int
    commits: int
    runs: int
    skipped: tuple[TestedCommit, ...]
    candidates: tuple[CommitFacts, ...]
    tested: tuple[TestedCommit, ...]
    directory: str
    reproduce: str = ""


Say = Callable[[str], object]


def first_bad_commit(
    repository: Repository, good: str, bad: str, order: Order, threshold: float, say: Say = lambda line: None
) -> Bisection:
    """The first commit between GOOD and BAD that is bad.

    Without a metric a commit is bad when the verdict is FAIL, with one when the metric is worse than in GOOD by more
    than the threshold, and nearer to BAD's value than to GOOD's. `good` and `bad` are hashes, `say` gets each line of
    progress.

    Raises:
        BattleError: GOOD is no ancestor of BAD, GOOD is not good, or BAD is not bad.
    """
    _check_ancestry(repository, good, bad)
    parents = repository.between(good, bad)
    return _Bisecting(repository, parents, order, threshold, say).run(started(parents, bad), good)


def _check_ancestry(repository: Repository, good: str, bad: str) -> None:
    if good == bad:
        raise BattleError(f"GOOD and BAD are the same commit, {good[:10]}")
    if repository.contains(bad, good):
        return
    if repository.contains(good, bad):
        raise BattleError(
            "BAD is an ancestor of GOOD: exchange them; a commit that mended something is not searched"
        )
    hint = (
        "; a part of the history was not fetched: run git fetch --unshallow" if repository.is_shallow else ""
    )
    raise BattleError(f"GOOD must be an ancestor of BAD, and {good[:10]} is none of {bad[:10]}{hint}")


class _Bisecting:
    """The tests of one search, and what they showed."""

    def __init__(
        self,
        repository: Repository,
        parents: Mapping[str, Sequence[str]],
        order: Order,
        threshold: float,
        say: Say,
    ) -> None:
        self._repository = repository
        self._parents = parents
        self._order = order
        self._threshold = threshold
        self._say = say
        self._results: dict[str, CommitResult] = {}
        self._facts = cache(repository.facts)
        self._tested: list[TestedCommit] = []
        self._worse: Worse | None = None

    def run(self, search: Search, good: str) -> Bisection:
        count, bad = len(search.commits), search.bad
        self._say(
            f"searching {count:,} commit{'' if count == 1 else 's'}: about {search.tests_left + 2} to test"
        )
        self._check_good(good)
        self._check_bad(bad, good)
        search = searched(search, self._test)
        return self._bisection(search, good, bad)

    def _result(self, commit: str, role: str) -> CommitResult:
        facts = self._facts(commit)
        self._say(f"testing {role}{facts.short} {facts.subject}")
        result = self._results[commit] = result_of(self._repository, commit, self._order)
        return result

    def _check_good(self, commit: str) -> None:
        result = self._result(commit, "GOOD, ")
        name = f"GOOD ({commit[:10]})"
        if result.problem is not None:
            raise BattleError(f"{name} cannot be judged: {result.problem}")
        if result.value is not None and math.isinf(result.value):
            raise BattleError(f"{self._order.metric} was never reached in {name}: nothing can be worse")
        if result.verdict == "FAIL":
            raise BattleError(
                f"{name} is not good: its verdict is FAIL: {result.reason}; give an earlier one"
            )
        self._keep(result, "good")

    def _check_bad(self, commit: str, good: str) -> None:
        result = self._result(commit, "BAD, ")
        name = f"BAD ({commit[:10]})"
        if result.problem is not None:
            raise BattleError(f"{name} cannot be judged: {result.problem}")
        if self._order.metric is None and result.verdict != "FAIL":
            raise BattleError(
                f"{name} is not bad: its verdict is PASS, as GOOD's; --metric finds what became slower"
            )
        if self._order.metric is not None:
            self._worse = self._worse_than(self._results[good], result)
            if not self._worse.exceeds(self._worse.bad):
                raise BattleError(
                    f"{name} is not bad: {self._change(self._worse.good, self._worse.bad)} is not worse by more than "
                    f"{self._threshold:.3g} of it; give a smaller --threshold"
                )
        self._keep(result, "bad")

    def _worse_than(self, good: CommitResult, bad: CommitResult) -> Worse:
        metric = METRICS[str(self._order.metric)]
        assert good.value is not None
        assert bad.value is not None
        return Worse(good.value, bad.value, self._threshold, metric.at_least, metric.unit == "ratio")

    def _test(self, search: Search, commit: str) -> Mark:
        self._say(f"{len(search.candidates):,} commits left, about {search.tests_left} to test")
        result = self._result(commit, "")
        return self._keep(result, self._mark(result))

    def _mark(self, result: CommitResult) -> Mark:
        if result.problem is not None:
            return "skipped"
        if self._worse is not None:
            assert result.value is not None
            return "bad" if self._worse.is_bad(result.value) else "good"
        return "bad" if result.verdict == "FAIL" else "good"

    def _keep(self, result: CommitResult, mark: Mark) -> Mark:
        why = self._why(result)
        self._say(f"  {mark}: {why}")
        facts = self._facts(result.commit)
        value = _finite(result.value)
        self._tested.append(
            TestedCommit(commit=facts, mark=mark, why=why, value=value, runs=tuple(map(str, result.runs)))
        )
        return mark

    def _why(self, result: CommitResult) -> str:
        if result.problem is not None:
            return result.problem
        if result.value is not None:
            return f"{self._order.metric} {self._text(result.value)}"
        return "PASS" if result.verdict == "PASS" else f"{result.verdict}: {result.reason}"

    def _text(self, value: float) -> str:
        return NEVER if math.isinf(value) else value_text(str(self._order.metric), value)

    def _change(self, before: float, after: float) -> str:
        return f"{self._order.metric} {self._text(before)} -> {self._text(after)}"

    def _bisection(self, search: Search, good: str, bad: str) -> Bisection:
        facts = self._facts
        before, after = self._values(search, good)
        last = self._results[search.bad]
        return Bisection(
            status="undecided" if search.found is None else "found",
            scenario=self._order.scenario,
            good=facts(good),
            bad=facts(bad),
            first_bad=None if search.found is None else facts(search.found),
            reason=last.reason if before is None or after is None else self._change(before, after),
            metric=self._order.metric,
            before=_finite(before),
            after=_finite(after),
            seed=self._order.seeds[0] if last.seed is None else last.seed,
            commits=len(search.commits),
            runs=sum(len(one.runs) for one in self._results.values()),
            skipped=tuple(one for one in self._tested if one.mark == "skipped"),
            candidates=() if search.found else tuple(map(facts, search.candidates)),
            tested=tuple(self._tested),
            directory=str(self._order.out),
        )

    def _values(self, search: Search, good: str) -> tuple[float | None, float | None]:
        """The metric right before the earliest commit that is known to be bad, where that was tested, and there."""
        measured = {commit: one.value for commit, one in self._results.items() if one.value is not None}
        before = next((one for one in self._parents[search.bad] if one in measured), good)
        return measured.get(before), measured.get(search.bad)


def _finite(value: float | None) -> float | None:
    return None if value is None or math.isinf(value) else value
