"""The response parser, and what the encoders write read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.spec.limits import HttpLimits
from battle.actors.wire.http.messages import (
    HttpResponse,
    ProtocolError,
    RequestParser,
    ResponseParser,
    encode_request,
    encode_response,
    request_head,
)

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


@given(
    st.lists(
        st.tuples(st.sampled_from([200, 404, 500, 503, 599]), st.binary(max_size=30), st.booleans()),
        max_size=6,
    )
)
def test_what_the_encoder_writes_comes_back_also_when_heads_repeat(answers):
    parser = ResponseParser(LIMITS)
    for status, body, piecemeal in answers:
        text = encode_response(status, body, headers={b"x-a": b"1"})
        for piece in (text[:9], text[9:]) if piecemeal else (text,):
            parser.feed(piece)
        response = parser.next_response()
        assert (response.status, response.body, response.headers[b"x-a"]) == (status, body, b"1")
        assert parser.next_response() is None


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


def test_encoded_responses_say_when_they_are_the_last():
    (response,) = parsed(encode_response(400, b"no", content_type=b"text/plain", keep_alive=False))
    assert response == HttpResponse(
        400, {b"content-type": b"text/plain", b"connection": b"close", b"content-length": b"2"}, b"no", False
    )


def test_a_response_without_content_has_no_length():
    text = encode_response(204, b"")
    assert text == b"HTTP/1.1 204 No Content\r\n\r\n"
    assert [(one.status, one.body, one.keep_alive) for one in parsed(text)] == [(204, b"", True)]


def test_an_unknown_status_gets_a_reason_all_the_same():
    assert encode_response(799, b"").startswith(b"HTTP/1.1 799 Unknown\r\n")


@pytest.mark.parametrize("request_id", [None, b"w1-2"])
def test_an_encoded_request_is_a_whole_post(request_id):
    parser = RequestParser(LIMITS)
    parser.feed(encode_request(request_head("a:80", "/rpc", {b"x-a": b"1"}), b"{}", request_id))
    request = parser.next_request()
    assert (request.method, request.target, request.body, request.keep_alive) == ("POST", "/rpc", b"{}", True)
    assert request.headers[b"host"] == b"a:80"
    assert request.headers[b"x-a"] == b"1"
    assert request.headers.get(b"x-battle-request") == request_id
