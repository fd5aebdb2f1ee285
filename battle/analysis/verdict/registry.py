"""All checkers, and how one is run. A checker that crashes says INCONCLUSIVE, never nothing."""

from collections.abc import Callable
from typing import TypeAlias

from battle.analysis.findings import Finding
from battle.analysis.log import Log
from battle.analysis.verdict.checkers.answers import answers_are_fresh, answers_are_right
from battle.analysis.verdict.checkers.bench_limits import bench_within_limits
from battle.analysis.verdict.checkers.completeness import log_is_whole, run_is_complete
from battle.analysis.verdict.checkers.continuity import heads_monotonic, websocket_continuity
from battle.analysis.verdict.checkers.error_answers import errors_are_passed_on
from battle.analysis.verdict.checkers.fault_effects import faults_took_effect
from battle.analysis.verdict.checkers.heights import reads_monotonic
from battle.analysis.verdict.checkers.leaks import connections_leaked
from battle.analysis.verdict.checkers.load_generator import generator_kept_pace, something_was_sent
from battle.analysis.verdict.checkers.metastable_failure import metastable_failure
from battle.analysis.verdict.checkers.nodes import gateway_listens, nodes_lived
from battle.analysis.verdict.checkers.provider_reach import providers_reached
from battle.analysis.verdict.checkers.provider_return import providers_used_again
from battle.analysis.verdict.checkers.retries import retry_amplification
from battle.analysis.verdict.checkers.transactions import transactions
from battle.analysis.verdict.sample_size import enough_requests
from battle.scenario.slo.slo import SloSet

Checker: TypeAlias = Callable[[Log, SloSet], Finding | None]
"""From the log to a finding; None when it has nothing to say about a run of this kind."""

CHECKERS: tuple[Checker, ...] = (
    run_is_complete,
    nodes_lived,
    log_is_whole,
    something_was_sent,
    providers_reached,
    enough_requests,
    generator_kept_pace,
    bench_within_limits,
    gateway_listens,
    faults_took_effect,
    providers_used_again,
    answers_are_right,
    errors_are_passed_on,
    transactions,
    reads_monotonic,
    answers_are_fresh,
    websocket_continuity,
    heads_monotonic,
    retry_amplification,
    connections_leaked,
    metastable_failure,
)
"""In the order a reader wants to hear of them: a run that is not complete explains the rest."""


def check(checker: Checker, log: Log, slos: SloSet) -> Finding | None:
    """What the checker finds; None when it does not apply."""
    try:
        return checker(log, slos)
    except Exception as error:
        # A mistake of ours must not turn into a PASS, and not hide the other findings either.
        name = getattr(checker, "__name__", repr(checker))
        summary = f"the checker crashed: {type(error).__name__}: {error}"
        return Finding(checker=name, verdict="INCONCLUSIVE", summary=summary)
