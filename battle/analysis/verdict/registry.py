"""All checkers, and how one is run. A checker that crashes says INCONCLUSIVE, never nothing."""

from battle.analysis.findings import Finding
from battle.analysis.log import Log
from battle.analysis.verdict import checkers
from battle.analysis.verdict.checker import Checker, PlacedChecker
from battle.scenario.slo.slo import SloSet
from battle.store.definitions import defined_in, refuse_twins

_PLACED = sorted(defined_in(checkers.__name__, PlacedChecker), key=lambda one: one.place)
refuse_twins("checker", (one.checker.__name__ for one in _PLACED))

CHECKERS: tuple[Checker, ...] = tuple(one.checker for one in _PLACED)
"""In the order a reader wants to hear of them: a run that is not complete explains the rest."""

RESTS_ON_BENCH = frozenset(one.checker.__name__ for one in _PLACED if one.rests_on_bench)
"""The names of findings that a load node or a provider which died can cause. A busy machine shows in the load's
lateness, where `metastable_failure` looks."""


def check(checker: Checker, log: Log, slos: SloSet) -> Finding | None:
    """What the checker finds; None when it does not apply."""
    try:
        return checker(log, slos)
    except Exception as error:
        # A mistake of ours must not turn into a PASS, and not hide the other findings either.
        name = getattr(checker, "__name__", repr(checker))
        summary = f"the checker {name} crashed: {type(error).__name__}: {error}"
        return Finding(checker=name, verdict="INCONCLUSIVE", summary=summary)
