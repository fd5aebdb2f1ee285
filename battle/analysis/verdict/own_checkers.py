"""What a scenario's own checkers find. What they raise, or return by mistake, is INCONCLUSIVE, never a PASS."""

from collections.abc import Iterator, Sequence

import msgspec

from battle.analysis.findings import EVIDENCE_IDS_MAX, Finding
from battle.analysis.log import Log
from battle.scenario.author_checkers import CheckerError, CheckerMissingError, answers_of
from battle.store import typed

SUMMARY_CHARACTERS_MAX = 1000
"""Of a summary: the rest belongs into what `query` asks for."""


def own_findings(log: Log, names: Sequence[str]) -> Iterator[Finding]:
    """The findings of these checkers, at least one of each: a checker that says nothing has not judged."""
    for name in names:
        try:
            answers = answers_of(name, log.for_authors)
        except CheckerMissingError as error:
            yield _unable(name, f"{error}; `battle judge RUN --checker NAME` takes another place")
            continue
        except CheckerError as error:
            yield _unable(name, str(error))
            continue
        if not answers:
            yield _unable(
                name, f"checker {name!r} returned no finding: return one with PASS when all is well"
            )
        yield from (_finding(name, answer) for answer in answers)


def _finding(name: str, answer: object) -> Finding:
    """The finding under the checker's name, whatever its author wrote there, if it is one."""
    if not isinstance(answer, Finding):
        return _unable(
            name, f"checker {name!r} must return a Finding, or several of them, not {answer!r:.80}"
        )
    try:
        found = typed.convert(msgspec.to_builtins(answer), Finding)
    except (TypeError, ValueError, RecursionError) as error:
        return _unable(name, f"checker {name!r} returned a Finding that is none: {error}")
    return msgspec.structs.replace(
        found, checker=_shown(name), summary=_one_line(found.summary), ids=found.ids[:EVIDENCE_IDS_MAX]
    )


def _one_line(summary: str) -> str:
    """It stands in the first line of a verdict, in tables and in JUnit."""
    line = " ".join(summary.split())
    return line if len(line) <= SUMMARY_CHARACTERS_MAX else f"{line[: SUMMARY_CHARACTERS_MAX - 1]}…"


def _unable(name: str, summary: str) -> Finding:
    return Finding(checker=_shown(name), verdict="INCONCLUSIVE", summary=summary)


def _shown(name: str) -> str:
    """The name without the directory: "battles/checks.py:no_gaps" is "checks.py:no_gaps" in a report."""
    return name.rpartition("/")[2]
