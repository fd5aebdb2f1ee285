"""The response parser: whole responses out of any pieces, and a bound on all that a server can make grow."""

import pytest

from battle.actors.spec.limits import HttpLimits
from battle.actors.wire.http.messages import (
    HttpResponse,
    ProtocolError,
)
from battle.actors.wire.http.parsers import ResponseParser

LIMITS = HttpLimits(header_bytes=1000, body_bytes=2000)

SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nRetry-After: 2\r\n\r\nbody"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n"
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\nx: y\r\n\r\nbody"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n"


def parsed(*pieces: bytes, eof: bool = False) -> list[HttpResponse]:
    parser = ResponseParser(LIMITS)
    for piece in pieces:
        parser.feed(piece)
    if eof:
        parser.feed_eof()
    found = []
    while (response := parser.next_response()) is not None:
        found.append(response)
    return found


@pytest.mark.parametrize(
    ("text", "eof", "keep_alive"),
    [
        (SIZED, False, True),
        (CHUNKED, False, True),
        (UNTIL_CLOSE, True, False),
        (INTERIM + SIZED, False, True),
    ],
)
def test_where_the_bytes_are_split_makes_no_difference(text, eof, keep_alive):
    whole = parsed(text, eof=eof)
    assert [(one.status, one.body, one.keep_alive) for one in whole] == [(200, b"body", keep_alive)]
    for cut in range(1, len(text)):
        assert parsed(text[:cut], text[cut:], eof=eof) == whole
    assert parsed(*(text[at : at + 1] for at in range(len(text))), eof=eof) == whole


def test_header_names_are_lower_case():
    (response,) = parsed(SIZED)
    assert response.headers == {b"content-length": b"4", b"retry-after": b"2"}


@pytest.mark.parametrize("text", [SIZED, CHUNKED])
def test_a_connection_that_closes_inside_a_response_is_an_error(text):
    for cut in range(1, len(text)):
        with pytest.raises(ProtocolError, match="closed inside"):
            parsed(text[:cut], eof=True)


def test_a_connection_that_closes_inside_the_head_is_an_error_even_without_a_length():
    with pytest.raises(ProtocolError, match="closed inside"):
        parsed(UNTIL_CLOSE[:-6], eof=True)


def test_a_connection_that_closes_between_responses_is_none():
    assert len(parsed(SIZED, eof=True)) == 1
    assert parsed(eof=True) == []


def test_connection_close_is_seen():
    (response,) = parsed(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
    assert not response.keep_alive


@pytest.mark.parametrize("text", [b"220 smtp.example.org ESMTP\r\n", b"HTTP/1.1 xx OK\r\n\r\n", b"\x00\x01"])
def test_what_is_not_http_is_an_error(text):
    with pytest.raises(ProtocolError, match="malformed"):
        parsed(text)


@pytest.mark.parametrize(
    "text",
    [
        b"HTTP/1.1 200 OK\r\nx: %b\r\n\r\n" % (b"y" * 1001),
        b"HTTP/1.1 200 OK\r\ncontent-length: 2001\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 2001,
    ],
)
def test_a_server_is_held_to_limits_too(text):
    with pytest.raises(ProtocolError, match="too large"):
        parsed(text)


def test_responses_with_one_head_that_come_together_are_both_seen():
    parser = ResponseParser(LIMITS)
    parser.feed(SIZED)
    parser.feed(SIZED + SIZED.replace(b"body", b"more"))
    assert [parser.next_response().body for _ in range(3)] == [b"body", b"body", b"more"]


@pytest.mark.parametrize("status", [b"000", b"099"])
def test_a_number_that_is_no_status_is_an_error(status):
    with pytest.raises(ProtocolError, match="is no status"):
        parsed(b"HTTP/1.1 %b x\r\ncontent-length: 0\r\n\r\n" % status)


def test_an_interim_response_is_never_taken_for_the_head_of_the_next():
    parser = ResponseParser(LIMITS)
    parser.feed(INTERIM + SIZED)
    parser.feed(INTERIM + SIZED[:4])
    parser.feed(SIZED[4:])
    assert [parser.next_response().body for _ in range(2)] == [b"body", b"body"]
