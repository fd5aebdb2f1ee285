"""Output that nobody reads, that has no room, or that cannot say a character."""

import csv
import io
import json
import os
import subprocess
import sys
import unicodedata

import pytest

from battle.analysis.reports.html import _csv
from battle.cli.app import run_command_line
from battle.run.progress import Progress
from battle.store.events import Event
from tests.battle.analysis.charts.samples import chart, eventful_run
from tests.battle.histories import S, failed, phases, request, write_run


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


# what came from files and from the wire commands no terminal

EVIL = "\x1b[2J\x1b]0;owned\x07\rPASS\x9b31m\u202e"
FORMULA = '=HYPERLINK("http://[::1]/","click")'
"""A method that a client of somebody else's called like that."""


@pytest.fixture(scope="module")
def evil_run(tmp_path_factory):
    requests: list[Event] = [
        request(1, method=EVIL),
        request(2, S, method=FORMULA),
        failed(3, 2 * S, failure=EVIL, provider=EVIL),
    ]
    segments = {"coordinator": phases(), "load-load.0": requests}
    return write_run(tmp_path_factory.mktemp("evil") / "run", segments, scenario={"name": EVIL}, gateway=EVIL)


@pytest.mark.parametrize(
    "arguments",
    [
        ["report", "--format", form] for form in ("markdown", "html", "json", "junit")
    ]
    + [["sql", *query, "--format", form] for query in ([], ["SELECT * FROM requests"])
       for form in ("table", "json", "csv", "markdown")]
    + [["explain", "r3"], ["charts"], ["judge", "--slo", "success_rate >= 99%"]],
    ids=" ".join,
)  # fmt: skip
def test_no_control_character_reaches_the_terminal(arguments, evil_run, capsys):
    command, *rest = arguments
    assert run_command_line([command, str(evil_run), *rest]) in (0, 1, 3)
    said = capsys.readouterr()
    for text in (said.out, said.err):
        odd = [char for char in text if unicodedata.category(char) in ("Cc", "Cf") and char not in "\n\t"]
        assert odd == []
    if "json" in arguments:
        json.loads(said.out)


def test_a_message_commands_no_terminal_either(capsys):
    assert run_command_line(["sql", "latest", "--out", EVIL]) == 2
    assert "\\u001b[2J" in capsys.readouterr().err


def test_progress_moves_its_own_line_and_nothing_else(tmp_path):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    progress = Progress(tmp_path, 10**9, out=Terminal())
    progress._situation.begin_ns = 0
    progress._situation._faults["f"] = f"kill {EVIL}"
    progress._show(0)
    shown = progress._out.getvalue()
    assert shown.startswith("\r\x1b[2K")
    assert shown.removeprefix("\r\x1b[2K").isprintable()


@pytest.mark.parametrize("form", ["csv", "markdown"])
def test_a_cell_is_no_formula_and_no_markup(form, evil_run, capsys):
    query = "SELECT method, '<img src=x onerror=alert(1)>' AS html, -5 AS number FROM requests WHERE method LIKE '=%'"
    assert run_command_line(["sql", str(evil_run), query, "--format", form]) == 0
    told = capsys.readouterr().out.splitlines()[-1]
    if form == "csv":
        assert next(csv.reader([told]))[0] == f"'{FORMULA}"
        assert told.endswith(",-5")
    else:
        assert "&lt;img" in told
        assert "<img" not in told


def test_the_data_of_a_chart_is_no_formula():
    rows = ({"t": 0.0, "end": 1.0, "provider": "=1+1", "answers": 1, "rate": -1.0},)
    text = _csv(chart("providers_over_time", rows=rows))
    assert text.splitlines()[1] == "0.0,1.0,'=1+1,1,-1.0"
