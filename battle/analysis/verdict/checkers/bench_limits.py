"""Did the test bench meet a limit of its own? What it could not do then is not the gateway's doing."""

from collections.abc import Iterator
from typing import Any

from battle.analysis.findings import EVIDENCE_IDS_MAX, Finding
from battle.analysis.log import Log
from battle.analysis.time_text import at_text, load_began_ns
from battle.analysis.verdict.checker import PlacedChecker
from battle.analysis.verdict.checkers.load_generator import lateness_bound_ns
from battle.analysis.verdict.checkers.nodes import GATEWAY_NODE
from battle.formatting import duration_text, plural, sentence
from battle.scenario.slo.slo import SloSet

_SYSTEM = {
    "open_files": "open files: raise it (ulimit -n)",
    "processes": "processes: raise it (ulimit -u, or the pids limit of the container)",
    "memory": "memory: give the machine or the container more, or run less at once",
    "ports": "local ports: run less at once (net.ipv4.ip_local_port_range)",
}
"""The limits of the operating system, and what to do about each."""


BATTLE_LIMITS = frozenset({"connections", "unread", "kept", "rate"})
"""What Battle itself allows, and not the machine."""

SEEN_IN_REQUESTS = frozenset({"connections", "unread"})
"""Of these bounds each request that suffered from one says so: they explain nothing else."""


def bench_within_limits(log: Log, slos: SloSet) -> Finding | None:
    """INCONCLUSIVE when a node of the bench met a limit of the machine, stood still, or let requests wait long."""
    began_ns, bound_ns = load_began_ns(log), lateness_bound_ns(slos.run)
    if began_ns is None:
        return None  # why it did not begin is another checker's
    rows = log.rows("bench_limits")
    problems = [problem for row in rows for problem in limit_texts(row, began_ns, bound_ns)]
    return Finding(
        checker="bench_within_limits",
        verdict="INCONCLUSIVE" if problems else "PASS",
        summary=sentence(problems) if problems else _within(rows),
        query="SELECT * FROM bench_limits ORDER BY at_ns",
        ids=tuple(dict.fromkeys(row.node for row in rows))[:EVIDENCE_IDS_MAX],
    )


BENCH_WITHIN_LIMITS = PlacedChecker(place=80, checker=bench_within_limits, rests_on_bench=False)


def limiting_text(log: Log) -> str | None:
    """Why the bench could not do its part, when a limit of the machine or a standstill kept it from that.

    Waiting for one of `max_connections` is none: latency counts from the moment a request was due, so it shows.
    """
    limits = [row for row in log.rows("bench_limits") if row.limit not in SEEN_IN_REQUESTS]
    if not limits:
        return None
    if any(row.limit == "standstill" for row in limits):
        return "the coordinator was stopped meanwhile"
    first = limits[0]
    if first.limit == "rate":
        return f"the link held requests to {first.node} back"
    if first.limit in BATTLE_LIMITS:
        return f"{first.node} reached a buffer limit of Battle"
    return f"{first.node} reached a limit of the machine ({first.limit.replace('_', ' ')})"


def limit_texts(row: Any, began_ns: int | None, bound_ns: int) -> Iterator[str]:
    """What a row of the query `bench_limits` says against the measurement; nothing of a wait within the bound."""
    if row.limit == "standstill":
        yield (
            f"the {row.node} was stopped for {duration_text(row.duration_ns)} until "
            f"{at_text(row.first_at_ns, began_ns).removeprefix('at ')} (Ctrl-Z, or the machine was paused): run again"
        )
    elif row.limit == "connections":
        if row.duration_ns > bound_ns:
            yield (
                f"{row.node} reached its limit of {plural(row.bound, 'connection')} (max_connections): "
                f"{plural(row.times, 'request')} waited up to {duration_text(row.duration_ns)} for one"
            )
    elif row.limit == "unread":
        yield (
            f"{row.node} dropped {plural(row.times, 'connection')} on which more than {row.bound >> 20:,} MiB waited "
            f"to be read, or more than its share of the total: send smaller requests, or fewer at once"
        )
    elif row.limit == "rate":
        if row.duration_ns > bound_ns:
            yield (
                f"the link held back {plural(row.times, 'request')} to provider {row.node}, up to "
                f"{duration_text(row.duration_ns)}, so that it is asked at most {row.bound:,} times in a second: "
                "reduce the load, or raise its requests_per_second"
            )
    elif row.limit == "kept":
        yield (
            f"provider {row.node} kept more than {row.bound >> 20:,} MiB of answers that had not been read, first "
            f"{at_text(row.first_at_ns, began_ns)}, and accepted no more requests from those clients: a limit of "
            f"Battle's mock providers; request smaller answers, or fewer at once"
        )
    else:
        who = "the gateway" if row.node == GATEWAY_NODE else row.node
        yield (
            f"{who} reached the machine's limit of {_SYSTEM[row.limit]}; {plural(row.times, 'time')}, "
            f"first {at_text(row.first_at_ns, began_ns)} ({row.detail})"
        )


def _within(rows: list[Any]) -> str:
    waited = sum(row.times for row in rows if row.limit == "connections")
    if not waited:
        return "no node of the bench reached a limit"
    longest_ns = max(row.duration_ns for row in rows)
    return f"{plural(waited, 'request')} waited for a connection, {duration_text(longest_ns)} at most"
