"""What a process prints: bounded on disk, bounded in memory, harmless where it is shown."""

import sys
import tracemalloc

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.world.cluster import Command
from battle.actors.world.live.output import (
    CUT_ABOVE_BYTES,
    HEAD_BYTES,
    LAST_CHARS,
    TAIL_BYTES,
    cut_output,
    last_output,
)
from tests.actors.world.nodes import live, untold

LOUD = """
import os, socket, sys
line = b"x" * 99 + b"\\n"
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
    os.write(1, b"the first line\\n")
    for _ in range(200):
        os.write(1, line * 10_000)
    os.write(1, b"the last line\\n")
    listener.accept()
"""


def test_a_short_file_stays_as_it_is(tmp_path):
    path = tmp_path / "out.txt"
    path.write_bytes(b"x" * CUT_ABOVE_BYTES)
    cut_output(path)
    assert path.stat().st_size == CUT_ABOVE_BYTES
    cut_output(tmp_path / "none.txt")


def test_a_long_file_keeps_its_head_and_its_tail_and_whoever_appends_goes_on(tmp_path):
    path = tmp_path / "out.txt"
    with path.open("ab", buffering=0) as program:
        program.write(b"head" + b"x" * 10 * CUT_ABOVE_BYTES + b"tail")
        cut_output(path)
        program.write(b" and more")
    kept = path.read_bytes()
    assert kept.startswith(b"head")
    assert kept.endswith(b"tail and more")
    assert b"bytes of output were cut out here]" in kept
    assert len(kept) < HEAD_BYTES + TAIL_BYTES + 1000


def test_the_end_of_a_huge_file_is_shown_without_reading_it(tmp_path):
    path = tmp_path / "out.txt"
    with path.open("wb") as file:
        file.truncate(2**33)
        file.seek(2**33)
        file.write(b"\nwhy it died\n")
    tracemalloc.start()
    assert last_output(path).endswith("why it died")
    assert tracemalloc.get_traced_memory()[1] < 10**6
    tracemalloc.stop()


@given(st.binary(max_size=3000))
def test_whatever_was_printed_is_shown_as_one_line_that_no_terminal_obeys(tmp_path_factory, printed):
    path = tmp_path_factory.getbasetemp() / "out.txt"
    path.write_bytes(printed)
    shown = last_output(path)
    assert len(shown) <= LAST_CHARS
    assert all(character == " " or character.isprintable() or ord(character) > 0x9F for character in shown)


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        (b"\x1b[31mred\x1b[0m\n\n  two \r\nthree", "red | two | three"),
        (b"\x1b]0;title\x07text\x1b]8;;http://x\x1b\\link", "text link"),
        (b"a\tb\x00c\x9b31m", "a b c"),
        (b"", ""),
        (b"\n \n", ""),
    ],
)
def test_escape_sequences_and_control_characters_are_taken_out(tmp_path, printed, shown):
    path = tmp_path / "out.txt"
    path.write_bytes(printed)
    assert " ".join(last_output(path).split()).startswith(shown)


@pytest.mark.live
def test_a_program_that_prints_without_end_fills_no_disk(tmp_path):
    async def main(cluster):
        address = cluster.reserve("gateway")
        words = (sys.executable, "-c", LOUD, address.rpartition(":")[2])
        async with trio.open_nursery() as nursery:
            command = Command(words, address, 20 * 10**9)
            await nursery.start(cluster.run_command, "gateway", 1, command, untold())
            await trio.sleep(1)
            nursery.cancel_scope.cancel()

    live(main, tmp_path)
    kept = (tmp_path / "nodes" / "gateway.1.txt").read_bytes()
    assert len(kept) <= CUT_ABOVE_BYTES
    assert kept.startswith(b"the first line\n")
    assert kept.endswith(b"the last line\n")
