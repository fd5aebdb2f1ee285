"""Compressed bodies: those that HTTP libraries read are read, and any other is unreadable, whatever its bytes."""

import gzip
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.wire.http.content_coding import decoded_body
from battle.actors.wire.http.messages import HttpResponse
from battle.actors.wire.untrusted_json import Unreadable

LIMIT = 1000
ENCODERS: dict[bytes, Callable[[bytes], bytes]] = {
    b"gzip": gzip.compress,
    b"x-gzip": gzip.compress,
    b"deflate": zlib.compress,
    b"identity": bytes,
}


def response(body: bytes, coding: bytes | None) -> HttpResponse:
    headers = {} if coding is None else {b"content-encoding": coding}
    return HttpResponse(200, headers, body, True)


@pytest.mark.parametrize("coding", [None, *ENCODERS])
@given(st.binary(max_size=LIMIT))
def test_a_body_is_what_was_encoded(coding: bytes | None, body: bytes) -> None:
    encoded = body if coding is None else ENCODERS[coding](body)
    assert decoded_body(response(encoded, coding), LIMIT) == body


def test_the_name_of_a_coding_may_be_written_in_capitals() -> None:
    assert decoded_body(response(gzip.compress(b"x"), b" GZIP "), LIMIT) == b"x"


@given(st.sampled_from([b"gzip", b"deflate", b"br", b"\xff, gzip"]), st.binary(max_size=200))
def test_any_other_bytes_are_unreadable(coding: bytes, body: bytes) -> None:
    with pytest.raises(Unreadable):
        decoded_body(response(b"{" + body, coding), LIMIT)


@pytest.mark.parametrize("cut", [1, 5, 9])
def test_a_body_that_was_cut_short_is_unreadable(cut: int) -> None:
    with pytest.raises(Unreadable):
        decoded_body(response(gzip.compress(b"some text")[:-cut], b"gzip"), LIMIT)


def test_a_small_body_does_not_become_a_large_one() -> None:
    decoded_body(response(gzip.compress(b"0" * (LIMIT - 1)), b"gzip"), LIMIT)
    with pytest.raises(Unreadable, match="more than 1000 bytes of gzip, or not whole"):
        decoded_body(response(gzip.compress(b"0" * (LIMIT + 1)), b"gzip"), LIMIT)
