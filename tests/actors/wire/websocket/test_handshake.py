"""The opening handshake without any I/O, and how the HTTP parser gives way to it."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.spec.limits import HttpLimits
from battle.actors.wire.http.messages import HttpRequest, ProtocolError
from battle.actors.wire.http.parsers import RequestParser
from battle.actors.wire.websocket.handshake import (
    ClientHandshake,
    Refusal,
    WebSocketRefused,
    accept_upgrade,
)
from tests.actors.wire.websocket.stage import HANDSHAKE

POST = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nbody"
KEY = b"the sample nonce"
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455, 1.3
ANSWER = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: %b\r\n\r\n" % ACCEPT
)


def parsed(text: bytes) -> tuple[list[HttpRequest], bytes]:
    parser = RequestParser(HttpLimits())
    parser.feed(text)
    requests = []
    while (request := parser.next_request()) is not None:
        requests.append(request)
    return requests, parser.after_upgrade


def upgrading(old: bytes = b"", new: bytes = b"") -> HttpRequest:
    assert old in HANDSHAKE
    (request,), _ = parsed(HANDSHAKE.replace(old, new))
    return request


# The HTTP parser.


@given(st.binary(max_size=40), st.data())
def test_an_upgrade_ends_http_and_what_follows_is_kept(rest, data):
    text = POST + HANDSHAKE + rest
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    parser = RequestParser(HttpLimits())
    for low, high in zip([0, *cuts], [*cuts, len(text)], strict=True):
        parser.feed(text[low:high])
    post, upgrade = parser.next_request(), parser.next_request()
    assert (post.body, post.wants_websocket, post.keep_alive) == (b"body", False, True)
    assert (upgrade.target, upgrade.wants_websocket, upgrade.keep_alive) == ("/ws", True, False)
    assert parser.after_upgrade == rest
    assert parser.next_request() is None
    assert not parser.in_message


def test_what_follows_an_upgrade_is_bounded():
    parser = RequestParser(HttpLimits(body_bytes=100))
    parser.feed(HANDSHAKE + b"x" * 100)
    with pytest.raises(ProtocolError) as caught:
        parser.feed(b"y")
    assert caught.value.status == 413
    assert parser.next_request().wants_websocket


@pytest.mark.parametrize(
    "header",
    [
        b"connection: keep-alive",
        b"upgrade: websocket",  # without `connection: upgrade` it is not meant for us
        b"connection: upgrade",
        b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAARAAAAAAAIAAAAA",
        b"connection: upgrade\r\nupgrade: TLS/1.0, h2c",
    ],
)
@pytest.mark.parametrize(
    "framing", [b"content-length: 4\r\n\r\nbody", b"transfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"]
)
def test_other_requests_stay_plain_http(header, framing):
    text = b"POST /a HTTP/1.1\r\nhost: a\r\n%b\r\n%b" % (header, framing)
    requests, rest = parsed(text * 3)
    assert rest == b""
    assert [(one.target, one.body, one.keep_alive, one.wants_websocket) for one in requests] == [
        ("/a", b"body", True, False)
    ] * 3
    parser = RequestParser(HttpLimits())
    for byte in text:
        parser.feed(bytes([byte]))
    assert parser.next_request().body == b"body"


def test_an_offer_of_another_protocol_does_not_change_the_end_of_the_connection():
    (request,), _ = parsed(
        b"POST / HTTP/1.1\r\nhost: a\r\nconnection: upgrade, close\r\nupgrade: h2c\r\ncontent-length: 4\r\n\r\nbody"
    )
    assert (request.body, request.keep_alive) == (b"body", False)


def test_limits_hold_for_an_offer_of_another_protocol():
    with pytest.raises(ProtocolError) as caught:
        parsed(
            b"POST / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: h2c\r\n"
            b"transfer-encoding: chunked\r\n\r\n" + b"10000\r\n%b\r\n" % bytes(0x10000) * 33
        )
    assert caught.value.status == 413


def test_many_offers_in_one_piece_do_not_nest():
    text = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n"
    assert len(parsed(text * 2000)[0]) == 2000


def test_http_1_0_knows_no_upgrade():
    (request,), _ = parsed(HANDSHAKE.replace(b"HTTP/1.1", b"HTTP/1.0"))
    assert not request.wants_websocket


# The server's side.


def test_the_example_of_the_rfc():
    answer = accept_upgrade(upgrading(), {b"x-more": b"yes"})
    assert isinstance(answer, bytes)
    head, _, rest = answer.partition(b"\r\n\r\n")
    status, *lines = head.split(b"\r\n")
    assert status.startswith(b"HTTP/1.1 101 ")
    assert sorted(lines) == [
        b"connection: upgrade",
        b"sec-websocket-accept: %b" % ACCEPT,
        b"upgrade: websocket",
        b"x-more: yes",
    ]
    assert rest == b""


def test_no_extension_and_no_subprotocol_is_negotiated():
    request = upgrading(
        b"host: a\r\n",
        b"host: a\r\nsec-websocket-extensions: permessage-deflate\r\nsec-websocket-protocol: chat\r\n",
    )
    assert accept_upgrade(request) == accept_upgrade(upgrading())


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        (b"GET", b"PUT", 405),
        (b"upgrade: websocket\r\n", b"", 426),
        (b"version: 13", b"version: 8", 426),
        (b"sec-websocket-version: 13\r\n", b"", 426),
        (b"dGhlIHNhbXBsZSBub25jZQ==", b"dGhlIHNhbXBsZSBub25jZQ", 400),
        (b"dGhlIHNhbXBsZSBub25jZQ==", b"dGhlIHNhbXBsZQ==", 400),
        (b"dGhlIHNhbXBsZSBub25jZQ==", b"!!!!IHNhbXBsZSBub25jZQ==", 400),
        (b"dGhlIHNhbXBsZSBub25jZQ==", b"dGhl!IHNhbXBsZSBub25jZQ==", 400),
        (b"sec-websocket-key", b"x-key", 400),
        (b"host: a\r\n", b"host: a\r\ncontent-length: 3\r\n", 400),
        (b"host: a\r\n", b"host: a\r\ntransfer-encoding: chunked\r\n", 400),
    ],
)
def test_what_is_no_proper_handshake_is_refused(old, new, status):
    refusal = accept_upgrade(upgrading(old, new))
    assert isinstance(refusal, Refusal)
    assert refusal.status == status
    assert refusal.encode().startswith(b"HTTP/1.1 %d " % status)
    assert b"\r\nconnection: close\r\n" in refusal.encode()
    assert refusal.message.encode() in refusal.encode()


def test_a_wrong_version_is_told_the_right_one():
    refusal = accept_upgrade(upgrading(b"version: 13", b"version: 8"))
    assert refusal.headers == {b"sec-websocket-version": b"13"}
    assert b"\r\nsec-websocket-version: 13\r\n" in refusal.encode()


# The client's side.


def handshake(headers: dict[bytes, bytes] | None = None) -> ClientHandshake:
    return ClientHandshake("a:1", "/ws?x=1", headers or {}, KEY)


def test_a_client_s_request_is_what_a_server_accepts():
    opening = handshake({b"x-battle-request": b"w0-1"})
    (request,), rest = parsed(opening.request)
    assert rest == b""
    assert request.target == "/ws?x=1"
    assert request.headers[b"host"] == b"a:1"
    assert request.headers[b"x-battle-request"] == b"w0-1"
    assert b"sec-websocket-extensions" not in request.headers
    answer = accept_upgrade(request)
    assert isinstance(answer, bytes)
    assert opening.feed(answer) == b""


@given(st.binary(max_size=40), st.data())
def test_the_answer_may_come_in_pieces_and_with_frames_behind_it(rest, data):
    text = b"HTTP/1.1 100 Continue\r\n\r\n" + ANSWER
    cuts = sorted(data.draw(st.lists(st.integers(1, len(text) - 1), max_size=6, unique=True)))
    opening = handshake()
    for low, high in zip([0, *cuts], cuts, strict=False):
        assert opening.feed(text[low:high]) is None
    assert opening.feed(text[cuts[-1] if cuts else 0 :] + rest) == rest


@pytest.mark.parametrize("status", [200, 400, 403, 426, 429, 503])
def test_a_refusal_says_its_status(status):
    with pytest.raises(WebSocketRefused, match=str(status)) as caught:
        handshake().feed(b"HTTP/1.1 %d Some Reason\r\nRetry-After: 7\r\ncontent-length: 9\r\n\r\n" % status)
    assert caught.value.status == status
    assert caught.value.headers[b"retry-after"] == b"7"


@pytest.mark.parametrize(
    "text",
    [
        b"220 smtp.example.org\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        ANSWER.replace(ACCEPT, b"s3pPLMBiTxaQ9kYGzzhZRbK+xOO="),
        ANSWER.replace(b"Upgrade: websocket", b"Upgrade: h2c"),
        ANSWER.replace(b"Connection: Upgrade", b"Connection: close"),
        ANSWER.replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"),
        ANSWER.replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Protocol: chat\r\n\r\n"),
        b"HTTP/1.1 101 Switching Protocols\r\nx: %b" % (b"y" * 70_000),
    ],
)
def test_what_is_no_handshake_is_a_protocol_error(text):
    with pytest.raises(ProtocolError):
        handshake().feed(text)


@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 101 Swi", ANSWER[:-1], b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_a_connection_that_closes_before_the_answer_is_a_protocol_error(before):
    opening = handshake()
    if before:
        assert opening.feed(before) is None
    with pytest.raises(ProtocolError, match="closed before a response"):
        opening.feed(b"")


@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda junk: ANSWER[:70] + junk))
def test_any_answer_is_decided_or_waited_for(data):
    decided = None
    try:
        assert handshake().feed(data) is None
    except (WebSocketRefused, ProtocolError) as error:
        decided = error
    assert decided is None or decided.status >= 200


@given(st.binary(max_size=300).map(lambda junk: HANDSHAKE[:20] + junk + HANDSHAKE[20:]))
def test_any_request_is_accepted_or_refused(text):
    try:
        requests, _ = parsed(text)
    except ProtocolError:
        return
    for request in requests:
        answer = accept_upgrade(request)
        assert isinstance(answer, bytes) or answer.status in {400, 405, 426}


def test_a_refusal_is_frozen():
    with pytest.raises(AttributeError):
        Refusal(400, "no").status = 200  # type: ignore[misc]  # this is what must not work
    assert msgspec.structs.asdict(Refusal(400, "no"))["headers"] == {}
