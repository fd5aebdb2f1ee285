"""Output that nobody reads, that has no room, or that cannot say a character."""

import io
import os
import subprocess
import sys

import pytest

from battle.progress import Progress
from tests.battle.charts.samples import eventful_run


class Broken(io.StringIO):
    """A pipe whose reader has left; counts how often somebody tried to write."""

    tried = 0

    def write(self, text):
        self.tried += 1
        raise BrokenPipeError


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    return eventful_run(tmp_path_factory.mktemp("written") / "run")


def battle(*arguments, cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=None):
    command = [sys.executable, "-m", "battle", *map(str, arguments)]
    return subprocess.run(
        command,
        cwd=cwd,
        stdout=stdout,
        stderr=stderr,
        timeout=60,
        check=False,
        env={**os.environ, **(env or {})},
    )


@pytest.fixture
def left():
    """The writing end of a pipe whose reader has left."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


@pytest.fixture
def full():
    with open("/dev/full", "wb") as file:
        yield file


def test_progress_that_cannot_be_written_is_shown_no_more(tmp_path):
    out = Broken()
    progress = Progress(tmp_path, 10**9, out=out)
    progress._show(0)
    progress._show(10**10)
    progress.close()
    assert out.tried == 1


def test_a_run_that_nobody_watches_ends_with_its_verdict(tmp_path, left):
    ran = battle("run", "smoke", "--world", "simulated", cwd=tmp_path, stdout=left, stderr=left)
    assert ran.returncode == 0
    assert (tmp_path / "battle_results" / "latest" / "report.md").is_file()


@pytest.mark.parametrize("arguments", [["report"], ["sql"], ["charts"]])
def test_a_reader_who_left_is_no_mistake(arguments, run_dir, tmp_path, left):
    ran = battle(*arguments, run_dir, cwd=tmp_path, stdout=left)
    assert (ran.returncode, b"Traceback" in ran.stderr, b"Broken" in ran.stderr) == (0, False, False)


@pytest.mark.parametrize("arguments", [["report"], ["sql"]])
def test_a_full_device_is_one_sentence(arguments, run_dir, tmp_path, full):
    ran = battle(*arguments, run_dir, cwd=tmp_path, stdout=full)
    assert ran.returncode == 2
    assert ran.stderr.endswith(b"battle: the output cannot be written: No space left on device\n")
    assert b"Traceback" not in ran.stderr


def test_a_full_device_does_not_change_the_verdict(tmp_path, full):
    ran = battle("run", "smoke", "--world", "simulated", "--quiet", cwd=tmp_path, stdout=full)
    told = b"battle: the output cannot be written: No space left on device\n"
    assert (ran.returncode, ran.stderr) == (0, told)


@pytest.mark.parametrize("command", ["report", "charts"])
def test_what_an_encoding_cannot_say_is_replaced(command, run_dir, tmp_path):
    ran = battle(command, run_dir, cwd=tmp_path, env={"PYTHONIOENCODING": "ascii"})
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert b"?" in ran.stdout
