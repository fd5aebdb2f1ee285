"""How a request can fail: the names that scenarios have for it, and what a client gets under each of them.

A failure is written as a name, as an `HttpFailure` or as an `RpcFailure`. A new name is one entry in `NAMED`. Pure.
"""

import re
from collections.abc import Iterator, Sequence
from fnmatch import translate
from functools import lru_cache
from typing import Any, Literal, TypeAlias

from battle.actors.spec.base import Spec, nearest

_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OURS = ("connection", "content-length", "content-type", "date", "transfer-encoding")
"""Headers that follow from the response itself; `content_type` is a field."""

_WITHOUT_BODY = (204, 205, 304)
_STATUSES = range(200, 600)
_FAILED_STATUSES = range(300, 600)
"""Those that have a name, `http_NNN`: under a 2xx nothing has failed yet but what the body says."""

_CODES = range(-(2**63), 2**63)
"""What columns of the log can hold."""

_PAGE = "<!DOCTYPE html><title>{0}</title><h1>{0}</h1>\n"
_HTML = "text/html"
_JSON = "application/json"


class HttpFailure(Spec, frozen=True, tag="http"):
    """An HTTP response in place of the answer, to a batch as to a call.

    In WebSocket messages, which have no status, it is a JSON-RPC error: -32005 for 429, -32603 for 5xx, -32000 with
    the body's text for others. A WebSocket that is opened meanwhile is refused with the status.
    """

    status: int
    body: str = ""
    content_type: str = "text/plain"
    headers: dict[str, str] = {}

    def problems(self) -> Iterator[str]:
        yield from _status_problems("status", self.status)
        if self.body and self.status in _WITHOUT_BODY:
            yield f"a response with status {self.status} has no body"
        yield from _header_problems({**self.headers, "content_type": self.content_type})

    @property
    def in_message(self) -> "RpcFailure":
        """What it is in a WebSocket message."""
        if self.status == _TOO_MANY:
            return NAMED_RPC["rpc_limit"]
        if self.status >= _SERVERS_OWN:
            return NAMED_RPC["rpc_internal_error"]
        text = self.body.strip() if self.content_type == "text/plain" else ""
        return RpcFailure(-32000, text or f"refused with HTTP status {self.status}")


class RpcFailure(Spec, frozen=True, tag="rpc"):
    """A JSON-RPC error in place of the result, of each call for itself.

    `{method}` in the message is the call's method. Some servers put such an error under another status than 200.
    """

    code: int
    message: str = "the provider failed"
    data: Any = None
    """The error's member `data`; None: it has none."""
    http_status: int = 200
    """Of the response, unless a batch has other answers as well."""
    headers: dict[str, str] = {}
    """Of that response."""

    def problems(self) -> Iterator[str]:
        if self.code not in _CODES:
            yield f"code must be a number of at most 64 bits, not {self.code}"
        yield from _status_problems("http_status", self.http_status)
        if self.http_status in _WITHOUT_BODY:
            yield f"http_status cannot be {self.http_status}: such a response has no body, and the error is one"
        yield from _header_problems(self.headers)


FailureKind: TypeAlias = str | HttpFailure | RpcFailure
"""A way to fail: a name, an `HttpFailure` or an `RpcFailure`.

Names are `http_NNN` for any status from 300 on, and those listed under "Failures by name"."""

ConnectionFailure: TypeAlias = Literal["reset", "no_answer"]
"""A TCP reset instead of an answer; nothing, until the client gives up."""

_TOO_MANY = 429
_SERVERS_OWN = 500

NAMED_RPC: dict[str, RpcFailure] = {
    "rpc_error": RpcFailure(-32000),
    "rpc_server_error": RpcFailure(-32000),
    "rpc_internal_error": RpcFailure(-32603, "Internal error"),
    "rpc_limit": RpcFailure(-32005, "the request rate limit is exceeded"),
    "method_not_available": RpcFailure(-32601, "the method {method} does not exist/is not available"),
    "method_not_in_plan": RpcFailure(
        -32600, "{method} is not available on your current plan", http_status=403
    ),
    "archive_missing": RpcFailure(
        -32000, "missing trie node: the state is not available, no archive is kept"
    ),
    "archive_not_in_plan": RpcFailure(
        -32600, "archive requests are not available on your current plan", http_status=403
    ),
    "history_pruned": RpcFailure(4444, "pruned history unavailable"),
    "header_not_found": RpcFailure(-32000, "header not found"),
    "compute_units_exceeded": RpcFailure(
        429, "the compute units per second capacity of this account is exceeded", http_status=429
    ),
    "daily_limit_reached": RpcFailure(
        -32005, "daily request count exceeded, request rate limited", http_status=429
    ),
    "execution_timed_out": RpcFailure(-32002, "request timed out"),
    "node_out_of_sync": RpcFailure(-32000, "the node is not in sync"),
}
"""The failures that are JSON-RPC errors."""

_EDGE_STATUSES = {
    520: "Web server returned an unknown error",
    521: "Web server is down",
    522: "Connection timed out",
    523: "Origin is unreachable",
    524: "A timeout occurred",
    525: "SSL handshake failed",
    526: "Invalid SSL certificate",
    527: "Railgun error",
    530: "Origin DNS error",
}
"""What a content delivery network says of the server behind it, each with a page of its own."""

NAMED_HTTP: dict[str, HttpFailure] = {
    "out_of_credits": HttpFailure(402, "this account is out of credits\n"),
    "bad_key": HttpFailure(401, '{"error":"invalid api key"}\n', _JSON),
    "key_disabled": HttpFailure(403, '{"error":"this api key is disabled"}\n', _JSON),
    "overloaded": HttpFailure(503, "the server is overloaded\n", headers={"retry-after": "1"}),
    "gateway_timeout": HttpFailure(504, _PAGE.format("504 Gateway Time-out"), _HTML),
    **{
        f"cloudflare_{status}": HttpFailure(status, _PAGE.format(f"{status}: {reason}"), _HTML)
        for status, reason in _EDGE_STATUSES.items()
    },
}
"""The failures that are HTTP responses, besides `http_NNN`."""

NAMED: dict[str, HttpFailure | RpcFailure | ConnectionFailure] = {
    **NAMED_RPC,
    **NAMED_HTTP,
    "reset": "reset",
    "no_answer": "no_answer",
}
"""All failures that have a name, besides `http_NNN`."""


@lru_cache
def named(name: str) -> HttpFailure | RpcFailure | ConnectionFailure | None:
    """The failure of this name; None when there is none."""
    if (found := NAMED.get(name)) is not None:
        return found
    status = re.fullmatch("http_([0-9]{3})", name)
    if status is None or int(status[1]) not in _FAILED_STATUSES:
        return None
    return HttpFailure(int(status[1]))


def failure_of(kind: FailureKind) -> FailureKind:
    """What a kind of failure is; a word that is no name of those here stands for itself."""
    return named(kind) or kind if isinstance(kind, str) else kind


def failure_problems(what: str, kinds: Sequence[FailureKind]) -> Iterator[str]:
    """What is wrong with a field of kinds; `what` names it."""
    if not kinds:
        yield f"{what} needs at least one kind of failure"
    for number, kind in enumerate(kinds):
        if not isinstance(kind, str):
            yield from (f"{what}[{number}]: {problem}" for problem in kind.problems())
        elif named(kind) is None:
            yield f"{what}[{number}]: there is no failure {kind!r}: {_meant(kind)}"


def _meant(name: str) -> str:
    if meant := nearest(name, (*NAMED, "http_500", "http_503")):
        return f"did you mean {meant!r}?"
    names = ", ".join(NAMED)
    return f"write http_NNN (300 to 599), an HttpFailure, an RpcFailure, or one of {names}"


def fits(patterns: tuple[str, ...], method: str) -> bool:
    """Whether a method is one of those that the patterns mean, in which `*` and `?` stand for characters."""
    return _compiled(patterns).fullmatch(method) is not None


@lru_cache
def _compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(translate, patterns)))


def method_problems(what: str, patterns: Sequence[str]) -> Iterator[str]:
    """What is wrong with a field of methods; `what` names it."""
    if isinstance(patterns, str) or not all(pattern and not pattern.isspace() for pattern in patterns):
        yield f'{what} is a list of methods, in which * stands for any characters: ("debug_*", "eth_getLogs")'


def _status_problems(what: str, status: int) -> Iterator[str]:
    if status not in _STATUSES:
        yield f"{what} must be from 200 to 599, not {status}"


def _header_problems(headers: dict[str, str]) -> Iterator[str]:
    for name, value in headers.items():
        if not _HEADER.fullmatch(name):
            yield f"{name!r} is not the name of a header"
        elif name.lower() in _OURS:
            yield f"the header {name} is not yours to set" + (
                "; use content_type" if name.lower() == "content-type" else ""
            )
        if not value.isascii() or not value.isprintable():
            yield f"{name}: a header's value is printable ASCII, not {value!r}"


def encoded(headers: dict[str, str]) -> dict[bytes, bytes]:
    """Headers as they are sent."""
    return {name.lower().encode("ascii"): value.encode("ascii") for name, value in headers.items()}
