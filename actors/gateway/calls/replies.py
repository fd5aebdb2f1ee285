"""What the gateway says to its client: a provider's answer passed on, or an honest error of its own. Pure."""

from collections.abc import Sequence
from typing import Any

import msgspec

from battle.actors.units import Duration
from battle.actors.wire.http.messages import HttpResponse
from battle.actors.wire.jsonrpc import LIMIT_EXCEEDED, SERVER_ERROR, RpcError, encode_error

PROVIDER_HEADER = b"x-battle-provider"
"""Names the provider that served the client."""

_JSON = b"application/json"


class Reply(msgspec.Struct, frozen=True):
    """A whole answer to a client request, before it is put into HTTP."""

    status: int
    body: bytes
    content_type: bytes = _JSON
    headers: dict[bytes, bytes] | None = None


class Failed(msgspec.Struct, frozen=True, omit_defaults=True):
    """The last attempt that failed, for the client to read."""

    provider: str
    failure: str
    http_status: int | None = None
    rpc_code: int | None = None
    detail: str | None = None


def passed_on(response: HttpResponse, provider: str) -> Reply:
    """A provider's answer, its body unchanged."""
    content_type = response.headers.get(b"content-type", _JSON)
    return Reply(response.status, response.body, content_type, {PROVIDER_HEADER: provider.encode()})


def method_not_allowed() -> Reply:
    """The answer to anything but a POST."""
    return Reply(405, b"JSON-RPC is spoken with POST here\n", b"text/plain", {b"allow": b"POST"})


def overloaded() -> Reply:
    """The answer to a request while the gateway holds too much for all its clients."""
    return Reply(503, b"too many bytes of requests wait here\n", b"text/plain")


def refused(errors: Sequence[tuple[bytes, RpcError]], *, batch: bool) -> Reply:
    """The answer to a body that is no valid call, or a batch of none: (id, error) for each.

    HTTP 200, as geth does: the transport worked, the error is JSON-RPC's.
    """
    return Reply(200, _errors(errors, batch))


def unavailable(
    ids: Sequence[bytes], *, batch: bool, attempts: int, reason: str, last: Failed | None, timed_out: bool
) -> Reply:
    """No provider answered: 503 when none was available, 504 when time ran out, 502 otherwise.

    `reason` says why there was no further attempt.
    """
    status = 504 if timed_out else 503 if last is None else 502
    made = f"{attempts} attempt{'' if attempts == 1 else 's'} made"
    why = "" if last is None else f", the last failed at {last.provider}: {_description(last)}"
    data: dict[str, Any] = {"attempts": attempts, "reason": reason}
    if last is not None:
        data["last"] = last
    error = RpcError(SERVER_ERROR, f"No provider answered: {made}{why}; {reason}", data)
    return Reply(status, _errors([(identifier, error) for identifier in ids], batch))


def rate_limited(ids: Sequence[bytes], *, batch: bool, attempts: int, retry_after: Duration) -> Reply:
    """All providers want to be left alone for a while: 429 with the time until the first is back."""
    wait_seconds = max(1, -(-retry_after // 10**9))
    data = {"attempts": attempts, "retry_after_seconds": wait_seconds}
    error = RpcError(LIMIT_EXCEEDED, f"The providers are rate limited: try again in {wait_seconds} s", data)
    body = _errors([(identifier, error) for identifier in ids], batch)
    return Reply(429, body, headers={b"retry-after": b"%d" % wait_seconds})


def _description(last: Failed) -> str:
    words = [last.failure]
    if last.failure == "http_status":
        words.append(f"{last.http_status}")
    if last.rpc_code is not None:
        words.append(f"{last.rpc_code}")
    if last.detail:
        words.append(f"({last.detail})")
    return " ".join(words)


def _errors(errors: Sequence[tuple[bytes, RpcError]], batch: bool) -> bytes:
    """One error for each id; notifications have none, so there may be nothing to say."""
    answers = [encode_error(msgspec.Raw(identifier), error) for identifier, error in errors]
    if batch and answers:
        return b"[%b]" % b",".join(answers)
    return b"".join(answers)
