"""Do real providers agree about their chain? Nobody here knows it, but two answers can contradict each other."""

from typing import Any

from battle.analysis.findings import EVIDENCE_IDS_MAX, Finding
from battle.analysis.log import Log
from battle.analysis.verdict.checker import PlacedChecker
from battle.formatting import plural, sentence
from battle.scenario.slo.slo import SloSet

NATURAL_FORK_BLOCKS = 7
"""So many blocks in a row two nodes may name differently near the head: one was asked before a reorganisation, the
other after it. As many as the deepest reorganisation of Ethereum's beacon chain had, in May 2022."""


def providers_agree(log: Log, slos: SloSet) -> Finding | None:
    """A warning when real providers contradict each other: a client sees whichever the gateway asked.

    What one says of a block, a receipt or the chain's id another must say as well. At a height they may name
    different blocks while a reorganisation is under way, and for `NATURAL_FORK_BLOCKS` in a row at most. It is no
    FAIL of the gateway, which cannot know.

    Does not apply when fewer than two real providers said anything that can be compared.
    """
    pairs = log.rows("named_heights")
    contradicted = log.rows("contradicted_facts", limit=EVIDENCE_IDS_MAX)
    if not pairs and not contradicted:
        return None
    forked = [row for row in pairs if row.longest > NATURAL_FORK_BLOCKS]
    problems = [*(_fork(row) for row in forked), *(_contradiction(row) for row in contradicted)]
    return Finding(
        checker="providers_agree",
        verdict="PASS",
        severity="warning" if problems else None,
        summary=sentence(problems or [_agreement(row) for row in pairs]),
        query="SELECT * FROM chain_facts ORDER BY subject, at_ns",
        ids=tuple(dict.fromkeys(_ids(forked, contradicted)))[:EVIDENCE_IDS_MAX],
    )


PROVIDERS_AGREE = PlacedChecker(place=145, checker=providers_agree, rests_on_bench=False)


def _fork(row: Any) -> str:
    return (
        f"{row.provider} and {row.other_provider} named different blocks at {row.differing:,} of "
        f"{plural(row.heights, 'height')}, {row.longest:,} of them in a row from {row.height} on "
        f"({_short(row.said)} and {_short(row.other_said)}): they are on different chains, or one is on a fork"
    )


def _contradiction(row: Any) -> str:
    said = ", ".join(f"{one['value']} by {one['provider']}" for one in row.said)
    return f"the {_short(row.subject)} was said to be {said}"


def _agreement(row: Any) -> str:
    pair = f"{row.provider} and {row.other_provider}"
    if not row.differing:
        return f"{pair} named the same block at {plural(row.heights, 'height')}"
    return (
        f"{pair} named the same block at all but {row.differing:,} of {plural(row.heights, 'height')}, "
        f"{row.longest:,} in a row at most, as in a reorganisation"
    )


def _short(text: str) -> str:
    """With hashes cut to what makes them different."""
    return " ".join(
        f"{word[:10]}…" if word.startswith("0x") and len(word) > 12 else word for word in text.split()
    )


def _ids(forked: list[Any], contradicted: list[Any]) -> list[str]:
    of_forks = [one for row in forked for one in (row.request_id, row.other_request_id)]
    return [
        one for one in (*of_forks, *(one["request_id"] for row in contradicted for one in row.said)) if one
    ]
