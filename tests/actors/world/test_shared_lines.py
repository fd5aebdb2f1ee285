"""The lines that nodes share are the same for all who read them, in both worlds."""

import multiprocessing

import pytest

from battle.actors.shared_lines import LinesInMemory
from battle.actors.world.live.shared_file import SharedFile

WRITERS, LINES = 3, 200


@pytest.fixture(params=["live", "simulated"])
def views(request, tmp_path):
    """The lines as two nodes have them."""
    if request.param == "simulated":
        lines = LinesInMemory()
        yield lines, lines
        return
    files = SharedFile(tmp_path / "lines"), SharedFile(tmp_path / "lines")
    yield files
    for one in files:
        one.close()


def test_what_one_adds_the_other_reads_once(views):
    mine, others = views
    assert others.read(0) == ([], 0)
    mine.append(b"one")
    mine.append(b"two")
    lines, position = others.read(0)
    assert lines == [b"one", b"two"]
    assert others.read(position) == ([], position)
    others.append(b"three")
    assert mine.read(position)[0] == [b"three"]
    assert mine.read(0)[0] == [b"one", b"two", b"three"]


def test_a_line_that_was_cut_off_stands_alone(tmp_path):
    file = SharedFile(tmp_path / "lines")
    file.append(b"whole")
    with (tmp_path / "lines").open("ab") as torn:
        torn.write(b"\nhal")
    lines, position = file.read(0)
    assert lines == [b"whole"]
    file.append(b"next")
    assert file.read(position)[0] == [b"hal", b"next"]
    file.close()


def test_a_file_that_nobody_uses_is_not_there(tmp_path):
    file = SharedFile(tmp_path / "lines")
    file.close()
    assert not (tmp_path / "lines").exists()


def _write(path, name):
    file = SharedFile(path)
    for number in range(LINES):
        file.append(b"%s:%d:" % (name, number) + b"x" * 5_000)
    file.close()


@pytest.mark.live
def test_lines_of_several_processes_do_not_mix(tmp_path):
    path = tmp_path / "lines"
    spawn = multiprocessing.get_context("fork")
    writers = [spawn.Process(target=_write, args=(path, b"%d" % number)) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    file = SharedFile(path)
    lines, _ = file.read(0)
    file.close()
    assert all(line.endswith(b":" + b"x" * 5_000) for line in lines)
    by_writer = [
        [line.split(b":")[:2] for line in lines if line.startswith(b"%d:" % number)]
        for number in range(WRITERS)
    ]
    assert by_writer == [
        [[b"%d" % number, b"%d" % line] for line in range(LINES)] for number in range(WRITERS)
    ]
