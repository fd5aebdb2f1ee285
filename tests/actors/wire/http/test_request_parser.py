"""The request parser: whole requests out of any pieces, and a bound on all that a client can make grow."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.spec.limits import HttpLimits
from battle.actors.wire.http.messages import HttpRequest, ProtocolError, encode_request, request_head
from battle.actors.wire.http.parsers import RequestParser

LIMITS = HttpLimits(header_bytes=1000, body_bytes=2000)

PLAIN = b"POST /rpc?x=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nX-Battle-Request: w0-1\r\n\r\nbody"
CHUNKED_HEAD = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
CHUNKED = CHUNKED_HEAD + b"2\r\nbo\r\n2;ext=1\r\ndy\r\n0\r\n\r\n"


def parsed(*pieces: bytes, limits: HttpLimits = LIMITS) -> list[HttpRequest]:
    parser = RequestParser(limits)
    for piece in pieces:
        parser.feed(piece)
    found = []
    while (request := parser.next_request()) is not None:
        found.append(request)
    return found


def refused(*pieces: bytes, limits: HttpLimits = LIMITS) -> int:
    with pytest.raises(ProtocolError) as caught:
        parsed(*pieces, limits=limits)
    return caught.value.status


def test_a_request_is_taken_apart():
    (request,) = parsed(PLAIN)
    assert request == HttpRequest(
        "POST",
        "/rpc?x=1",
        {b"host": b"a", b"content-length": b"4", b"x-battle-request": b"w0-1"},
        b"body",
        True,
    )


def test_of_a_repeated_header_the_last_value_counts_and_of_a_list_every_line():
    lines = b"x-a: 1\r\nX-A: 2\r\nx-erigon-healthcheck: synced\r\nX-Erigon-Healthcheck: check_block1\r\n"
    (request,) = parsed(b"GET / HTTP/1.1\r\nhost: a\r\n" + lines + b"\r\n")
    assert request.headers[b"x-a"] == b"2"
    assert request.headers[b"x-erigon-healthcheck"] == b"synced, check_block1"


@pytest.mark.parametrize("text", [PLAIN, CHUNKED, PLAIN + CHUNKED])
def test_where_the_bytes_are_split_makes_no_difference(text):
    whole = parsed(text)
    assert [request.body for request in whole] == [b"body"] * len(whole)
    for cut in range(1, len(text)):
        assert parsed(text[:cut], text[cut:]) == whole
    assert parsed(*(text[at : at + 1] for at in range(len(text)))) == whole


@given(st.lists(st.binary(max_size=50), max_size=5), st.data())
def test_pipelined_requests_come_out_in_order(bodies, data):
    text = b"".join(encode_request(request_head("a:1"), body, b"w0-1") for body in bodies)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    pieces = [text[low:high] for low, high in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert [request.body for request in parsed(*pieces)] == bodies


@pytest.mark.parametrize(
    ("version", "header", "keep_alive"),
    [
        (b"1.1", b"x: y", True),
        (b"1.1", b"connection: close", False),
        (b"1.0", b"x: y", False),
        (b"1.0", b"connection: keep-alive", True),
    ],
)
def test_keep_alive_follows_version_and_header(version, header, keep_alive):
    (request,) = parsed(b"POST / HTTP/%b\r\nhost: a\r\n%b\r\ncontent-length: 0\r\n\r\n" % (version, header))
    assert request.keep_alive is keep_alive


def test_a_client_that_waits_for_continue_is_seen_as_soon_as_its_head_is_there():
    parser = RequestParser(LIMITS)
    parser.feed(b"POST / HTTP/1.1\r\nhost: a\r\nExpect: 100-Continue\r\ncontent-length: 2\r\n")
    seen = [parser.expects_continue]
    for piece in (b"\r\n", b"{}"):
        parser.feed(piece)
        seen.append(parser.expects_continue)
    assert seen == [False, True, False]
    assert parser.next_request().body == b"{}"


def test_in_message_tells_whether_a_request_has_begun():
    parser = RequestParser(LIMITS)
    seen = [parser.in_message]
    for piece in (b"P", PLAIN[1:], b"\r\n"):
        parser.feed(piece)
        seen.append(parser.in_message)
    assert seen == [False, True, False, False]


@pytest.mark.parametrize(
    "text",
    [
        b"nonsense\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\nno colon\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # a TLS client that mistook the port
    ],
)
def test_what_is_not_http_is_refused(text):
    assert refused(text) == 400


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (431, b"POST / HTTP/1.1\r\nhost: a\r\n" + b"x: %b\r\n\r\n" % (b"y" * 1000)),
        (431, b"POST / HTTP/1.1\r\nhost: a\r\n" + b"a: b\r\n" * 200 + b"\r\n"),
        (414, b"POST /%b HTTP/1.1\r\nhost: a\r\n\r\n" % (b"x" * 1001)),
        (413, b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2001\r\n\r\n"),
        (413, b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999999999\r\n\r\n"),
        (413, CHUNKED_HEAD + b"7d1\r\n%b\r\n0\r\n\r\n" % (b"x" * 2001)),
        (501, b"CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n"),
        (501, b"CONNECT a:1 HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n"),
    ],
)
def test_what_is_too_large_or_not_served_is_refused(status, text):
    assert refused(text) == status


def test_the_requests_before_a_refused_one_can_still_be_had():
    for bad in (b"nonsense\r\n\r\n", b"CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n"):
        parser = RequestParser(LIMITS)
        with pytest.raises(ProtocolError):
            parser.feed(PLAIN + bad)
        assert parser.next_request().body == b"body"
        assert parser.next_request() is None


def test_the_limits_themselves_are_allowed():
    head = b"POST / HTTP/1.1\r\nhost: a\r\nx: %b\r\ncontent-length: 2000\r\n\r\n"
    room = LIMITS.header_bytes - len(b"host: a\r\nx: \r\ncontent-length: 2000\r\n")
    text = head % (b"y" * room)
    (request,) = parsed(text + b"b" * 2000)
    assert len(request.body) == 2000
    assert refused(head % (b"y" * (room + 1))) == 431


NEVER_ENDING = {
    "request line": (414, b"POST /", b"x" * 90),
    "header value": (431, b"POST / HTTP/1.1\r\nhost: a\r\nx: ", b"y" * 90),
    "header name": (431, b"POST / HTTP/1.1\r\nhost: a\r\n", b"n" * 90),
    "headers": (431, b"POST / HTTP/1.1\r\nhost: a\r\n", b"a: b\r\n" * 15),
    "chunk extension": (413, CHUNKED_HEAD + b"1;", b"e" * 90),
    "tiny chunks": (413, CHUNKED_HEAD, b"1\r\nx\r\n" * 15),
    "trailers": (413, CHUNKED_HEAD + b"0\r\n", b"a: b\r\n" * 15),
}


@pytest.mark.parametrize("what", NEVER_ENDING)
def test_nothing_a_client_sends_may_grow_for_ever(what):
    status, start, more = NEVER_ENDING[what]
    enough = 2 * (LIMITS.header_bytes + 8 * LIMITS.body_bytes) // len(more)
    assert refused(start, *[more] * enough) == status


def test_growth_is_counted_per_request():
    assert len(parsed(*[CHUNKED[:70], CHUNKED[70:]] * 1000)) == 1000


@given(st.binary(max_size=300))
def test_any_bytes_are_either_parsed_or_refused(data):
    try:
        outcomes: list[HttpRequest | ProtocolError] = [*parsed(data)]
    except ProtocolError as error:
        outcomes = [error]
    assert all(isinstance(one, HttpRequest) or one.status in {400, 413, 414, 431, 501} for one in outcomes)


def test_limits_must_be_positive():
    assert not list(HttpLimits().problems())
    for name in HttpLimits.__struct_fields__:
        (problem,) = msgspec.structs.replace(HttpLimits(), **{name: 0}).problems()
        assert name in problem
