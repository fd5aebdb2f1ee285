"""A head that was seen before is not parsed again: whatever is fed, the outcome must be the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.spec.limits import HttpLimits
from battle.actors.wire.http.messages import HttpResponse, ProtocolError
from battle.actors.wire.http.parsers import ResponseParser

HEADS = [
    b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\n",
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 3\r\nX-Battle-Provider: a\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.0 200 OK\r\ncontent-length: 3\r\n\r\n",
]
BODIES = [b"", b"abc", b"xyz", b"3\r\nabc\r\n0\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc"]
CHUNKS = st.lists(st.tuples(st.sampled_from(HEADS), st.sampled_from(BODIES)).map(b"".join), max_size=8)


def fed(parser: ResponseParser, chunks: list[bytes]) -> list[HttpResponse | str]:
    """Each response, as it is taken after its chunk, and whether parsing failed."""
    found: list[HttpResponse | str] = []
    for chunk in chunks:
        try:
            parser.feed(chunk)
        except ProtocolError:
            return [*found, "failed"]
        while (response := parser.next_response()) is not None:
            found.append(response)
            if not response.keep_alive:
                return found  # nobody reads on after that
    return found


class Forgetful(dict[bytes, HttpResponse]):
    def __setitem__(self, head: bytes, response: HttpResponse) -> None:
        """Nothing is kept."""


@given(CHUNKS)
def test_nothing_but_time_is_saved(chunks: list[bytes]) -> None:
    reference = ResponseParser(HttpLimits())
    reference._known = Forgetful()
    assert fed(ResponseParser(HttpLimits()), chunks) == fed(reference, chunks)


def test_a_repeated_head_is_not_parsed_again() -> None:
    parser = ResponseParser(HttpLimits())
    first, second = fed(parser, [HEADS[3] + b"abc", HEADS[3] + b"xyz"])
    assert isinstance(first, HttpResponse)
    assert isinstance(second, HttpResponse)
    assert (second.status, second.body, second.keep_alive) == (503, b"xyz", True)
    assert second.headers is first.headers


@pytest.mark.parametrize("rest", [b"ab", b"abcd", b""])
def test_a_repeated_head_with_a_body_of_another_length_is_parsed(rest: bytes) -> None:
    parser = ResponseParser(HttpLimits())
    fed(parser, [HEADS[0] + b"abc"])
    found = fed(parser, [HEADS[0] + rest])
    assert found == fed(ResponseParser(HttpLimits()), [HEADS[0] + rest])


def test_many_different_heads_do_not_pile_up() -> None:
    parser = ResponseParser(HttpLimits())
    for number in range(1_000):
        parser.feed(b"HTTP/1.1 200 OK\r\nx: %d\r\ncontent-length: 1\r\n\r\na" % number)
        assert parser.next_response() is not None
    assert len(parser._known) <= 64


def test_a_connection_s_last_response_is_still_its_last_when_repeated() -> None:
    parser = ResponseParser(HttpLimits())
    parser.feed(HEADS[2] + b"abc")
    with pytest.raises(ProtocolError):
        parser.feed(HEADS[2] + b"abc")
