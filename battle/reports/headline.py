"""The first sentence of a report: may we ship?"""

from collections.abc import Sequence

from battle.judgement.verdict import Judgement
from battle.judgement.words import plural
from battle.reports.schema import FaultEffect


def headline(judgement: Judgement, faults: Sequence[FaultEffect], world: str) -> str:
    """One sentence that answers the question, and one that says why."""
    if judgement.verdict == "PASS":
        return _passed(_demands(judgement), len(faults), world)
    first, others = judgement.reasons[0], len(judgement.reasons) - 1
    more = f" (and {plural(others, 'more reason')})" if others else ""
    answer = "Do not ship" if judgement.verdict == "FAIL" else "This run cannot tell"
    return f"{answer}, because {first}{more}."


def _demands(judgement: Judgement) -> int:
    return len(judgement.slos) + sum(len(one.slos) for one in judgement.workload_slos)


def _passed(slos: int, faults: int, world: str) -> str:
    """ "Ship it" is said of a gateway that survived something: without a fault its survival was not tested."""
    met = "The SLO was met" if slos == 1 else f"All {slos} SLOs were met"
    if not faults:
        return f"{met}, but no fault was planned, so whether the gateway survives one was not tested."
    ship = "Ship it, as far as behaviour goes." if world == "simulated" else "Ship it."
    return f"{ship} {met} while {plural(faults, 'fault')} took effect."
