"""Whatever path a command takes, and whatever is there instead of a file: one sentence, exit status 2, and no wait.

The commands and their parameters are those of the program: a new one that takes a path is tried without being named.
"""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from battle import HttpConstant, seconds
from battle.actors.workload.checks import workload_problems
from battle.cli import app
from battle.history.store import add
from battle.scenario.discovery import speaks_of_battle
from tests.battle.histories import healthy, write_run
from tests.battle.history.repositories import Scratch
from tests.battle.history.rows import history_row

OF_HISTORY = ("history list", "history export", "trend", "slo suggest")
"""Commands that select runs of a history."""

NO_PATHS = frozenset(
    {"request", "query", "tag", "skip", "slo", "metric", "baseline save --name"}
    | {"world", "branch", "since", "python", "workload", "bisect good", "bisect bad"}
    | {f"{command} --gateway" for command in OF_HISTORY}
    | {"record --provider", "header", "ws_url", "recipes name"}
    | {"otlp", "prometheus", "grafana", "prometheus_remote_write", "link", "webhook"}
    | {"notify", "notify_on", "on", "comment", "notify --to", "sender", "token", "password", "secret"}
)
"""Parameters that are text and name no place, of one command where another has a path of this name."""

SUFFIXES: dict[str, tuple[str, ...]] = dict.fromkeys(
    ("scenario", "path", "paths", "places"), (".py", ".toml", "")
)
SUFFIXES |= {"gateway": (".toml",), "slo_file": (".yaml",), "name": (".json",), "baseline": (".json",)}
SUFFIXES |= {"install": (".whl",)}
SUFFIXES |= {f"{command} scenario": (".py", ".toml") for command in (*OF_HISTORY, "bisect")}
"""What decides how a path is read; any path is tried without a suffix otherwise.

What has no suffix is the name of a scenario in a history, or at a commit.
"""

DIRECTORIES = frozenset({"path", "paths", "places", "out", "to", "dir", "history"})
"""Parameters for which an empty directory is as good as another."""

OVERWRITTEN = frozenset({"html", "output"})
"""Parameters for which a file is as good as another, however large: it is replaced."""

LARGE_BYTES = 2**40
"""A file with a hole in it: it takes no room, and fits no memory."""


def _large(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(LARGE_BYTES)


ODD: dict[str, Callable[[Path], Any]] = {
    "fifo": os.mkfifo,
    "directory": Path.mkdir,
    "loop": lambda path: path.symlink_to(path),
    "endless": lambda path: path.symlink_to("/dev/zero"),
    "large": _large,
    "locked": lambda path: path.symlink_to("/proc/1/mem"),
}


def _commands(group: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name in group.list_commands(None):
        command = group.get_command(None, name)
        if hasattr(command, "commands"):
            yield from _commands(command, (*words, name))
        else:
            yield (*words, name), command


def _names(words: tuple[str, ...], parameter: Any) -> tuple[str, str]:
    """What the tables above call a parameter: of this command, and of any."""
    return f"{' '.join(words)} {parameter.opts[0]}", parameter.name


def _takes_path(words: tuple[str, ...], parameter: Any) -> bool:
    if not NO_PATHS.isdisjoint(_names(words, parameter)):
        return False
    return parameter.bare_type() in ("str", "Path", "list[str]", "list[Path]")


def _suffixes(words: tuple[str, ...], parameter: Any) -> tuple[str, ...]:
    return next((SUFFIXES[name] for name in _names(words, parameter) if name in SUFFIXES), ("",))


def _is_odd(kind: str, parameter: Any) -> bool:
    as_good = {"directory": DIRECTORIES, "large": OVERWRITTEN}
    return parameter.name not in as_good.get(kind, ())


COMMIT = "https://git.example.com/gateways/battle.git@0123abc"

BY_DAY = ("fifo", "directory", "loop")
"""The odd files that each path of each command meets before a merge; it meets the others at night."""

CASES = [
    pytest.param(
        words,
        parameter,
        suffix,
        kind,
        marks=() if kind in BY_DAY else pytest.mark.slow,
        id=f"{'-'.join(words)}-{parameter.name}{suffix}-{kind}",
    )
    for words, command in _commands(typer.main.get_command(app.app))
    for parameter in command.params
    if _takes_path(words, parameter)
    for suffix in _suffixes(words, parameter)
    for kind in ODD
    if _is_odd(kind, parameter)
]

GIVEN = {
    "run": ["scenario=smoke", "--world=simulated", "--quiet"],
    "up": ["scenario=smoke"],
    "record": ["--provider=https://127.0.0.1:1", "--requests=1", "--rate=100", "--quiet"],
    "init": ["--force"],
    "suite": ["paths=smoke", "--world=simulated", "--quiet"],
    "list": [],
    "check": ["places=smoke"],
    "explain": ["run=r1", "request=r1"],
    "baseline save": ["run=r1", "--force"],
    "baseline list": [],
    "baseline show": ["name=kept"],
    "export": ["run=r1", "--format=json"],
    "notify": ["channel=slack", "runs=r1", "--dry-run"],
    "bisect": ["scenario=smoke", "good=HEAD~1", "bad=HEAD"],
    "ci init": ["service=github", f"--install={COMMIT}"],
    "slo suggest": ["scenario=smoke"],
    "slo export": ["scenario=smoke"],
    "history add": ["runs=r1"],
    "history list": [],
    "history merge": ["sources=battle_history"],
    "history export": [],
    "history compact": [],
    "trend": [],
}
"""What else a command is given; a run otherwise."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("work")
    write_run(place / "battle_results" / "r1", healthy())
    add(place / "battle_history", history_row())
    return place


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `.git` of a repository with two commits: with a link to it any directory is its checkout."""
    scratch = Scratch(tmp_path_factory.mktemp("repository") / "top")
    scratch.line("one", "two")
    return scratch.top / ".git"


@pytest.fixture
def workplace(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory with a run; whoever waits in it for a file is woken, and fails."""
    for name in ("battle_results", "battle_history"):
        (tmp_path / name).symlink_to(runs / name)
    monkeypatch.chdir(tmp_path)

    def wake(*_: Any) -> None:
        raise TimeoutError("it waits for what never comes")

    before = signal.signal(signal.SIGALRM, wake)
    signal.alarm(30)
    yield tmp_path
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def _line(words: tuple[str, ...], parameter: Any, odd: str) -> list[str]:
    """The command line, with the odd path in the place of one parameter."""
    line = [*words]
    for one in GIVEN.get(" ".join(words), ["run=r1"]):
        name, _, value = one.partition("=")
        line.append(one if name.startswith("--") else odd if name == parameter.name else value)
    if odd not in line:
        line += [odd] if parameter.param_type_name == "argument" else [parameter.opts[0], odd]
    return line


def test_a_generator_that_is_no_file_is_a_problem_of_its_scenario(workplace: Path) -> None:
    for kind, make in ODD.items():
        place = f"{kind}.py"
        make(workplace / place)
        (problem,) = workload_problems(HttpConstant(generator=f"{place}:ask", rate=1, duration=seconds(1)))
        assert f"cannot be read from {place}" in problem


def test_modules_beside_a_scenario_that_are_no_files_are_none_of_ours(workplace: Path) -> None:
    imports = "".join(f"import {kind}\n" for kind in ODD)
    (workplace / "mine.py").write_text(imports)
    for kind, make in ODD.items():
        make(workplace / f"{kind}.py")
    assert not speaks_of_battle(workplace / "mine.py")


@pytest.mark.parametrize(("words", "parameter", "suffix", "kind"), CASES)
def test_an_odd_path_is_a_sentence_and_2(
    workplace: Path,
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    parameter: Any,
    suffix: str,
    kind: str,
) -> None:
    odd = workplace / f"odd{suffix}"
    ODD[kind](odd)
    if words == ("bisect",):
        (workplace / ".git").symlink_to(request.getfixturevalue("repository"))
    status = app.run_command_line(_line(words, parameter, odd.name))
    out, err = capsys.readouterr()
    said = out if words == ("check",) else err
    assert (status, odd.name in said, "Traceback" in err) == (2, True, False), out + err
    assert words == ("check",) or err.count("\n") == 1, err
