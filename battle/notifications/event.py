"""What happened: one judged run, or a suite of them, and what kind of event that is. Pure."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Literal, TypeAlias

import msgspec

from battle.analysis.findings import Verdict, worst
from battle.analysis.reports.comparison import Comparison
from battle.formatting import plural

Kind: TypeAlias = Literal["failure", "regression", "recovery", "pass"]
"""`failure`: the verdict is not PASS. `regression`: it is, but the run is worse than its baseline. `recovery`: it is,
and the previous run of the same scenario, world and gateway had another verdict. `pass`: all else."""

SubjectKind: TypeAlias = Literal["run", "suite"]


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """An SLO that was missed: its name, what was measured, and its target, as texts."""

    name: str
    measured: str
    target: str


class JudgedRun(msgspec.Struct, frozen=True, kw_only=True):
    """One run as notifications show it. `run_id` is None for what a suite could not run, or could not load.

    `status` is the verdict, or what a suite says instead ("crashed"). `name` is what one types to run it, or what the
    scenario is called, and `command` how to run it again, where that is known. `leaked` are providers with the
    attempts that still went there while they were broken.
    """

    run_id: str | None
    name: str
    command: str | None
    scenario: str
    world: str
    gateway: str | None
    seed: int | None
    started_at: str | None
    verdict: Verdict
    status: str
    headline: str = ""
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    missed: tuple[Figure, ...] = ()
    leaked: tuple[tuple[str, int], ...] = ()
    comparison: Comparison | None = None

    @property
    def regressed(self) -> bool:
        """Whether it was compared with a baseline, and is worse."""
        return self.comparison is not None and self.comparison.status == "worse"


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What a notification is about: a run, or a suite. `id` is the run's or the suite's own.

    `recovered`: it passed, and before it did not.
    """

    kind: SubjectKind
    id: str
    title: str
    verdict: Verdict
    verdict_text: str
    headline: str
    started_at: str | None
    runs: tuple[JudgedRun, ...]
    recovered: bool = False

    @property
    def event(self) -> Kind:
        """What kind of event it is."""
        if self.verdict != "PASS":
            return "failure"
        if any(run.regressed for run in self.runs):
            return "regression"
        return "recovery" if self.recovered else "pass"

    @property
    def event_id(self) -> str:
        """The same for the same event, whoever asks and when: of the ids of its runs, and of the kind."""
        ids = [self.kind, self.id, self.event, *sorted(run.run_id or run.name for run in self.runs)]
        return blake2b("\n".join(ids).encode(), digest_size=10).hexdigest()


_WORST_FIRST: dict[Kind, int] = {"failure": 0, "regression": 1, "recovery": 2, "pass": 3}


def batch_event(subjects: Sequence[Subject]) -> Kind:
    """The event of several subjects: the worst."""
    return min((subject.event for subject in subjects), key=_WORST_FIRST.__getitem__)


def batch_id(subjects: Sequence[Subject]) -> str:
    """The id of the event of several subjects, whatever their order; of one it is the subject's own."""
    ids = sorted(subject.event_id for subject in subjects)
    return ids[0] if len(ids) == 1 else blake2b("\n".join(ids).encode(), digest_size=10).hexdigest()


def batch_verdict(subjects: Sequence[Subject]) -> Verdict:
    """FAIL beats INCONCLUSIVE beats PASS."""
    return worst([subject.verdict for subject in subjects])


def title_of_run(run: JudgedRun) -> str:
    """ "smoke, simulated world, seed 7"."""
    seed = "" if run.seed is None else f", seed {run.seed}"
    return f"{run.name}, {run.world} world{seed}"


def title_of(subjects: Sequence[Subject]) -> str:
    """One subject by its title; several are counted."""
    if len(subjects) == 1:
        return subjects[0].title
    kinds = [kind for kind in ("suite", "run") if any(subject.kind == kind for subject in subjects)]
    return " and ".join(plural(sum(subject.kind == kind for subject in subjects), kind) for kind in kinds)
