"""What a link says to an upstream for a client, and to the client for the upstream: other names, same message. Pure.

The client speaks to the link as if it were the upstream: with the link's address in `host`, without the path that the
upstream is at, and without the headers that it wants. Headers that belong to one connection do not go on (RFC 9110,
7.6.1).
"""

import msgspec

from battle.actors.spec.endpoints import Endpoint
from battle.actors.wire.http.messages import HttpRequest, HttpResponse, encode_response

_OF_ONE_CONNECTION = frozenset({
    b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te",
    b"trailer", b"transfer-encoding", b"upgrade",
})  # fmt: skip
_MADE_HERE = frozenset({b"host", b"content-length", b"expect", b"x-battle-request", b"accept-encoding"})
"""The trail of a request is no business of the upstream's. Answers must be readable here."""

_NOT_FOR_CLIENTS = frozenset({b"content-length", b"content-type", b"location", b"set-cookie"})
"""A location leads around the link, and may hold a key, as a cookie does."""

_DEFAULT_PORTS = (":80", ":443")


def forwarded_request(request: HttpRequest, upstream: Endpoint) -> bytes:
    """The request as the upstream gets it. A HEAD goes as GET: how long its answer is, only the answer says."""
    method = "GET" if request.method == "HEAD" else request.method
    coding = b"gzip" if b"gzip" in request.headers.get(b"accept-encoding", b"") else b"identity"
    lines = [*_head(method, request, upstream), b"accept-encoding: " + coding]
    if request.body or method == "POST":
        lines.append(b"content-length: %d" % len(request.body))
    return b"\r\n".join((*lines, b"", request.body))


def forwarded_handshake(request: HttpRequest, upstream: Endpoint) -> bytes:
    """The request for a WebSocket as the upstream gets it: without extensions, so that frames can be read here."""
    headers = {name: value for name, value in request.headers.items() if name != b"sec-websocket-extensions"}
    plain = msgspec.structs.replace(request, headers=headers)
    lines = [*_head(request.method, plain, upstream), b"connection: upgrade", b"upgrade: websocket"]
    return b"\r\n".join((*lines, b"", b""))


def forwarded_response(response: HttpResponse, request: HttpRequest) -> bytes:
    """The response as the client gets it."""
    headers = {
        name: value for name, value in _passed_on(response.headers).items() if name not in _NOT_FOR_CLIENTS
    }
    return encode_response(
        response.status,
        b"" if response.status == 204 else response.body,
        content_type=response.headers.get(b"content-type", b"application/octet-stream"),
        headers=headers,
        keep_alive=request.keep_alive and response.keep_alive,
        to_head=request.method == "HEAD",
    )


def joined(base: str, target: str) -> str:
    """What to ask an upstream at the path `base` for when a client asks the link for `target`; both with queries."""
    if not target.startswith("/"):
        return base  # "*" of OPTIONS, or a whole URL
    base_path, _, base_query = base.partition("?")
    path, _, query = target.partition("?")
    whole = base_path if path == "/" else base_path.rstrip("/") + path
    queries = "&".join(filter(None, (base_query, query)))
    return f"{whole}?{queries}" if queries else whole


def _head(method: str, request: HttpRequest, upstream: Endpoint) -> list[bytes]:
    ours = upstream.encoded_headers()
    headers = {name: value for name, value in _passed_on(request.headers).items() if name not in _MADE_HERE}
    first = f"{method} {joined(upstream.path, request.target)} HTTP/1.1\r\nhost: {_host(upstream)}"
    return [first.encode("latin-1"), *(b"%b: %b" % header for header in (headers | ours).items())]


def _host(upstream: Endpoint) -> str:
    return upstream.address.removesuffix(_DEFAULT_PORTS[upstream.tls is not None])


def _passed_on(headers: dict[bytes, bytes]) -> dict[bytes, bytes]:
    named = {name.strip().lower() for name in headers.get(b"connection", b"").split(b",")}
    return {
        name: value for name, value in headers.items() if name not in _OF_ONE_CONNECTION and name not in named
    }
