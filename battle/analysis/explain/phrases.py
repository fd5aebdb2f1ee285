"""The words of a story: what failures, answers, breakers and faults are called for people. Pure."""

from collections.abc import Mapping

import msgspec

from battle.analysis.explain.history import (
    BreakerRow,
    FaultRow,
    NodeRow,
    ServedRow,
)
from battle.formatting import duration_text
from battle.store import typed

_FAILURES: Mapping[str, str] = {
    "timeout": "timed out, no answer came in time",
    "refused": "the connection was refused, nothing listened",
    "no_websocket": "no WebSocket connection was established: the upgrade was refused, or each connection closed",
    "reset": "the connection was reset",
    "closed": "the connection was closed before an answer came",
    "protocol": "the answer violated the protocol",
    "not_json_rpc": "the answer could not be read: it is not JSON-RPC",
    "wrong_id": "the answer has the id of another request",
    "wrong_batch": "answers to the batch were missing, repeated or not asked for",
    "unsent": "no connection was free in time",
    "unread": "the client abandoned the connection: too much of what it had sent was unread",
    "interrupted": "the run was interrupted",
    "cancelled": "it was cancelled",
}
_ANSWERS: Mapping[str, str] = {
    "right": "the right answer",
    "wrong": "a WRONG answer",
    "stale": "a STALE answer",
    "none": "an answer that was not checked",
}
_CHANGES: Mapping[str, str] = {
    "failure_threshold": "too many failures in a row",
    "open_timeout": "it was open long enough, now a probe is allowed",
    "probe_failed": "the probe failed",
    "success_threshold": "enough probes succeeded",
}
_INDUCED = "Induced: "
"""How the log marks an end that a fault brought about; the reason behind it names the fault."""

_TIMES = ("at", "duration", "down", "up")
"""Parameters of faults that say when; the log says it better."""

_A_TIME_NS = 100_000
"""No parameter of a fault that is not a time is a whole number as large as this."""


def failure_text(failure: str | None, http_status: int | None, rpc_code: int | None) -> str:
    """What went wrong, for people who know HTTP."""
    if failure == "rate_limited":
        return f"too many requests ({status_text(http_status, rpc_code)})"
    if failure in ("http_status", "rpc_error"):
        return status_text(http_status, rpc_code)
    return _FAILURES.get(failure or "", failure or "it failed")


def status_text(http_status: int | None, rpc_code: int | None) -> str:
    """What an answer says of itself."""
    status = "an answer" if http_status is None else f"HTTP {http_status}"
    if rpc_code is None:
        return status
    return f"JSON-RPC error {rpc_code}" if http_status is None else f"{status} with JSON-RPC error {rpc_code}"


def reply_text(row: ServedRow) -> str:
    """What a provider replied."""
    by = f", because of fault {row.fault_id}" if row.fault_id else ""
    return f"{status_text(row.http_status, row.rpc_code)}{by}"


def answer_text(answer: str) -> str:
    """How an answer was judged."""
    return _ANSWERS.get(answer, answer)


def state_text(state: str) -> str:
    """A breaker's state."""
    return state.replace("_", " ")


def breaker_text(provider: str, transport: str) -> str:
    """Which breaker; most are for HTTP."""
    return f"the breaker of {provider}" + (" for WebSockets" if transport == "ws" else "")


def change_text(row: BreakerRow) -> str:
    """How a breaker changed."""
    why = _CHANGES.get(row.reason, row.reason)
    breaker = breaker_text(row.provider, row.transport)
    return f"{breaker} goes from {state_text(row.from_state)} to {state_text(row.to_state)}: {why}"


def fault_text(fault: FaultRow) -> str:
    """A fault by its id, with what it does."""
    details = ", ".join(_details(fault.parameters))
    return f"fault {fault.fault_id} ({fault.kind} at {fault.target}{': ' if details else ''}{details})"


def _details(parameters: str) -> list[str]:
    try:
        known = typed.decode(parameters)
    except msgspec.DecodeError:
        return []
    if not isinstance(known, dict):
        return []
    return [
        f"{name}={_value_text(value)}"
        for name, value in known.items()
        if name not in _TIMES and isinstance(value, int | float | str) and not isinstance(value, bool)
    ]


def _value_text(value: float | str) -> str:
    return duration_text(value) if isinstance(value, int) and value >= _A_TIME_NS else str(value)


def node_text(row: NodeRow) -> str:
    """What happened to a node."""
    word = {"started": "started", "crashed": "died", "stopped": "was stopped"}[row.change]
    reason = (row.reason or "").removeprefix(_INDUCED)
    return f"{row.node} {word}" + (f": {reason}" if reason and row.change != "started" else "")
