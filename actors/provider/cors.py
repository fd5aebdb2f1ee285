"""Cross-origin requests, as browsers make them: what a node says of the origins that may read its answers. Pure."""

from collections.abc import Sequence

import msgspec

from battle.actors.provider.plain_requests import PlainAnswer
from battle.actors.provider.response import Response
from battle.actors.wire.http.messages import HttpRequest

ORIGIN = b"origin"
_METHOD = b"access-control-request-method"
_HEADERS = b"access-control-request-headers"
_KEPT_S = 600
"""How long a browser may go by a preflight's answer."""


def is_preflight(request: HttpRequest, origins: Sequence[str]) -> bool:
    """Whether a browser asks by this request if it may make another one, of a node that answers such questions."""
    return bool(origins) and request.method == "OPTIONS" and _METHOD in request.headers


def answer_preflight(request: HttpRequest) -> PlainAnswer:
    """What may be asked: anything by GET or POST. Who may ask is added as to every response."""
    method = request.headers[_METHOD]
    if method.upper() not in (b"GET", b"POST"):
        return PlainAnswer(204)
    allowed = {
        b"access-control-allow-methods": method,
        b"access-control-max-age": b"%d" % _KEPT_S,
    }
    if _HEADERS in request.headers:
        allowed[b"access-control-allow-headers"] = request.headers[_HEADERS]
    return PlainAnswer(204, headers=allowed)


def shared_with(response: Response, origin: bytes, origins: Sequence[str]) -> Response:
    """The response with the headers by which scripts of this origin may read it, if `origins` has it; "*" is any."""
    if not response.data or not origins:
        return response
    lines = b"vary: Origin\r\n"
    if "*" in origins:
        lines += b"access-control-allow-origin: *\r\n"
    elif origin.decode("latin-1") in origins:
        lines += b"access-control-allow-origin: %b\r\n" % origin
    # Behind the status line, whatever kind of response it is: failures have them as well.
    status_line, _, rest = response.data.partition(b"\r\n")
    return msgspec.structs.replace(response, data=b"%b\r\n%b%b" % (status_line, lines, rest))
