"""Moments of a run as its reader counts them: from the start of the load, as the plan, charts and stories do.

The log counts from the run's start, before which nodes are made ready: two such times in one report look like two
moments. A run whose load never began has no other origin than its start, and then the text says so.
"""

from battle.analysis.log import Log
from battle.formatting import seconds_text


def load_began_ns(log: Log) -> int | None:
    """When the load began, in nanoseconds of the run; None: it never did, or the log does not say."""
    return next((row.at_ns for row in log.rows("run_phases") if row.phase == "load_began"), None)


def moment_text(at_ns: int, began_ns: int | None) -> str:
    """A moment of the run: "3.511 s" into its load, "0.250 s before the load", without one "0.250 s of the run"."""
    if began_ns is None:
        return f"{seconds_text(at_ns)} of the run"
    if at_ns < began_ns:
        return f"{seconds_text(began_ns - at_ns)} before the load"
    return seconds_text(at_ns - began_ns)


def at_text(at_ns: int, began_ns: int | None) -> str:
    """When something happened, for a sentence: "at 3.511 s"."""
    text = moment_text(at_ns, began_ns)
    return text if began_ns is not None and at_ns < began_ns else f"at {text}"


def second_ns(second: int, began_ns: int | None) -> int:
    """Where a whole second of the run begins, in nanoseconds of the run; the one the load began in, with the load."""
    return max(second * 10**9, began_ns or 0)
