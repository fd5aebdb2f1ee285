"""What a client wants, as far as the gateway must know it. Pure.

The body goes to the provider as the client wrote it, so ids come back byte for byte, and a batch stays a
batch: one attempt carries all of it, the retry policy applies to the whole, and the log has one row per
attempt, with the method "batch".
"""

import msgspec

from battle.actors.gateway.calls import replies
from battle.actors.gateway.calls.replies import Reply
from battle.actors.gateway.policy.retry import NOT_REPEATABLE
from battle.actors.wire import correlation
from battle.actors.wire.correlation import REQUEST_ID_HEADER
from battle.actors.wire.http.messages import HttpRequest
from battle.actors.wire.jsonrpc import METHOD_CHARACTERS, Call, Invalid, Item, read_calls

BATCH = "batch"


class ProxiedRequest(msgspec.Struct, frozen=True):
    """One client request that providers can be asked."""

    body: bytes
    method: str
    ids: tuple[bytes, ...]
    """The ids of the calls that want an answer, as JSON text."""
    batch: bool
    repeatable: bool
    """Whether a second attempt is safe when nobody knows what became of the first."""
    trail: bytes | None
    """The header that carries the request's id, to be passed on."""
    request_id: str | None
    draw_key: str
    """What randomness is keyed by: the request's id, else a number the gateway gave it."""


def read_proxied(request: HttpRequest, number: int) -> ProxiedRequest | Reply:
    """What `request` asks of the providers, or the answer that the gateway itself has for it.

    Malformed JSON, and what is no valid call, never reaches a provider; a batch does when one of it is valid.
    """
    if request.method != "POST":
        return replies.method_not_allowed()
    return proxied_of(request.body, read_calls(request.body), number, request.headers.get(REQUEST_ID_HEADER))


def proxied_of(
    body: bytes, asked: Item | list[Item], number: int, trail: bytes | None = None
) -> ProxiedRequest | Reply:
    """The same for a body that has been read by `read_calls`; `trail` is the header with the request's id."""
    batch = isinstance(asked, list)
    items: list[Item] = asked if isinstance(asked, list) else [asked]
    calls = [item for item in items if isinstance(item, Call)]
    if not calls:
        errors = [(bytes(item.id), item.error) for item in items if isinstance(item, Invalid)]
        return replies.refused(errors, batch=batch)
    ids = tuple(bytes(item.id) for item in items if isinstance(item.id, msgspec.Raw))
    request_id = _request_id(trail, ids, body)
    return ProxiedRequest(
        body=body,
        method=BATCH if batch else calls[0].method[:METHOD_CHARACTERS],
        ids=ids,
        batch=batch,
        repeatable=not any(call.method in NOT_REPEATABLE for call in calls),
        trail=trail,
        request_id=request_id,
        draw_key=request_id or f"#{number}",
    )


def _request_id(trail: bytes | None, ids: tuple[bytes, ...], body: bytes) -> str | None:
    if trail is not None:
        return trail.decode("latin-1")
    return correlation.found_in_request({}, ids[0] if ids else b"", body.decode("latin-1"))
