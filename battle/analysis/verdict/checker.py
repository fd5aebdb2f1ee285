"""What a checker is, and how it gets into the verdict. Each is defined in `checkers/`."""

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from battle.analysis.findings import Finding
from battle.analysis.log import Log
from battle.scenario.slo.slo import SloSet

Checker: TypeAlias = Callable[[Log, SloSet], Finding | None]
"""From the log to a finding; None when it has nothing to say about a run of this kind."""


class PlacedChecker(msgspec.Struct, frozen=True, kw_only=True):
    """A checker that judges every run.

    `place` orders the findings in verdict and report. The finding has the name of the function. `rests_on_bench`: a
    load node or a mock provider that died can be why it fails; its FAIL is INCONCLUSIVE in such a run. A wrong answer
    and a gateway that died are the gateway's own, whatever else broke.
    """

    place: int
    checker: Checker
    rests_on_bench: bool
