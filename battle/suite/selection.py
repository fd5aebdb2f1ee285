"""Which scenarios belong to a suite. Pure."""

from collections.abc import Sequence

import msgspec

from battle.errors import ScenarioError
from battle.formatting import names_text, plural
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


class LeftOut(msgspec.Struct, frozen=True):
    """Scenarios that a choice by `tags` does not run.

    `forgotten` carry none of the tags, and no tag of FULL either, so that no usual suite runs them. `asked` are the
    others: they carry a tag that is skipped, or their turn is in another suite.
    """

    tags: tuple[str, ...]
    forgotten: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()

    @property
    def forgotten_text(self) -> str | None:
        """What a reader of a green suite must know; None: nothing was forgotten."""
        if not self.forgotten:
            return None
        one = len(self.forgotten) == 1
        lack = f"none of the tags {', '.join(self.tags)}" if len(self.tags) > 1 else f"no tag {self.tags[0]}"
        return (
            f"{plural(len(self.forgotten), 'scenario')} {'was' if one else 'were'} left out, because "
            f"{'it has' if one else 'they have'} {lack}: {names_text(self.forgotten)}"
        )

    @property
    def asked_text(self) -> str | None:
        """Which others are not in the suite; None: there are none."""
        return f"left out, as asked for: {names_text(self.asked)}" if self.asked else None


def left_out(
    candidates: Sequence[Candidate | Unloadable], tags: Sequence[str], skip_tags: Sequence[str] = ()
) -> LeftOut:
    """Which scenarios `selected` leaves out, each once, and whether that was asked for."""
    kinds: dict[str, bool] = {}
    for one in candidates:
        if not isinstance(one, Candidate):
            continue
        carried = set(_tags(one))
        if not carried.isdisjoint(skip_tags):
            kinds[one.name] = True
        elif tags and carried.isdisjoint(tags):
            kinds[one.name] = not carried.isdisjoint(FULL)
    return LeftOut(
        tuple(tags),
        forgotten=tuple(name for name, asked in kinds.items() if not asked),
        asked=tuple(name for name, asked in kinds.items() if asked),
    )


def _tags(one: Candidate | Unloadable) -> Sequence[str]:
    return one.scenario.tags if isinstance(one, Candidate) else ()
