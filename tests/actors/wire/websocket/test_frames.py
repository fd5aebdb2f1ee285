"""Frames without any I/O: whole messages out of any pieces, and a word for everything a peer can do wrong."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.frame_protocol import CloseReason, FrameProtocol

from battle.actors.close_codes import is_close_code, is_servers_close_code
from battle.actors.spec.limits import WRITE_LIMIT_BYTES, WebSocketLimits
from battle.actors.wire.websocket.frames import CloseFrame, Frames, Ping, Pong, Violation
from tests.actors.wire.websocket.stage import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    close_frame,
    frame,
)

LIMITS = WebSocketLimits(message_bytes=1000, fragments=8)
HEARTS = "héarts ♥ 🂱".encode()


def read(*pieces, client=False, limits=LIMITS):
    frames = Frames(client, limits)
    return [incoming for piece in pieces for incoming in frames.read(piece)]


def violation(*pieces, **options):
    """(code, reason) of the one violation these pieces are."""
    *_, last = read(*pieces, **options)
    assert isinstance(last, Violation)
    return last.code, last.reason


def cut(text, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    return [text[low:high] for low, high in zip([0, *cuts], [*cuts, len(text)], strict=True)]


@given(st.lists(st.text(max_size=300), max_size=6), st.booleans(), st.data())
def test_what_one_side_sends_the_other_reads(texts, client, data):
    sender = Frames(client, LIMITS)
    wire = b"".join(sender.text(text) for text in texts)
    assert read(*cut(wire, data), client=not client) == [text.encode() for text in texts]


@given(st.data())
def test_a_conversation_is_read_the_same_in_any_pieces(data):
    wire = (
        frame(TEXT, b"one")
        + frame(TEXT, HEARTS[:2], fin=False)  # in the middle of a character
        + frame(PING, b"p" * 125)
        + frame(CONTINUATION, b"", fin=False)
        + frame(PONG)
        + frame(CONTINUATION, HEARTS[2:])
        + frame(BINARY, HEARTS)
        + frame(TEXT)
        + frame(TEXT, b"x" * 1000)
        + close_frame(3000, HEARTS)
        + b"what is not read any more"
    )
    assert read(*cut(wire, data)) == [
        b"one",
        Ping(b"p" * 125),
        Pong(b""),
        HEARTS,
        HEARTS,
        b"",
        b"x" * 1000,
        CloseFrame(3000, HEARTS.decode()),
    ]


def test_byte_at_a_time():
    wire = frame(TEXT, HEARTS, fin=False) + frame(CONTINUATION, b"x" * 300) + frame(CLOSE)
    assert read(*(wire[at : at + 1] for at in range(len(wire)))) == [
        HEARTS + b"x" * 300,
        CloseFrame(1005, ""),
    ]


@pytest.mark.parametrize("text", [HEARTS, HEARTS.decode()])
def test_bytes_and_strings_are_sent_as_text(text):
    assert Frames(False, LIMITS).text(text) == frame(TEXT, HEARTS, masked=False)
    with pytest.raises(UnicodeDecodeError):
        Frames(False, LIMITS).text(b"\xff")


def test_a_client_masks_and_a_server_does_not():
    for size in (0, 125, 126, 65_535, 65_536):
        text = b"x" * size
        assert Frames(False, LIMITS).text(text) == frame(TEXT, text, masked=False)
        protocol = FrameProtocol(False, [])
        protocol.receive_bytes(Frames(True, LIMITS).text(text))
        assert "".join(str(one.payload) for one in protocol.received_frames()) == text.decode()


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        (frame(TEXT, b"x", masked=False), 1002),
        (frame(PING, masked=False), 1002),
        (frame(0x3, b"x"), 1002),
        (frame(0xB), 1002),
        (frame(TEXT, b"x", rsv=4), 1002),  # compression was not negotiated
        (frame(CONTINUATION, b"x"), 1002),
        (frame(TEXT, b"x", fin=False) + frame(TEXT, b"y"), 1002),
        (frame(PING, fin=False), 1002),
        (frame(PING, b"x" * 126), 1002),
        (b"\x81\xfe\x00\x01\x00\x00\x00\x00x", 1002),  # a length that is not the shortest
        (b"\x81\xff\x80\x00\x00\x00\x00\x00\x00\x00", 1002),
        (frame(CLOSE, b"\x03"), 1002),
        (close_frame(999), 1002),
        (close_frame(1004), 1002),
        (close_frame(1005), 1002),
        (close_frame(1006), 1002),
        (close_frame(1015), 1002),
        (close_frame(2999), 1002),
        (close_frame(5000), 1002),
        (close_frame(1000, b"\xff"), 1007),
        (frame(TEXT, b"\xff"), 1007),
        (frame(TEXT, HEARTS[:2]), 1007),
        (frame(TEXT, HEARTS[:2], fin=False) + frame(CONTINUATION, b"x"), 1007),
        (frame(BINARY, b"\xff"), 1007),
        (frame(BINARY, HEARTS[:2], fin=False) + frame(CONTINUATION), 1007),
        (frame(TEXT, b"x" * 1001), 1009),
        (frame(BINARY, b"x" * 1001), 1009),
        (frame(TEXT, b"x" * 999, fin=False) + frame(CONTINUATION, b"xy"), 1009),
        (frame(TEXT, fin=False) + frame(CONTINUATION, fin=False) * 8, 1009),
        (b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0" + b"x" * 1001, 1009),
    ],
)
def test_what_a_client_must_not_send(wire, code):
    assert violation(wire)[0] == code
    assert violation(frame(TEXT, b"fine"), wire)[0] == code
    assert violation(*(wire[at : at + 1] for at in range(len(wire))))[0] == code
    after = read(wire, frame(TEXT, b"more"), frame(PING))
    assert len(after) == 1, "nothing is delivered after a violation"


def test_a_server_must_not_mask():
    assert violation(frame(TEXT, b"x"), client=True)[0] == 1002


def test_as_many_fragments_as_are_allowed():
    assert read(
        frame(TEXT, b"1", fin=False), frame(CONTINUATION, b"2", fin=False) * 6 + frame(CONTINUATION, b"3")
    ) == [b"12222223"]
    for start in (b"1", b""):
        again = frame(TEXT, start, fin=False) + frame(CONTINUATION, b"2")
        assert read(again * 20) == [start + b"2"] * 20, "fragments are counted per message"


@pytest.mark.parametrize("cause", [frame(TEXT, b"x" * 1001), frame(BINARY, b"\xff")])
def test_the_answer_to_our_close_frame_is_still_found_after_a_limit_was_broken(cause):
    assert read(cause, frame(TEXT, b"x" * 5000) + frame(TEXT, b"y") + close_frame(1009))[1:] == [
        CloseFrame(1009, "")
    ]


def test_after_nonsense_nothing_is_kept():
    frames = Frames(False, LIMITS)
    assert list(frames.read(b"\xff" * 100))
    assert frames.broken
    for _ in range(1000):
        assert list(frames.read(b"x" * 1000)) == []
    assert len(frames._protocol._frame_decoder.buffer) <= 100


def test_what_is_discarded_is_not_kept():
    frames = Frames(False, LIMITS)
    frames.discard()
    huge = b"\x81\xff\x00\x00\x00\x7f\xff\xff\xff\xff\0\0\0\0"
    assert list(frames.read(huge)) == []
    for _ in range(100):
        assert list(frames.read(b"x" * 10_000)) == []
        assert len(frames._protocol._frame_decoder.buffer) + len(frames._parts) <= 10_000


def test_a_close_frame():
    assert Frames(False, LIMITS).close(1001, "bye") == close_frame(1001, b"bye", masked=False)
    assert Frames(False, LIMITS).close(1005, "") == frame(CLOSE, masked=False)
    (long,) = read(Frames(False, LIMITS).close(1000, "♥" * 100), client=True)
    assert long == CloseFrame(1000, "♥" * 41)


def test_codes_a_close_frame_may_carry():
    allowed = {code for code in range(6000) if is_close_code(code)}
    assert allowed == {*range(1000, 1004), *range(1007, 1014), *range(3000, 5000)}
    for code in range(6000):
        (incoming,) = read(close_frame(code))
        assert isinstance(incoming, CloseFrame) == (code in allowed)


FRAMES = st.builds(
    frame,
    st.integers(0, 15),
    st.binary(max_size=130),
    fin=st.booleans(),
    masked=st.sampled_from([True, True, True, False]),
    rsv=st.sampled_from([0, 0, 0, 0, 1, 2, 4]),
)


@given(st.lists(FRAMES | st.binary(max_size=30), max_size=10), st.booleans(), st.data())
def test_any_bytes_are_messages_or_one_violation(pieces, client, data):
    frames = Frames(client, LIMITS)
    found = [incoming for piece in cut(b"".join(pieces), data) for incoming in frames.read(piece)]
    kinds = [type(incoming) for incoming in found]
    assert kinds.count(Violation) <= 1
    if Violation in kinds:
        after = kinds[kinds.index(Violation) + 1 :]
        assert after in ([], [CloseFrame])
        assert found[kinds.index(Violation)].code in {1002, 1007, 1009}
    assert all(
        len(one) <= LIMITS.message_bytes and one.decode() is not None
        for one in found
        if isinstance(one, bytes)
    )


def test_limits_must_make_sense():
    assert not list(WebSocketLimits().problems())
    for name in WebSocketLimits.__struct_fields__:
        (problem,) = msgspec.structs.replace(WebSocketLimits(), **{name: 0}).problems()
        assert name in problem
    (problem,) = WebSocketLimits(unsent_bytes=WRITE_LIMIT_BYTES + 1).problems()
    assert "unsent_bytes" in problem


def test_close_codes_are_those_of_the_library_and_a_server_misses_no_extension():
    registered = {code.value for code in CloseReason} - {1005, 1006, 1015}
    assert {code for code in range(5000) if is_close_code(code)} == registered | set(range(3000, 5000))
    assert {code for code in range(5000) if is_close_code(code) and not is_servers_close_code(code)} == {1010}
