"""The opening handshake of WebSocket (RFC 6455, 4), as pure functions for both sides.

No extension and no subprotocol is ever negotiated: compression would hide what a fault does to the bytes.
"""

import binascii
from base64 import b64encode
from http import HTTPStatus

import h11
import msgspec
from wsproto.utilities import generate_accept_token

from battle.actors.addresses import Address
from battle.actors.wire.http.messages import HttpRequest, ProtocolError, encode_response

KEY_BYTES = 16

_HEAD_BYTES = 64 * 1024
"""The largest head of an answer to a handshake; the same as for other responses."""

_VERSION = b"13"


class Refusal(msgspec.Struct, frozen=True):
    """Why a server does not open a WebSocket, as an HTTP response."""

    status: int
    message: str
    headers: dict[bytes, bytes] = {}
    to_head: bool = False

    def encode(self) -> bytes:
        """The whole response; the connection is to be closed after it."""
        text = f"{self.message}\n".encode()
        return encode_response(
            self.status,
            text,
            content_type=b"text/plain",
            headers=self.headers,
            keep_alive=False,
            to_head=self.to_head,
        )


class WebSocketRefused(Exception):
    """The server answered the handshake with an HTTP status other than 101. Header names are lower case."""

    def __init__(self, status: int, headers: dict[bytes, bytes]) -> None:
        super().__init__(f"the server refused a WebSocket with HTTP status {status}")
        self.status = status
        self.headers = headers


def accept_upgrade(request: HttpRequest, headers: dict[bytes, bytes] | None = None) -> bytes | Refusal:
    """The whole 101 response, with `headers` besides its own, or why there is none."""
    if (problem := _problem(request)) is not None:
        return problem
    token = generate_accept_token(request.headers[b"sec-websocket-key"])
    lines = [
        b"HTTP/1.1 101 Switching Protocols",
        b"upgrade: websocket",
        b"connection: upgrade",
        b"sec-websocket-accept: %b" % token,
    ]
    lines += [b"%b: %b" % header for header in (headers or {}).items()]
    return b"\r\n".join((*lines, b"", b""))


def _problem(request: HttpRequest) -> Refusal | None:
    headers = request.headers
    if request.method != "GET":
        is_head = request.method == "HEAD"
        return Refusal(405, "a WebSocket is opened with GET", {b"allow": b"GET"}, to_head=is_head)
    if not request.wants_websocket:
        return Refusal(
            426, "only WebSocket is spoken here", {b"upgrade": b"websocket", b"connection": b"upgrade"}
        )
    if headers.get(b"sec-websocket-version") != _VERSION:
        return Refusal(426, "only version 13 is spoken here", {b"sec-websocket-version": _VERSION})
    if not _is_key(headers.get(b"sec-websocket-key", b"")):
        return Refusal(400, "sec-websocket-key must be 16 bytes in base64")
    # The parser took such a body for the beginning of what follows the head.
    if headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers:
        return Refusal(400, "a request for a WebSocket has no body")
    return None


def _is_key(text: bytes) -> bool:
    try:
        return len(binascii.a2b_base64(text, strict_mode=True)) == KEY_BYTES
    except binascii.Error:
        return False


class ClientHandshake:
    """The client's side: send `request`, feed what comes back until it is decided.

    Args:
        address: for the host header, if `headers` have none.
        path: with the query, if there is one.
        headers: besides those of the handshake.
        key: 16 bytes; no secret, it only shows that the answer is for this request.
    """

    def __init__(self, address: Address, path: str, headers: dict[bytes, bytes], key: bytes) -> None:
        assert len(key) == KEY_BYTES
        encoded = b64encode(key)
        self._accept = generate_accept_token(encoded)
        self._connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEAD_BYTES)
        own = {
            b"host": address.encode("ascii"),
            b"upgrade": b"websocket",
            b"connection": b"upgrade",
            b"sec-websocket-key": encoded,
            b"sec-websocket-version": _VERSION,
        }
        request = h11.Request(method="GET", target=path, headers=list((own | headers).items()))
        self.request = self._send(request) + self._send(h11.EndOfMessage())

    def _send(self, event: h11.Event) -> bytes:
        data = self._connection.send(event)
        assert data is not None
        return data

    def feed(self, data: bytes) -> bytes | None:
        """Take what the server sent, b"" at end of stream: None while it is not decided.

        Returns the bytes that came after the head of the 101 response; the connection is a WebSocket now.

        Raises:
            WebSocketRefused: the server answered with another status.
            ProtocolError: the answer is no HTTP or no proper handshake, or the connection closed before it.
        """
        connection = self._connection
        try:
            connection.receive_data(data)
            event = connection.next_event()
            while (
                type(event) is h11.InformationalResponse
                and event.status_code != HTTPStatus.SWITCHING_PROTOCOLS
            ):
                event = connection.next_event()
        except h11.RemoteProtocolError as error:
            if not data:
                raise ProtocolError(502, "the connection closed before a response") from None
            raise ProtocolError(502, f"malformed HTTP: {error}") from None
        if event is h11.NEED_DATA:
            return None
        if isinstance(event, h11.ConnectionClosed):
            raise ProtocolError(502, "the connection closed before a response")
        assert isinstance(event, h11.InformationalResponse | h11.Response)
        headers = dict(event.headers)
        if isinstance(event, h11.Response):
            raise WebSocketRefused(event.status_code, headers)
        self._check(headers)
        return connection.trailing_data[0]

    def _check(self, headers: dict[bytes, bytes]) -> None:
        tokens = [token.strip() for token in headers.get(b"connection", b"").lower().split(b",")]
        if headers.get(b"upgrade", b"").lower() != b"websocket" or b"upgrade" not in tokens:
            raise ProtocolError(502, "the server switched to another protocol than WebSocket")
        if headers.get(b"sec-websocket-accept") != self._accept:
            raise ProtocolError(502, "the server's sec-websocket-accept is not for this request")
        if b"sec-websocket-extensions" in headers or b"sec-websocket-protocol" in headers:
            raise ProtocolError(502, "the server chose an extension or a subprotocol that was not offered")
