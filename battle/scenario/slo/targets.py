"""The targets of an `Slo`: a field for each metric in `metrics/`.

What a type checker sees of it is in `targets.pyi`, which `make pages` writes.
"""

import msgspec

from battle.actors.spec.base import Checking
from battle.scenario.slo.metrics import METRICS


class Targets(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, metaclass=Checking):
    """The fields of an `Slo` that are targets; None sets none."""

    __annotations__ = {one.name: int | None if one.count else float | None for one in METRICS.values()}
    vars().update(dict.fromkeys(METRICS))
