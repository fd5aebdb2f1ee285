"""All checkers, and how one is run. A checker that crashes says INCONCLUSIVE, never nothing."""

from collections.abc import Callable
from typing import TypeAlias

from battle.judgement.answers import answers_are_fresh, answers_are_right
from battle.judgement.continuity import heads_monotonic, websocket_continuity
from battle.judgement.errors import errors_are_passed_on
from battle.judgement.evidence import enough_requests
from battle.judgement.faults import faults_took_effect, providers_used_again
from battle.judgement.findings import Finding, Log
from battle.judgement.generator import generator_kept_pace, something_was_sent
from battle.judgement.healing import metastable_failure
from battle.judgement.heights import reads_monotonic
from battle.judgement.history import log_is_whole, run_is_complete
from battle.judgement.leaks import connections_leaked
from battle.judgement.limits import bench_within_limits
from battle.judgement.nodes import gateway_listens, nodes_lived
from battle.judgement.reached import providers_reached
from battle.judgement.retries import retry_amplification
from battle.judgement.slo import Demands
from battle.judgement.transactions import transactions

Checker: TypeAlias = Callable[[Log, Demands], Finding | None]
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


def check(checker: Checker, log: Log, demands: Demands) -> Finding | None:
    """What the checker finds; None when it does not apply."""
    try:
        return checker(log, demands)
    except Exception as error:
        # A mistake of ours must not turn into a PASS, and not hide the other findings either.
        name = getattr(checker, "__name__", repr(checker))
        summary = f"the checker crashed: {type(error).__name__}: {error}"
        return Finding(checker=name, verdict="INCONCLUSIVE", summary=summary)
