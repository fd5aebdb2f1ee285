"""What came of a suite: a row for each run, and what they amount to. Pure.

FAIL beats INCONCLUSIVE beats PASS, as for a single run. What was not run, and what crashed, has proved nothing: it
makes a suite INCONCLUSIVE. A file that cannot be loaded does so too, and the exit status says that it was wrong use.
"""

from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias

import msgspec

from battle.analysis.findings import Verdict, verdict_text, worst
from battle.formatting import duration_text, names_text, plural

SCHEMA_VERSION = 1
"""Raised when a field of suite.json is renamed, removed, or changes its meaning; not when one is added."""

SUITES = "suites"
"""The directory for suites, beside the runs."""

SUITE_FILE = "suite.json"
"""In the directory of a suite: its SuiteReport."""

REASONS_SHOWN = 3
"""Of one scenario that did not pass: the first ones say most, and each run's own report has them all."""

Status: TypeAlias = Literal["PASS", "FAIL", "INCONCLUSIVE", "crashed", "wrong scenario", "not run"]
"""A run's verdict; `crashed` when it did not come to one, `not run` when nothing was started.

`wrong scenario` is no run but a file that cannot be loaded.
"""

_WORST_FIRST: tuple[Status, ...] = ("FAIL", "crashed", "wrong scenario", "INCONCLUSIVE", "not run", "PASS")
_WORDS: dict[Status, str] = {"FAIL": "failed", "INCONCLUSIVE": "inconclusive"}
_VERDICTS: dict[Status, Verdict] = {"PASS": "PASS", "FAIL": "FAIL"}


class SuiteRun(msgspec.Struct, frozen=True, kw_only=True):
    """One run of one scenario. `directory` is the run's, as seen from the suite's; None: there is none.

    `reasons` say why it is no PASS, `warnings` what a PASS warns of. `took_ns` is real time, also in
    the simulated world.
    """

    scenario: str
    seed: int
    status: Status
    reasons: tuple[str, ...] = ()
    headline: str = ""
    took_ns: int = 0
    directory: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def status_text(self) -> str:
        """The status with the number of warnings of a PASS."""
        return verdict_text(self.status, len(self.warnings))


class SuiteReport(msgspec.Struct, frozen=True, kw_only=True):
    """suite.json: what was asked for, what it amounts to, and each run in the order of running.

    `skipped` says which scenarios and files were left out, and why; what nobody asked for is in the headline too.
    `left_out` are the names of the scenarios that were left out, although nobody asked for that.
    """

    schema_version: int
    suite_id: str
    selection: str
    world: str
    gateway: str | None
    seed: int
    repeat: int
    started_at: str
    interrupted: bool
    verdict: Verdict
    headline: str
    runs: tuple[SuiteRun, ...]
    skipped: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def verdict_text(self) -> str:
        """The verdict with the number of warnings of all its runs."""
        return verdict_text(self.verdict, sum(len(run.warnings) for run in self.runs))


class ScenarioResult(msgspec.Struct, frozen=True, kw_only=True):
    """All runs of one scenario. `shown` is the one to look at: the worst, and of several the first.

    `reasons` are those of the runs that did not pass, then the warnings of those that did.
    """

    scenario: str
    status: Status
    passed: int
    runs: int
    took_ns: int
    shown: SuiteRun
    reasons: tuple[str, ...]
    warnings: int

    @property
    def status_text(self) -> str:
        """The status with the number of warnings of a PASS."""
        return verdict_text(self.status, self.warnings)


def verdict_of(runs: Sequence[SuiteRun]) -> Verdict:
    """What the runs amount to."""
    return worst([_VERDICTS.get(run.status, "INCONCLUSIVE") for run in runs])


def headline_of(runs: Sequence[SuiteRun]) -> str:
    """How many of the runs ended how, and how long all of them took."""
    counts = {status: sum(run.status == status for run in runs) for status in _WORST_FIRST}
    others = [_counted(status, counts[status]) for status in _WORST_FIRST[:-1] if counts[status]]
    took = duration_text(sum(run.took_ns for run in runs))
    passed = f"all of {plural(len(runs), 'run')} passed" if not others else f"{counts['PASS']} passed"
    warned = sum(run.status == "PASS" and bool(run.warnings) for run in runs)
    with_warnings = f" ({warned:,} with warnings)" if warned else ""
    return f"{', '.join([*others, passed])}{with_warnings}, in {took}"


def _counted(status: Status, count: int) -> str:
    if status == "wrong scenario":
        return plural(count, status)
    return f"{count} {_WORDS.get(status, status)}"


def by_scenario(runs: Sequence[SuiteRun]) -> list[ScenarioResult]:
    """A row for each scenario, in the order in which they were first to be run."""
    groups: dict[str, list[SuiteRun]] = {}
    for run in runs:
        groups.setdefault(run.scenario, []).append(run)
    return [_together(name, group) for name, group in groups.items()]


def _together(name: str, runs: list[SuiteRun]) -> ScenarioResult:
    shown = min(runs, key=lambda run: (_WORST_FIRST.index(run.status), not run.warnings))
    troubled = [run for run in runs if run.status != "PASS"]
    reasons = _described(shown) if len(runs) == 1 else tuple(_reasons_by_seed(runs))
    more = len(reasons) - REASONS_SHOWN
    return ScenarioResult(
        scenario=name,
        status=shown.status,
        passed=len(runs) - len(troubled),
        runs=len(runs),
        took_ns=sum(run.took_ns for run in runs),
        shown=shown,
        reasons=(*reasons[:REASONS_SHOWN], f"and {more} more") if more > 0 else reasons,
        warnings=sum(len(run.warnings) for run in runs),
    )


def _described(run: SuiteRun) -> tuple[str, ...]:
    return (*run.reasons, *(f"warning: {warning}" for warning in run.warnings))


def _reasons_by_seed(runs: Sequence[SuiteRun]) -> Iterator[str]:
    """The first reason or warning of each run, those that are the same together; those that did not pass first."""
    seeds: dict[str, list[int]] = {}
    for run in sorted(runs, key=lambda run: run.status == "PASS"):
        if reasons := (*_described(run), *([run.status] if run.status != "PASS" else [])):
            seeds.setdefault(reasons[0], []).append(run.seed)
    for reason, those in seeds.items():
        yield f"{'seed' if len(those) == 1 else 'seeds'} {names_text([*map(str, those)])}: {reason}"
