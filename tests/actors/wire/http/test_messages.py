"""What the encoders write, read back by the parsers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.spec.limits import HttpLimits
from battle.actors.wire.http.messages import HttpResponse, encode_request, encode_response, request_head
from battle.actors.wire.http.parsers import RequestParser, ResponseParser

LIMITS = HttpLimits(header_bytes=1000, body_bytes=2000)


def read_back(text: bytes) -> list[HttpResponse]:
    parser = ResponseParser(LIMITS)
    parser.feed(text)
    return list(iter(parser.next_response, None))


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


def test_encoded_responses_say_when_they_are_the_last():
    (response,) = read_back(encode_response(400, b"no", content_type=b"text/plain", keep_alive=False))
    assert response == HttpResponse(
        400, {b"content-type": b"text/plain", b"connection": b"close", b"content-length": b"2"}, b"no", False
    )


def test_a_response_without_content_has_no_length():
    text = encode_response(204, b"")
    assert text == b"HTTP/1.1 204 No Content\r\n\r\n"
    assert [(one.status, one.body, one.keep_alive) for one in read_back(text)] == [(204, b"", True)]


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
