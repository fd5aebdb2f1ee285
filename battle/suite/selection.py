"""Which scenarios belong to a suite. Pure."""

from collections.abc import Sequence

from battle.errors import ScenarioError
from battle.scenario.discovery import Skipped, skipped_lines
from battle.scenario.loader import Candidate, Unloadable

FAST = ("fast",)
FULL = ("fast", "slow", "soak")
"""What `--fast` and `--full` mean: the labels that the shipped scenarios carry."""


def selected(
    candidates: Sequence[Candidate | Unloadable], labels: Sequence[str], skipped: Sequence[Skipped] = ()
) -> list[Candidate | Unloadable]:
    """Those that carry one of the labels, each once, in their order; without labels, all of them.

    A file that cannot be loaded may hold any label, so it is always among them, and no label is unknown beside it.
    `skipped` are files that were left out: when there is nothing to run, they are named.

    Raises:
        ScenarioError: there are none that can be run, or a label is carried by nobody: it would be run by nobody,
            and nobody would notice.
    """
    known = sorted({label for one in candidates for label in _labels(one)})
    all_loaded = all(isinstance(one, Candidate) for one in candidates)
    for label in labels:
        if all_loaded and label not in known:
            choice = f"the tags are: {', '.join(known)}" if known else "none of them has any"
            raise ScenarioError(f"no scenario has the tag {label!r}; {choice}")
    chosen = [
        one
        for one in candidates
        if not labels or isinstance(one, Unloadable) or set(labels) & set(_labels(one))
    ]
    if not any(isinstance(one, Candidate) for one in chosen):
        unloadable = dict.fromkeys(one.why for one in chosen if isinstance(one, Unloadable))
        nothing = "\n".join(["there is no scenario to run", *skipped_lines(skipped)])
        raise ScenarioError("; ".join(unloadable) or nothing)
    return list({one.name: one for one in chosen}.values())


def _labels(one: Candidate | Unloadable) -> Sequence[str]:
    return one.scenario.labels if isinstance(one, Candidate) else ()
