"""What a provider answers to who asks too often, as a failure that a mock can repeat. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from battle.actors.redaction import redacted, without
from battle.actors.spec.failures import HttpFailure, RpcFailure

TEXT_CHARS_MAX = 2000
"""Of a body or a message: a longer one is a page for people, and left out."""

_TOO_MANY = 429
_CODES = (-32005, 429)
"""What JSON-RPC errors have that refuse who asks too often."""

_says_so = re.compile(
    r"rate.?limit|too many requests|request limit|compute units|throttl", re.IGNORECASE
).search
_JSON = "application/json"


class Reply(NamedTuple):
    """What came back: the HTTP status (200 over a WebSocket), the body's JSON, if it is some, headers and text."""

    status: int
    answer: Any
    headers: Mapping[str, str] = {}
    text: str = ""


def refusal_of(reply: Reply, secrets: Sequence[str] = ()) -> HttpFailure | RpcFailure | None:
    """The refusal that a reply is, without the secrets in it; None of any other reply."""
    error = reply.answer.get("error") if isinstance(reply.answer, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    message = str(error.get("message", "")) if isinstance(error, dict) else ""
    if reply.status != _TOO_MANY and code not in _CODES and not _says_so(message):
        return None
    headers = _headers(reply.headers, secrets)
    if isinstance(code, int):
        known = RpcFailure(code, _safe(message, secrets), None, reply.status, headers)
        data = _safe_data(error.get("data"), secrets) if isinstance(error, dict) else None
        full = RpcFailure(code, known.message, data, reply.status, headers)
        return next((one for one in (full, known) if not [*one.problems()]), None)
    content_type = reply.headers.get("content-type", "text/plain")
    body = _safe(reply.text, secrets)
    for one in (HttpFailure(reply.status, body, content_type, headers), HttpFailure(reply.status)):
        if not [*one.problems()]:
            return one
    return None


def seconds_to_wait(refusal: HttpFailure | RpcFailure) -> float | None:
    """What Retry-After says, in seconds; None where it says nothing, or a date."""
    try:
        return max(float(refusal.headers.get("retry-after", "")), 0.0)
    except ValueError:
        return None


def _headers(headers: Mapping[str, str], secrets: Sequence[str]) -> dict[str, str]:
    """Of all headers the one that clients act upon."""
    return {
        name: _safe(value, secrets)
        for name, value in ((name.lower(), value) for name, value in headers.items())
        if name == "retry-after" and value.isascii() and value.isprintable()
    }


def _safe(text: str, secrets: Sequence[str]) -> str:
    """The text without secrets; "" if it is too long."""
    return "" if len(text) > TEXT_CHARS_MAX else redacted(without(text, secrets))


def _safe_data(data: Any, secrets: Sequence[str]) -> Any:
    """The member `data` of an error, where a TOML file can hold it."""
    if isinstance(data, str):
        return _safe(data, secrets)
    return data if isinstance(data, int | float) else None
