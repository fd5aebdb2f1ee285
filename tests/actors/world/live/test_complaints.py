"""What a gateway's program prints about a limit of open files: found in any pieces, put down to who set it."""

import os
import resource
import sys
from errno import EMFILE, ENFILE
from itertools import pairwise

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.world.cluster import Command
from battle.actors.world.live.complaints import KEPT_BYTES, Complaints
from battle.actors.world.live.output import CUT_ABOVE_BYTES, Output
from battle.store.events import BenchLimitReached
from tests.actors.world.nodes import live, logged, untold

pytestmark = pytest.mark.alone  # its live tests measure how late they are

SAID = st.sampled_from(
    [
        os.strerror(EMFILE).encode(),
        b"accept: too many open files",
        os.strerror(ENFILE).encode(),
        b"No file descriptors available",
    ]
)
SECRETS = (b"secret-1", b"0123456789abcdefXYZ")
URL = b"http://me:%b@host/%b " % SECRETS
NOISE = st.binary(max_size=300).filter(lambda noise: not any(secret in noise for secret in SECRETS))
OTHER = NOISE | st.sampled_from([b"\n", b" ", URL])


def cut(text: bytes, places: list[int]) -> list[bytes]:
    borders = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[start:end] for start, end in pairwise(borders)]


@given(st.lists(OTHER | SAID, max_size=20), st.lists(st.integers(0, 10**6), max_size=20))
def test_each_is_counted_once_wherever_the_pieces_are_cut(parts, places):
    text = b"|".join(parts)
    complaints = Complaints()
    heard = [complaints.heard(piece) for piece in cut(text, places)]
    found = [each for each in heard if each is not None]
    expected = text.count(b"oo many open files") + text.count(b"o file descriptors available")
    assert sum(each.times for each in found) == expected
    for each in found:
        assert not any(secret.decode() in each.line for secret in SECRETS)
        assert len(each.line) <= 2 * KEPT_BYTES
        assert all(
            character == " " or character.isprintable() or character > "\x9f" for character in each.line
        )


@pytest.mark.parametrize(
    ("pieces", "line"),
    [
        ([b"a\nsocket() failed (24: Too many open files)\nb"], "socket() failed (24: Too many open files)"),
        ([b"a\nsocket() fai", b"led (24: Too many o", b"pen files)\n"], "socket() failed (24: Too many open files)"),
        ([b"x" * 500 + b" http: accept: too many open files; retrying"], "http: accept: too many open files;"),
        ([b"a\nno: Too many open files while opening a connection to http://host/0123456789abcdefXYZ and one more\n"],
            "no: Too many open files while opening a connection to"),
        ([b"ws://a/0123456789abcdefXYZ: \x1b[1mtoo many open files\n"], "ws://a/***: too many open files"),
    ],
)  # fmt: skip
def test_the_first_line_is_shown(pieces, line):
    complaints = Complaints()
    (found,) = [each for piece in pieces if (each := complaints.heard(piece)) is not None]
    assert " ".join(found.line.split()) == line


def test_that_the_whole_machine_has_no_files_left_is_no_programs_own():
    for number, machine in ((EMFILE, False), (ENFILE, True)):
        found = Complaints().heard(f"accept: {os.strerror(number)}\n".encode())
        assert found is not None
        assert found.is_of_machine == machine


def test_a_file_is_heard_once_also_when_it_is_cut_meanwhile(tmp_path):
    path, pieces = tmp_path / "out.txt", []
    output = Output(path)
    output.hear = pieces.append
    output.look()  # there is none yet
    with path.open("ab", buffering=0) as program:
        program.write(b"one")
        output.look()
        output.look()
        program.write(b"two")
        output.look()
        program.write(b"x" * CUT_ABOVE_BYTES)
        output.look()
        program.write(b"three")
        output.look()
    assert [piece for piece in pieces if b"x" not in piece] == [b"one", b"two", b"three"]
    assert path.stat().st_size < CUT_ABOVE_BYTES


STARVED = """
import os, resource, signal, socket, sys
port, limit = map(int, sys.argv[1:])
if limit:
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
with socket.create_server(("127.0.0.1", port)) as listener:
    opened = []
    for _ in range(3):
        try:
            while True:
                opened.append(os.dup(0))
        except OSError as error:
            print(error, flush=True)
            for file in opened:
                os.close(file)
            opened = []
    signal.pause()  # it can be asked what it has until it is ended
"""


@pytest.mark.live
@pytest.mark.parametrize(
    ("own_limit", "needed", "is_ours"),
    [
        (0, 10**9, True),
        (0, 0, False),  # it has opened more than the load makes it open
        (50, 10**9, False),  # it has set itself a lower one
    ],
)
def test_a_program_that_lacks_files_for_a_moment_has_met_our_limit_or_its_own(
    tmp_path, own_limit, needed, is_ours
):
    async def main(cluster):
        address = cluster.reserve("gateway")
        words = (sys.executable, "-c", STARVED, address.rpartition(":")[2], str(own_limit))
        async with trio.open_nursery() as nursery:
            await nursery.start(
                cluster.run_command, "gateway", 1, Command(words, address, 20 * 10**9, needed), untold()
            )
            nursery.cancel_scope.cancel()

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
    try:
        live(main, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    noted = [
        event for event in logged(tmp_path, "coordinator.1.ndjson") if isinstance(event, BenchLimitReached)
    ]
    assert sum(event.times for event in noted) == (3 if is_ours else 0)
    assert all(event.node == "gateway" and event.limit == "open_files" for event in noted)
    assert all("Too many open files" in str(event.detail) for event in noted)
