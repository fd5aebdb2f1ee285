"""Which scenarios belong to a suite. Pure."""

from collections.abc import Sequence

from battle.errors import ScenarioError
from battle.scenario.discovery import Skipped, skipped_lines
from battle.scenario.loader import Candidate, Unloadable

FAST = ("fast",)
FULL = ("fast", "slow", "soak")
"""What `--fast` and `--full` mean: the tags that the shipped scenarios carry."""


def selected(
    candidates: Sequence[Candidate | Unloadable],
    tags: Sequence[str],
    skipped: Sequence[Skipped] = (),
    skip_tags: Sequence[str] = (),
) -> list[Candidate | Unloadable]:
    """Those that carry one of the tags, each once, in their order; without tags, all of them. None of `skip_tags`.

    A file that cannot be loaded may hold any tag, so it is always among them, and no tag is unknown beside it.
    `skipped` are files that were left out: when there is nothing to run, they are named.

    Raises:
        ScenarioError: there are none that can be run, or a tag is carried by nobody: it would be run by nobody,
            and nobody would notice. Of the three tags of FULL, which are no choice of words, one is enough.
    """
    known = sorted({tag for one in candidates for tag in _tags(one)})
    all_loaded = all(isinstance(one, Candidate) for one in candidates)
    for tag in tags:
        if all_loaded and tag not in known and (tuple(tags) != FULL or set(FULL).isdisjoint(known)):
            choice = f"the tags are: {', '.join(known)}" if known else "none of them has any"
            raise ScenarioError(f"no scenario has the tag {tag!r}; {choice}")
    chosen = [
        one
        for one in candidates
        if (not tags or isinstance(one, Unloadable) or set(tags) & set(_tags(one)))
        and set(skip_tags).isdisjoint(_tags(one))
    ]
    if not any(isinstance(one, Candidate) for one in chosen):
        unloadable = dict.fromkeys(one.why for one in chosen if isinstance(one, Unloadable))
        nothing = "\n".join(["there is no scenario to run", *skipped_lines(skipped)])
        raise ScenarioError("; ".join(unloadable) or nothing)
    return list({one.name: one for one in chosen}.values())


def _tags(one: Candidate | Unloadable) -> Sequence[str]:
    return one.scenario.tags if isinstance(one, Candidate) else ()
