"""Which scenarios belong to a suite. Pure."""

from collections.abc import Sequence

import msgspec

from battle.errors import ScenarioError
from battle.scenario import Scenario

FAST = ("fast",)
FULL = ("fast", "slow", "soak")
"""What `--fast` and `--full` mean: the labels that the shipped scenarios carry."""


class Candidate(msgspec.Struct, frozen=True):
    """A scenario, and the text that `load_scenario` takes for it."""

    name: str
    scenario: Scenario


def selected(candidates: Sequence[Candidate], labels: Sequence[str]) -> list[Candidate]:
    """Those that carry one of the labels, each once, in their order; without labels, all of them.

    Raises:
        ScenarioError: there are none, or a label is carried by nobody: it would be run by nobody, and nobody would
            notice.
    """
    known = sorted({label for one in candidates for label in one.scenario.labels})
    for label in labels:
        if label not in known:
            choice = f"the tags there are: {', '.join(known)}" if known else "none of them carries any"
            raise ScenarioError(f"no scenario carries the tag {label!r}; {choice}")
    chosen = [one for one in candidates if not labels or set(labels) & set(one.scenario.labels)]
    if not chosen:
        raise ScenarioError("there is no scenario to run")
    return list({one.name: one for one in chosen}.values())
