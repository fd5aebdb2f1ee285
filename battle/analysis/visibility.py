"""What of the gateway the log can show. What only the gateway could know, and did not report, is not denied."""

from typing import Any, Literal, TypeAlias

from battle.analysis.log import Log

Reported: TypeAlias = Literal["attempts", "breakers", "streams"]

_WHAT: dict[Reported, str] = {
    "attempts": "attempts",
    "breakers": "circuit breakers",
    "streams": "upstream subscriptions",
}
_COLLECT: dict[Reported, str] = {"attempts": "requests", "breakers": "circuit_breaker", "streams": "requests"}


def gateway_reports(log: Log) -> Any:
    """The one row of the view `gateway_reports`: the gateway's kind, and what it reports about itself."""
    return log.rows("gateway_reports")[0]


def unseen_text(kind: str | None, what: Reported) -> str:
    """Why a fact about the gateway is unknown; `kind` is the gateway's."""
    if kind == "embedded":
        return f"not collected: {_COLLECT[what]!r} is not in the scenario's collect"
    return f"not visible from outside: this gateway does not report its {_WHAT[what]}"
