"""What RFC 9112 has a server refuse, with the status it names; h11 is the second opinion."""

import h11
import pytest

from battle.actors.spec.limits import HttpLimits
from battle.actors.wire.http.messages import ProtocolError
from battle.actors.wire.http.parsers import RequestParser

CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"


def head(*lines: bytes, line: bytes = b"POST / HTTP/1.1") -> bytes:
    return b"\r\n".join((line, *lines, b"", b""))


def sized(*lines: bytes, **more: bytes) -> bytes:
    return head(*lines, b"content-length: 5", **more) + b"hello"


ACCEPTED = {
    "plain": sized(b"host: a"),
    "a host with a port": sized(b"host: a.b-c_d:8545"),
    "a host of IPv4": sized(b"host: 127.0.0.1:1"),
    "a host of IPv6": sized(b"Host: [::1]:8545"),
    "an empty host": sized(b"host:"),
    "chunked": head(b"host: a", b"transfer-encoding: chunked") + CHUNKS,
    "chunked, in capitals": head(b"host: a", b"Transfer-Encoding: CHUNKED") + CHUNKS,
    "HTTP/1.0 with a host": sized(b"host: a", line=b"POST / HTTP/1.0"),
    "HTTP/1.0 without a host": sized(line=b"POST / HTTP/1.0"),
    "spaces around a value": sized(b"host: \t a \t"),
    "headers that may be repeated": sized(b"host: a", b"accept: x", b"accept: y"),
}

REFUSED = {
    "no host": (400, sized()),
    "two hosts": (400, sized(b"host: a", b"host: b")),
    "the same host twice": (400, sized(b"host: a", b"Host: a")),
    "two hosts in HTTP/1.0": (400, sized(b"host: a", b"host: b", line=b"POST / HTTP/1.0")),
    "a host with a space": (400, sized(b"host: a b")),
    "a host with a path": (400, sized(b"host: a/b")),
    "hosts in a list": (400, sized(b"host: a, b:1:2")),
    "a host with credentials": (400, sized(b"host: a@b")),
    "an unclosed bracket": (400, sized(b"host: [::1")),
    "HTTP/2.0": (505, sized(b"host: a", line=b"POST / HTTP/2.0")),
    "HTTP/3.0": (505, sized(b"host: a", line=b"POST / HTTP/3.0")),
    "HTTP/9.9": (505, sized(b"host: a", line=b"POST / HTTP/9.9")),
    "the preface of HTTP/2": (505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "HTTP/0.9": (400, sized(b"host: a", line=b"POST / HTTP/0.9")),
    "no version": (400, b"POST /\r\n\r\n"),
    "no version, and a GET": (400, b"GET /\r\n\r\n"),
    "no version, and headers": (400, sized(b"host: a", line=b"POST /")),
    "a version in small letters": (400, sized(b"host: a", line=b"POST / http/1.1")),
    "half a version": (400, sized(b"host: a", line=b"POST / HTTP/1")),
    "gzip": (501, head(b"host: a", b"transfer-encoding: gzip")),
    "identity": (501, head(b"host: a", b"transfer-encoding: identity")),
    "gzip, chunked": (501, head(b"host: a", b"transfer-encoding: gzip, chunked") + CHUNKS),
    "gzip and chunked in two lines": (
        501,
        head(b"host: a", b"transfer-encoding: gzip", b"transfer-encoding: chunked") + CHUNKS,
    ),
    "chunked and gzip in two lines": (
        400,
        head(b"host: a", b"transfer-encoding: chunked", b"transfer-encoding: gzip") + CHUNKS,
    ),
    "xchunked": (501, head(b"host: a", b"transfer-encoding: xchunked") + CHUNKS),
    "chunked with a parameter": (501, head(b"host: a", b"transfer-encoding: chunked;q=1") + CHUNKS),
    "chunked, gzip": (400, head(b"host: a", b"transfer-encoding: chunked, gzip") + CHUNKS),
    "chunked twice": (400, head(b"host: a", b"transfer-encoding: chunked, chunked") + CHUNKS),
    "chunked twice in two lines": (400, head(b"host: a", *[b"transfer-encoding: chunked"] * 2) + CHUNKS),
    "an empty coding": (400, head(b"host: a", b"transfer-encoding:") + CHUNKS),
    "chunked in HTTP/1.0": (
        400,
        head(b"host: a", b"transfer-encoding: chunked", line=b"POST / HTTP/1.0") + CHUNKS,
    ),
    "a length and a coding": (400, sized(b"host: a", b"transfer-encoding: chunked") + CHUNKS),
    "a coding after a length": (
        400,
        head(b"host: a", b"content-length: 5", b"transfer-encoding: chunked") + CHUNKS,
    ),
    "two lengths": (400, head(b"host: a", b"content-length: 5", b"content-length: 6") + b"hello!"),
    "lengths in a list": (400, head(b"host: a", b"content-length: 5, 6") + b"hello!"),
    "a signed length": (400, head(b"host: a", b"content-length: +5") + b"hello"),
    "a space before the colon": (400, sized(b"host : a")),
    "a tab before the colon": (400, sized(b"host: a", b"x\t: y")),
    "a folded header": (400, sized(b"host: a", b"x: y", b" z")),
    "a folded header with a tab": (400, sized(b"host: a", b"x: y", b"\tz")),
    "a space before the first header": (400, sized(b" host: a")),
    "no name": (400, sized(b"host: a", b": y")),
    "no colon": (400, sized(b"host: a", b"xy")),
    "NUL in a value": (400, sized(b"host: a", b"x: \0")),
    "a bare CR in a value": (400, sized(b"host: a", b"x: a\rb")),
    "a bare LF after a header": (400, b"POST / HTTP/1.1\r\nhost: a\ncontent-length: 0\r\n\r\n"),
    "a bare LF after the first line": (400, b"POST / HTTP/1.1\nhost: a\r\ncontent-length: 0\r\n\r\n"),
    "a bare LF before the body": (400, b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\n"),
    "a bare LF in chunks": (400, head(b"host: a", b"transfer-encoding: chunked") + b"5\nhello\n0\n\n"),
    "a chunk of no size": (400, head(b"host: a", b"transfer-encoding: chunked") + b"\r\nhello\r\n0\r\n\r\n"),
    "a chunk of a hexadecimal size": (
        400,
        head(b"host: a", b"transfer-encoding: chunked") + b"0x5\r\nhello\r\n",
    ),
    "a tunnel": (501, head(b"host: a", line=b"CONNECT a:1 HTTP/1.1")),
}

MORE_LENIENT_H11 = {
    "the preface of HTTP/2", "HTTP/3.0", "HTTP/9.9", "HTTP/2.0", "HTTP/0.9", "a host with a space",
    "a host with a path", "hosts in a list", "a host with credentials", "an unclosed bracket", "a tunnel",
    "chunked in HTTP/1.0", "a bare LF after a header", "a bare LF after the first line",
    "a bare LF before the body", "a folded header", "a folded header with a tab",
    "a coding after a length", "a bare LF in chunks",
}  # fmt: skip
"""What h11 lets pass, as RFC 9112 allows a receiver to, or leaves to its user."""


def ours(data: bytes) -> int | None:
    return fed(RequestParser(HttpLimits()), data)


def fed(parser: RequestParser, *pieces: bytes) -> int | None:
    """The status of a refusal, None if there was none."""
    try:
        for piece in pieces:
            parser.feed(piece)
    except ProtocolError as error:
        return error.status
    return None


def theirs(data: bytes) -> int | None:
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(data)
    try:
        while connection.next_event() not in (h11.NEED_DATA, h11.PAUSED):
            pass
    except h11.RemoteProtocolError as error:
        return error.error_status_hint
    return None


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_is_well_formed_is_taken(name: str) -> None:
    assert (ours(ACCEPTED[name]), theirs(ACCEPTED[name])) == (None, None)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_is_refused_with_the_status_of_the_rfc(name: str) -> None:
    status, data = REFUSED[name]
    assert ours(data) == status
    for cut in range(1, len(data), 7):
        parser = RequestParser(HttpLimits())
        assert fed(parser, data[:cut], data[cut:]) == status
        assert parser.next_request() is None


@pytest.mark.parametrize("name", REFUSED)
def test_we_are_at_least_as_strict_as_h11(name: str) -> None:
    assert (theirs(REFUSED[name][1]) is None) == (name in MORE_LENIENT_H11)
