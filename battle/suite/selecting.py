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


class Unloadable(msgspec.Struct, frozen=True):
    """A file that cannot be loaded, and `why` in a sentence: nobody knows which scenarios are in it."""

    name: str
    why: str


def selected(
    candidates: Sequence[Candidate | Unloadable], labels: Sequence[str]
) -> list[Candidate | Unloadable]:
    """Those that carry one of the labels, each once, in their order; without labels, all of them.

    A file that cannot be loaded may hold any label, so it is always among them, and no label is unknown beside it.

    Raises:
        ScenarioError: there are none that can be run, or a label is carried by nobody: it would be run by nobody,
            and nobody would notice.
    """
    known = sorted({label for one in candidates for label in _labels(one)})
    all_loaded = all(isinstance(one, Candidate) for one in candidates)
    for label in labels:
        if all_loaded and label not in known:
            choice = f"the tags there are: {', '.join(known)}" if known else "none of them carries any"
            raise ScenarioError(f"no scenario carries the tag {label!r}; {choice}")
    chosen = [
        one
        for one in candidates
        if not labels or isinstance(one, Unloadable) or set(labels) & set(_labels(one))
    ]
    if not any(isinstance(one, Candidate) for one in chosen):
        unloadable = dict.fromkeys(one.why for one in chosen if isinstance(one, Unloadable))
        raise ScenarioError("; ".join(unloadable) or "there is no scenario to run")
    return list({one.name: one for one in chosen}.values())


def _labels(one: Candidate | Unloadable) -> Sequence[str]:
    return one.scenario.labels if isinstance(one, Candidate) else ()
