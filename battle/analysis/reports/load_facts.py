"""What the load of a run was: requests, subscriptions, or both. Pure."""

from battle.analysis.reports.failure_facts import LogSubscriptions
from battle.analysis.reports.schema import Continuity, Report
from battle.formatting import plural


def only_subscriptions(report: Report) -> bool:
    """Whether clients subscribed, and no workload was to send requests: then that none ended is no fact."""
    subscribers = {one.workload for one in _facts(report)}
    requesting = {one.workload for one in report.generator} - subscribers
    return bool(subscribers) and not requesting and not report.requests.total


def load_text(report: Report) -> str:
    """The load in numbers: "1,900 requests", "50 subscriptions, 626 heads due, 0 missed", or one and the other."""
    parts = [] if only_subscriptions(report) else [plural(report.requests.total, "request")]
    if _facts(report):
        parts.append(plural(subscriptions(report), "subscription"))
        parts += [f"{what} due" for what in _due(report)]
        parts.append(f"{missed(report):,} missed")
    return ", ".join(parts)


def subscriptions(report: Report) -> int:
    """How many subscriptions clients had, to heads and to logs."""
    return sum(one.subscriptions for one in _facts(report))


def missed(report: Report) -> int:
    """How many of the heads and log entries that were due did not come."""
    return sum(one.missed for one in _facts(report))


def due(report: Report) -> int:
    """How many heads and log entries were due to clients."""
    return sum(one.due for one in _facts(report))


def _facts(report: Report) -> list[Continuity | LogSubscriptions]:
    return [*report.websocket.continuity, *report.websocket.logs]


def _due(report: Report) -> list[str]:
    facts = report.websocket
    heads = [plural(sum(one.due for one in facts.continuity), "head")] if facts.continuity else []
    entries = sum(one.due for one in facts.logs)
    return [*heads, f"{entries:,} log {'entry' if entries == 1 else 'entries'}"] if facts.logs else heads
