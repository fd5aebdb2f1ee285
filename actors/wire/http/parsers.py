"""HTTP/1.1 as pure parsers, over httptools (llhttp).

llhttp is strict about framing, but leaves to its user what RFC 9112 says about versions (2.3), Host (3.2) and
transfer codings (6.1): `RequestParser` sees to these.

Parsers are fed bytes and hand out whole messages; they do no I/O. Everything a peer can make grow is
bounded: head, body, and the framing around chunks.
"""

import re
from collections import deque
from collections.abc import Callable

import httptools

from battle.actors.spec.limits import HttpLimits
from battle.actors.wire.http.messages import HttpRequest, HttpResponse, ProtocolError

_FRAMING_ALLOWANCE = 8
"""Bytes on the wire a chunked body may cost per byte of body allowed: one-byte chunks cost six."""

_LINE_BYTES = len(b": \r\n")

_KNOWN_HEADS = 64
"""Servers repeat the heads of their responses, but for lengths and a date: so many are not parsed again."""

_LISTS = (b"transfer-encoding", b"x-erigon-healthcheck")
"""Headers of which each line counts: of the codings the framing depends, and each check is asked for by a line."""

_UNKNOWN_VERSIONS = ("Invalid HTTP version", "Pause on PRI")
"""How llhttp says that a version is well-formed, and none that it knows; the second of HTTP/2's preface."""

_is_host = re.compile(rb"(?:\[[0-9A-Fa-f:.vV]+(?:%25[\w.~-]+)?\]|[\w.~!$&'()*+,;=%-]*)(?::[0-9]*)?").fullmatch
"""Of a Host header: a name or address, perhaps none, and perhaps a port (RFC 3986, 3.2.2)."""


class _MessageParser:
    """What both directions share: httptools callbacks that collect a message within limits."""

    def __init__(self, feed: Callable[[bytes], None], limits: HttpLimits) -> None:
        self._feed_parser = feed
        self._limits = limits
        self._header_limit = limits.header_bytes
        self._violation: ProtocolError | None = None
        self._in_head = False
        self.in_message = False
        """Whether a message has begun and not ended."""
        self._fed_bytes = 0
        self.messages_begun = -1
        self._start()

    @property
    def held_bytes(self) -> int:
        """What has come of the body of a message that has not ended."""
        return self._body_bytes if self.in_message else 0

    def drop_message(self) -> None:
        """Let go of the message that has not ended; the parser is of no use for it afterwards."""
        self._body.clear()
        self._body_bytes = 0

    def _start(self) -> None:
        self.messages_begun += 1
        self._target = b""
        self._headers: dict[bytes, bytes] = {}
        self._body: list[bytes] = []
        self._head_bytes = 0
        self._body_bytes = 0

    def _feed(self, data: bytes) -> None:
        while data:
            self._fed_bytes += len(data)
            try:
                self._feed_parser(data)
                break
            except httptools.HttpParserUpgrade as upgrade:
                data = self._upgrade(data[upgrade.args[0] :])
            except httptools.HttpParserError as error:
                raise self._violation or _malformed(error) from None
        if self.in_message:
            self._check_growth()

    def _upgrade(self, rest: bytes) -> bytes:
        """httptools has handed over a message that asks for another protocol, but for its body, which is at the
        beginning of `rest` if it has one: returns what to parse instead of `rest`."""
        raise ProtocolError(501, "protocol upgrades are not served here")

    def _check_growth(self) -> None:
        """Bytes that reached no callback yet (a header without end, chunk framing) count as well."""
        if self._in_head:
            if self._fed_bytes > self._limits.header_bytes:
                raise ProtocolError(431, "the head is too large")
        elif self._fed_bytes > self._limits.header_bytes + _FRAMING_ALLOWANCE * self._limits.body_bytes:
            raise ProtocolError(413, "the body's framing is too large")

    def _refuse(self, status: int, message: str) -> None:
        """httptools hides what a callback raises, so the reason is kept for `_feed` to raise."""
        self._violation = ProtocolError(status, message)
        raise self._violation

    # httptools calls these by name.

    def on_message_begin(self) -> None:
        self._start()
        self.in_message = self._in_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_bytes += len(name) + len(value) + _LINE_BYTES
        if self._head_bytes > self._header_limit:
            self._refuse(431 if self._in_head else 413, "the head is too large")
        if self._in_head:  # trailers count as well, but do not say what the head has said already
            name = name.lower()
            if name in self._headers:
                value = self._repeated(name, value)
            self._headers[name] = value

    def _repeated(self, name: bytes, value: bytes) -> bytes:
        """What a header is that has come before with another value: the last one."""
        return value

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._check_length()

    def _check_length(self) -> None:
        if int(self._headers.get(b"content-length", 0)) > self._limits.body_bytes:
            self._refuse(413, "the body is too large")

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if self._body_bytes > self._limits.body_bytes:
            self._refuse(413, "the body is too large")
        self._body.append(body)

    def _take_body(self) -> bytes:
        return self._body[0] if len(self._body) == 1 else b"".join(self._body)


def _malformed(error: httptools.HttpParserError) -> ProtocolError:
    unknown = any(reason in str(error) for reason in _UNKNOWN_VERSIONS)
    return ProtocolError(505 if unknown else 400, f"malformed HTTP: {error}")


class RequestParser(_MessageParser):
    """Turns what a client sent into requests, pipelined ones too."""

    def __init__(self, limits: HttpLimits) -> None:
        self._ready: deque[HttpRequest] = deque()
        self.expects_continue = False
        """Whether the client waits for `100 Continue` before its body; reset it once that is sent."""
        self.after_upgrade = b""
        """What came after a request that wants a WebSocket: none of it is HTTP."""
        self._upgraded = False
        self._host_known: bytes | None = b""
        """Of the last request that named a host: clients repeat it, and it need not be looked at again."""
        self._parser = httptools.HttpRequestParser(self)
        super().__init__(self._parser.feed_data, limits)

    def feed(self, data: bytes) -> None:
        """Take bytes from the wire.

        Raises:
            ProtocolError: malformed, or over a limit, or a tunnel (CONNECT). The requests before it can still be
                had; otherwise the parser is of no use afterwards.
        """
        if self._upgraded:
            self._keep(data)
        else:
            self._feed(data)

    def _keep(self, data: bytes) -> None:
        self.after_upgrade += data
        if len(self.after_upgrade) > self._limits.body_bytes:
            raise ProtocolError(413, "too much was sent before the connection was upgraded")

    def next_request(self) -> HttpRequest | None:
        """The next whole request, in the order they came."""
        return self._ready.popleft() if self._ready else None

    def _upgrade(self, rest: bytes) -> bytes:
        request = self._ready[-1]
        if request.wants_websocket:
            self._upgraded = True
            self._keep(rest)
            return b""
        self._ready.pop()
        if request.method == "CONNECT":
            raise ProtocolError(501, "tunnels are not served here")
        # Whoever offers another protocol (HTTP/2, say) is content with this one, but httptools skips the body of
        # such a request. So it is parsed again, without the offer; by a new parser, since this one may have seen
        # `connection: close`.
        self._parser, version = httptools.HttpRequestParser(self), self._parser.get_http_version()
        self._feed_parser = self._parser.feed_data
        lines = [f"{request.method} {request.target} HTTP/{version}\r\n".encode("latin-1")]
        lines += [b"%b: %b\r\n" % header for header in request.headers.items() if header[0] != b"upgrade"]
        return b"%b\r\n%b" % (b"".join(lines), rest)

    def on_url(self, url: bytes) -> None:
        self._target += url
        if len(self._target) > self._limits.header_bytes:
            self._refuse(414, "the target is too long")

    def _repeated(self, name: bytes, value: bytes) -> bytes:
        if name == b"host":
            self._refuse(400, "more than one host header")
        return b"%b, %b" % (self._headers[name], value) if name in _LISTS else value

    def on_headers_complete(self) -> None:
        headers = self._headers
        version = self._parser.get_http_version()
        if version != "1.1":
            self._check_old_version(version)
        host = headers.get(b"host")
        if host != self._host_known:
            self._check_host(host, version)
        if b"transfer-encoding" in headers:
            self._check_codings(headers[b"transfer-encoding"], version)
        self._in_head = False
        self._check_length()
        expected = headers.get(b"expect")
        self.expects_continue = expected is not None and expected.lower() == b"100-continue"

    def _check_old_version(self, version: str) -> None:
        if version == "0.9":
            self._refuse(400, "the request line names no version of HTTP, or 0.9")
        if version != "1.0":
            self._refuse(505, f"HTTP/{version} is not spoken here")

    def _check_host(self, host: bytes | None, version: str) -> None:
        if host is None:
            if version != "1.0":
                self._refuse(400, "the host header is missing")
        elif _is_host(host.strip(b" \t")) is None:
            self._refuse(400, "the host header names no host")
        else:
            self._host_known = host

    def _check_codings(self, value: bytes, version: str) -> None:
        """Only `chunked` is known here, and it must come last and once (RFC 9112, 6.1 and 6.3)."""
        codings = [coding.strip() for coding in value.lower().split(b",")]
        if any(coding != b"chunked" for coding in codings if coding):
            self._refuse(501, "of transfer codings only chunked is known here")
        if codings != [b"chunked"]:
            self._refuse(400, "transfer-encoding must name chunked, once")
        if version == "1.0":
            self._refuse(400, "HTTP/1.0 has no transfer codings")

    def on_message_complete(self) -> None:
        self.in_message = False
        self.expects_continue = False
        self._fed_bytes = 0
        parser = self._parser
        method = parser.get_method()
        wants_websocket = (
            parser.should_upgrade()
            and method != b"CONNECT"
            and parser.get_http_version() != "1.0"  # which knows no upgrades (RFC 9110, 7.8)
            and _offers_websocket(self._headers)
        )
        self._ready.append(
            HttpRequest(
                method.decode("ascii"),
                self._target.decode("latin-1"),
                self._headers,
                self._take_body(),
                parser.should_keep_alive() and not wants_websocket,
                wants_websocket,
            )
        )


def _offers_websocket(headers: dict[bytes, bytes]) -> bool:
    offers = headers.get(b"upgrade", b"").lower().split(b",")
    return any(offer.strip() == b"websocket" for offer in offers)


class ResponseParser(_MessageParser):
    """Turns what a server sent into responses; interim (1xx) ones are passed over."""

    def __init__(self, limits: HttpLimits) -> None:
        self._until_close = False
        self._known: dict[bytes, HttpResponse] = {}
        self._ready: deque[HttpResponse] = deque()
        self._parser = httptools.HttpResponseParser(self)
        super().__init__(self._parser.feed_data, limits)

    def feed(self, data: bytes) -> None:
        """Take bytes from the wire.

        Raises:
            ProtocolError: malformed, or over a limit. The parser is of no use afterwards.
        """
        if self.in_message:
            self._feed(data)
            return
        end = data.find(b"\r\n\r\n") + 4
        head_bytes = data[:end]
        known = self._known.get(head_bytes)
        # One comparison instead of a dozen callbacks, when the whole response came in one piece.
        if known is not None and len(data) == end + len(known.body):
            self._ready.append(HttpResponse(known.status, known.headers, data[end:], True))
            return
        self._feed(data)
        if len(self._ready) == 1 and not self.in_message:
            self._remember(head_bytes, len(data), self._ready[0])

    def _remember(self, head_bytes: bytes, size: int, response: HttpResponse) -> None:
        """Only a head that names the body's length says where the next response of that kind ends."""
        if (
            response.keep_alive
            and size == len(head_bytes) + len(response.body)
            and b"content-length" in response.headers
            and b"transfer-encoding" not in response.headers
        ):
            if len(self._known) >= _KNOWN_HEADS:
                self._known.clear()
            self._known[head_bytes] = response

    def feed_eof(self) -> None:
        """The server closed. That ends a body without a length; anywhere else it cuts a message off.

        Raises:
            ProtocolError: the response was not whole.
        """
        if not self.in_message:
            return
        if self._in_head or not self._until_close:
            raise ProtocolError(502, "the connection closed inside a response")
        self._complete(keep_alive=False)

    def next_response(self) -> HttpResponse | None:
        """The next whole response, in the order they came."""
        return self._ready.popleft() if self._ready else None

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._until_close = (
            b"content-length" not in self._headers
            and b"chunked" not in self._headers.get(b"transfer-encoding", b"").lower()
        )

    def on_message_complete(self) -> None:
        self._complete(self._parser.should_keep_alive())

    def _complete(self, keep_alive: bool) -> None:
        self.in_message = False
        self._fed_bytes = 0
        status = self._parser.get_status_code()
        if status < 100:
            self._refuse(502, f"{status} is no status")
        if status >= 200:
            self._ready.append(HttpResponse(status, self._headers, self._take_body(), keep_alive))
