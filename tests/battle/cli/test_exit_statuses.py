"""Exit status 1 is FAIL and nothing else: damaged files and Battle's own mistakes are 2, with a sentence."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from battle.cli import app
from battle.errors import BattleError, StartError
from battle.process_limits import described
from battle.run.directory import create_run_directory, find_run
from tests.battle.histories import healthy, write_run

COMMANDS = ["sql RUN", "sql RUN 'SELECT 1'", "explain RUN r1", "report RUN", "charts RUN", "judge RUN"]


def run(command: str, run_dir: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    words = [str(run_dir) if word == "RUN" else word.strip("'") for word in command.split(maxsplit=2)]
    status = app.run_command_line(words)
    return status, capsys.readouterr().err


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run", healthy())


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def to_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def to_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def make_sql_raise(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*args: object, **named: object) -> int:
        raise error

    monkeypatch.setattr("battle.cli.sql.sql_command", fail)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("harm", [flip, to_fifo, to_directory, Path.unlink], ids=lambda harm: harm.__name__)
def test_a_damaged_file_is_one_sentence_and_2(
    run_dir: Path, capsys: pytest.CaptureFixture[str], command: str, harm: Callable[[Path], None]
) -> None:
    harm(run_dir / "events" / "requests.parquet")
    status, said = run(command, run_dir, capsys)
    assert (status, said.count("\n")) == (2, 1), said
    assert "requests.parquet" in said


@pytest.mark.parametrize("command", COMMANDS)
def test_a_header_that_is_no_file_is_one_sentence_and_2(
    run_dir: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    to_fifo(run_dir / "run.json")
    status, said = run(command, run_dir, capsys)
    assert (status, said.count("\n")) == (2, 1), said
    assert "run.json cannot be read: it is a FIFO" in said


@pytest.mark.parametrize("harm", [to_fifo, to_directory, lambda path: path.write_bytes(b"{")])
@pytest.mark.parametrize("command", COMMANDS)
def test_so_is_one_of_a_run_that_was_never_sealed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, harm: Callable[[Path], None]
) -> None:
    (tmp_path / "events").mkdir()
    (tmp_path / "run.json").write_text("{}")
    harm(tmp_path / "run.json")
    status, said = run(command, tmp_path, capsys)
    assert (status, said.count("\n")) == (2, 1), said
    assert "run.json" in said


@pytest.mark.parametrize(
    "error",
    [
        KeyError("x"),
        RecursionError("deep"),
        EOFError(),
        OSError(errno.EPIPE, "Broken pipe"),
        BrokenPipeError(errno.EPIPE, "Broken pipe"),
        OSError(errno.EIO, "Input/output error"),
        ExceptionGroup("several", [ValueError("a"), TypeError("b")]),
    ],
    ids=repr,
)
def test_a_bug_is_no_fail(
    run_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    make_sql_raise(monkeypatch, error)
    status, said = run("sql RUN", run_dir, capsys)
    assert status == 2
    assert "this is a bug in Battle" in said.splitlines()[-1]
    assert type(error).__name__ in said.splitlines()[-1]
    assert "Traceback" in said


@pytest.mark.parametrize(
    "error",
    [MemoryError(), OSError(errno.EMFILE, "Too many open files"), ExceptionGroup("several", [MemoryError()])],
    ids=repr,
)
def test_a_machine_that_has_no_more_is_neither_a_bug_nor_a_fail(
    run_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    make_sql_raise(monkeypatch, error)
    status, said = run("sql RUN", run_dir, capsys)
    assert (status, said) == (2, f"battle: {described(error)}\n")


def test_latest_that_is_no_link_is_left_alone_and_told_before_the_run(tmp_path: Path) -> None:
    for make in (Path.mkdir, Path.touch):
        out = tmp_path / make.__name__
        out.mkdir()
        make(out / "latest")
        with pytest.raises(StartError, match="latest is not the link to the newest run"):
            create_run_directory(out, None, "live")  # type: ignore[arg-type]  # it does not come so far
        assert [path.name for path in out.iterdir()] == ["latest"]


@pytest.mark.parametrize("text", ["x" * 5000, "a\0b", "\udc80", "", "latest"])
def test_what_names_no_run(tmp_path: Path, text: str) -> None:
    (tmp_path / "latest").symlink_to("nowhere")
    with pytest.raises(BattleError, match="there is no run"):
        find_run(text, tmp_path)
