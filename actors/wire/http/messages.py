"""HTTP/1.1 messages, and what they are as bytes: `parsers` reads what is written here."""

from functools import lru_cache
from http import HTTPStatus

import msgspec

from battle.actors.spec.endpoints import Endpoint

_REASONS = {status.value: status.phrase for status in HTTPStatus}


class ProtocolError(Exception):
    """The peer broke HTTP, or a limit. `status` is what a server answers to that."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class HttpRequest(msgspec.Struct):
    """One whole request. Header names are lower case; a repeated header keeps its last value, a list all of them.

    One that `wants_websocket` is the last of its connection, whatever it says about keeping it: what follows
    it is no HTTP. A server is free to answer it as any other request.
    """

    method: str
    target: str
    headers: dict[bytes, bytes]
    body: bytes
    keep_alive: bool
    wants_websocket: bool = False


class HttpResponse(msgspec.Struct):
    """One whole response. Header names are lower case; a repeated header keeps its last value.

    Responses of one connection may share `headers`: do not change them.
    """

    status: int
    headers: dict[bytes, bytes]
    body: bytes
    keep_alive: bool


def request_head(address: str, target: str = "/", headers: dict[bytes, bytes] | None = None) -> bytes:
    """The part of a POST's head that is the same for every request to `address`, for `encode_request`."""
    usual = {b"host": address.encode("ascii"), b"content-type": b"application/json"}
    lines = [b"%b: %b\r\n" % header for header in (usual | (headers or {})).items()]
    return b"POST %b HTTP/1.1\r\n%b" % (target.encode("ascii"), b"".join(lines))


def request_head_to(endpoint: Endpoint) -> bytes:
    """The same for requests to an endpoint, with the headers that it asks for."""
    return request_head(endpoint.address, endpoint.path, endpoint.encoded_headers())


def encode_get(endpoint: Endpoint) -> bytes:
    """A whole GET request, with the headers that the endpoint asks for."""
    headers = {b"host": endpoint.address.encode("ascii")} | endpoint.encoded_headers()
    lines = b"".join(b"%b: %b\r\n" % header for header in headers.items())
    return b"GET %b HTTP/1.1\r\n%b\r\n" % (endpoint.path.encode("ascii"), lines)


def encode_request(head_bytes: bytes, body: bytes, request_id: bytes | None = None) -> bytes:
    """A whole POST request: a `request_head`, the trail header, the length and the body."""
    if request_id is None:
        return b"%bcontent-length: %d\r\n\r\n%b" % (head_bytes, len(body), body)
    return b"%bx-battle-request: %b\r\ncontent-length: %d\r\n\r\n%b" % (
        head_bytes,
        request_id,
        len(body),
        body,
    )


def encode_response(
    status: int,
    body: bytes,
    *,
    content_type: bytes = b"application/json",
    headers: dict[bytes, bytes] | None = None,
    keep_alive: bool = True,
    to_head: bool = False,
) -> bytes:
    """A whole response. One with status 204 has no body, and says nothing about one (RFC 9110, 8.6).

    The one `to_head`, to a HEAD request, only says how long its body would be: whoever asked reads none.
    """
    head_bytes = _head(status, content_type, keep_alive)
    if headers:
        head_bytes += b"".join(b"%b: %b\r\n" % header for header in headers.items())
    if status == 204:
        assert not body
        return b"%b\r\n" % head_bytes
    return b"%bcontent-length: %d\r\n\r\n%b" % (head_bytes, len(body), b"" if to_head else body)


@lru_cache(maxsize=64)
def _head(status: int, content_type: bytes, keep_alive: bool) -> bytes:
    lines = [b"HTTP/1.1 %d %b" % (status, _REASONS.get(status, "Unknown").encode("ascii"))]
    if status != 204:
        lines.append(b"content-type: %b" % content_type)
    if not keep_alive:
        lines.append(b"connection: close")
    return b"\r\n".join((*lines, b""))


CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
