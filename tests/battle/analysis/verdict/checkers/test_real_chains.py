"""Do real providers agree? Scripted facts of two providers."""

from pathlib import Path
from typing import Any

from battle.analysis.findings import Finding
from battle.analysis.log import Log
from battle.analysis.verdict.checkers.real_chains import NATURAL_FORK_BLOCKS, providers_agree
from battle.scenario.slo.slo import SloSet
from battle.store.events import ChainFactReported
from tests.battle.histories import MS, open_history


def fact(provider: str, at_ms: int, subject: str, value: str, *, is_final: bool = False) -> ChainFactReported:
    """What a provider said, in the answer to request `r<at_ms>`."""
    return ChainFactReported(
        at_ns=at_ms * MS,
        provider=provider,
        subject=subject,
        value=value,
        is_final=is_final,
        request_id=f"r{at_ms}",
    )


def named(provider: str, at_ms: int, heights: range, block_hash: str) -> list[ChainFactReported]:
    """A provider names a block at each of these heights, whose hashes begin alike."""
    return [fact(provider, at_ms + n, f"block {h}", f"0x{block_hash}{h:060x}") for n, h in enumerate(heights)]


def found(tmp_path: Path, *events: ChainFactReported) -> Finding | None:
    with open_history(tmp_path, *events) as run:
        return providers_agree(Log(run), SloSet())


def summary_of(finding: Finding | None) -> tuple[Any, str]:
    assert finding is not None
    assert finding.verdict == "PASS"
    return finding.severity, finding.summary


def test_without_facts_of_two_providers_it_does_not_apply(tmp_path: Path) -> None:
    assert found(tmp_path, *named("a", 0, range(100, 110), "aa")) is None


def test_the_same_blocks_at_all_heights(tmp_path: Path) -> None:
    facts = [*named("a", 0, range(100, 110), "aa"), *named("b", 50, range(105, 115), "aa")]
    assert summary_of(found(tmp_path, *facts)) == (None, "a and b named the same block at 5 heights")


def test_a_reorganisation_under_way_is_natural(tmp_path: Path) -> None:
    """What `a` said before it, `b` says another way after it; and both had said the same before."""
    facts = [
        *named("a", 0, range(100, 110), "aa"),
        *named("b", 20, range(100, 110), "aa"),
        *named("b", 50, range(110 - NATURAL_FORK_BLOCKS, 110), "bb"),
    ]
    said = (
        "a and b named the same block at all but 7 of 10 heights, 7 in a row at most, as in a reorganisation"
    )
    assert summary_of(found(tmp_path, *facts)) == (None, said)


def test_what_a_provider_said_last_counts(tmp_path: Path) -> None:
    facts = [
        *named("a", 0, range(100, 120), "aa"),
        *named("a", 50, range(100, 120), "bb"),
        *named("b", 80, range(100, 120), "bb"),
    ]
    assert summary_of(found(tmp_path, *facts)) == (None, "a and b named the same block at 20 heights")


def test_more_blocks_in_a_row_are_a_fork(tmp_path: Path) -> None:
    facts = [*named("a", 0, range(100, 110), "aa"), *named("b", 50, range(100, 108), "bb")]
    finding = found(tmp_path, *facts)
    assert summary_of(finding) == (
        "warning",
        "a and b named different blocks at 8 of 8 heights, 8 of them in a row from 100 on (0xaa000000… and "
        "0xbb000000…): they are on different chains, or one is on a fork",
    )
    assert finding is not None
    assert finding.ids == ("r0", "r50")


def test_heights_between_which_they_agree_are_no_row(tmp_path: Path) -> None:
    facts = [
        *named("a", 0, range(100, 120), "aa"),
        *named("b", 50, range(100, 107), "bb"),
        *named("b", 60, range(107, 108), "aa"),
        *named("b", 70, range(108, 115), "bb"),
    ]
    severity, summary = summary_of(found(tmp_path, *facts))
    assert (severity, "all but 14 of 15 heights, 7 in a row" in summary) == (None, True)


def test_what_cannot_change_must_be_the_same(tmp_path: Path) -> None:
    subject = "receipt of 0x1234567890abcdef in 0xfedcba0987654321"
    facts = [
        fact("a", 1, subject, "01", is_final=True),
        fact("b", 2, subject, "01", is_final=True),
        fact("b", 3, subject, "02", is_final=True),
        fact("a", 4, "chain id", "0x1", is_final=True),
    ]
    finding = found(tmp_path, *facts)
    assert summary_of(finding) == (
        "warning",
        "the receipt of 0x12345678… in 0xfedcba09… was said to be 01 by a, 02 by b",
    )
    assert finding is not None
    assert finding.ids == ("r1", "r3")
