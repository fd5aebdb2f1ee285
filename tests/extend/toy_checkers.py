"""Checkers as an author writes them, good and bad."""

from collections.abc import Iterator

from battle import Finding, RunLog

SLOW_NS = 15_000_000


def no_slow_requests(log: RunLog) -> Finding:
    """Every request that ended ok took at most 15 ms."""
    (row,) = log.sql(
        "SELECT count(*) AS sent, count(*) FILTER (ended_ns - sent_ns > 15000000) AS slow FROM requests"
    )
    if not row.sent:
        return Finding(verdict="INCONCLUSIVE", summary="nothing was sent")
    verdict = "FAIL" if row.slow else "PASS"
    return Finding(verdict=verdict, summary=f"{row.slow} of {row.sent} requests were slow", ids=("r1",))


def many(log: RunLog) -> Iterator[Finding]:
    print("printed by a checker")
    yield Finding(verdict="PASS", summary="first thing")
    yield Finding(verdict="PASS", summary="second thing", severity="warning", ids=("x",) * 99)


def raises(log: RunLog) -> Finding:
    return _deeper({"a": 1})


def _deeper(facts: dict[str, int]) -> Finding:
    raise KeyError(f"no {len(facts)} here")


def raises_late(log: RunLog) -> Iterator[Finding]:
    yield Finding(verdict="PASS", summary="so far")
    raise ValueError("too late")


def never_stops(log: RunLog) -> Iterator[Finding]:
    while True:
        yield Finding(verdict="PASS", summary="and again")


def talks(log: RunLog) -> Finding:
    return Finding(verdict="FAIL", summary="one\ntwo " + "word " * 100_000)


def exits(log: RunLog) -> Finding:
    raise SystemExit(0)


def bad_sql(log: RunLog) -> Finding:
    log.sql("SELECT nothing FROM nowhere")
    return Finding(verdict="PASS", summary="unreached")


def writes(log: RunLog) -> Finding:
    log.sql("COPY requests TO 'stolen.csv'")
    return Finding(verdict="PASS", summary="unreached")


def returns_none(log: RunLog) -> None:
    """Its author forgot to return."""


def returns_nothing(log: RunLog) -> list[Finding]:
    return []


def returns_true(log: RunLog) -> bool:
    return True


def returns_text(log: RunLog) -> str:
    return "PASS"


def other_verdict(log: RunLog) -> Finding:
    return Finding(verdict="passed", summary="in words of its own")


def wrong_severity(log: RunLog) -> Finding:
    return Finding(verdict="PASS", summary="well", severity="harm")


def two_arguments(log: RunLog, slos: object) -> None: ...


async def asynchronous(log: RunLog) -> None: ...


NOT_A_FUNCTION = 5
