"""Odd files, odd paths, odd limits: each command ends soon, with one sentence and exit status 2."""

import errno
import os
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle import EmbeddedGateway, process_limits
from battle.actors.workload.requests.trace import TraceError, read_trace
from battle.errors import BattleError, ScenarioError, StartError
from battle.process_limits import described, is_exhausted
from battle.run.directory import check_path
from battle.run.signals import ended_like_interrupted
from battle.scenario.data.files import YAML_NODES_MAX, parsed, read_data
from battle.scenario.gateways import named_gateway
from battle.scenario.loader import load_scenario

BILLION = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
)
MERGED = "a0: &a0 {x: 1, y: 2}\n" + "".join(
    f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}\n" for n in range(1, 10)
)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("bomb.yaml", BILLION, f"more than {YAML_NODES_MAX:,} values"),
        ("merged.yaml", MERGED, f"more than {YAML_NODES_MAX:,} values"),
        ("self.yaml", "a: &a [*a]\n", "refers to itself"),
        ("self.yml", "&a {b: *a}\n", "refers to itself"),
        ("deep.yaml", "a: " + "[" * 100_000, "nested too deeply"),
        ("deep.json", "[" * 100_000, "nested too deeply"),
        ("deep.toml", "a = " + "[" * 100_000, "nested too deeply"),
        ("keys.toml", ".".join("a" * 50_000) + " = 1", "nested too deeply"),
        ("quoted.toml", "' b' . ".join('"' * 0 for _ in range(50_000)) + "a = 1", "nested too deeply"),
        ("table.toml", "[" + ".".join(["bare-key"] * 50_000) + "]", "nested too deeply"),
    ],
)
def test_data_that_is_no_settings_is_refused_soon(tmp_path: Path, name: str, text: str, said: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ScenarioError, match=said):
        load_scenario(str(path))


def test_aliases_that_make_little_are_as_good_as_anything() -> None:
    text = "a: &a {b: 1}\nc: [*a, *a]\nd: {<<: *a, e: 2}\n"
    assert parsed(text, ".yaml", "x").data == {"a": {"b": 1}, "c": [{"b": 1}] * 2, "d": {"b": 1, "e": 2}}
    assert parsed("", ".yaml", "x").data is None


@given(st.text(alphabet="ab:-[]{}&*<, \n'\"|>!%#?1.", max_size=200))
def test_any_text_is_data_or_one_sentence(text: str) -> None:
    for suffix in (".yaml", ".json", ".toml"):
        try:
            parsed(text, suffix, "x")
        except BattleError:
            continue


def odd_files(tmp_path: Path, suffix: str) -> list[Path]:
    fifo, directory = tmp_path / f"fifo{suffix}", tmp_path / f"directory{suffix}"
    os.mkfifo(fifo)
    directory.mkdir()
    device, dangling = tmp_path / f"device{suffix}", tmp_path / f"dangling{suffix}"
    device.symlink_to("/dev/zero")
    dangling.symlink_to(tmp_path / "nowhere")
    return [fifo, directory, device, dangling]


@pytest.mark.parametrize("suffix", [".toml", ".yaml", ".json", ".py"])
def test_what_is_no_file_is_no_scenario(tmp_path: Path, suffix: str) -> None:
    for path in odd_files(tmp_path, suffix):
        with pytest.raises(ScenarioError):
            load_scenario(str(path))


def test_what_is_no_file_is_no_gateway_no_trace_and_no_data(tmp_path: Path) -> None:
    for path in odd_files(tmp_path, ".toml"):
        with pytest.raises(ScenarioError):
            named_gateway(str(path), EmbeddedGateway())
        with pytest.raises(TraceError):
            read_trace(str(path))
        with pytest.raises(ScenarioError):
            read_data(path)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("out\udcff", r"the path out\\udcff is not UTF-8"),
        ("o\0ut", "NUL"),
        ("/".join(["a" * 200] * 21), "too long"),
        ("a" * 5000, "too long"),
    ],
)
def test_a_path_that_nobody_can_write_or_say_is_refused(path: str, said: str) -> None:
    with pytest.raises(StartError, match=said):
        check_path(Path(path))


def battle(*arguments: str, limit: int | None = None, most: int = 0) -> subprocess.CompletedProcess[str]:
    def starve() -> None:
        assert limit is not None
        resource.setrlimit(limit, (most, most))

    return subprocess.run(
        [sys.executable, "-m", "battle", *arguments],
        capture_output=True,
        text=True,
        errors="replace",
        preexec_fn=starve if limit is not None else None,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("limit", "most", "said"),
    [
        (resource.RLIMIT_NOFILE, 10, "needs 128 open files, and the limit is 10"),
        (resource.RLIMIT_NOFILE, 127, "needs 128 open files, and the limit is 127"),
        (resource.RLIMIT_AS, 300 * 2**20, "MiB of address space, and the limit is 300 MiB"),
    ],
)
def test_a_machine_that_allows_too_little_is_told_of_in_one_sentence(
    limit: int, most: int, said: str
) -> None:
    ended = battle("list", limit=limit, most=most)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(("free", "refused"), [(0, True), (2, True), (3, False), (100, False)])
def test_a_limit_of_processes_is_found_before_a_library_ends_the_program(
    monkeypatch: pytest.MonkeyPatch, free: int, refused: bool
) -> None:
    """Only the kernel knows how many are left, and only for others than root: so it is played here."""
    before, alive = threading.active_count(), 0
    start = threading.Thread.start

    def starting(thread: threading.Thread) -> None:
        nonlocal alive
        alive += 1
        if alive > free:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", starting)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(resource, "getrlimit", lambda which: (7, 9))
    monkeypatch.setattr(resource, "setrlimit", lambda which, limits: None)
    said = ""
    try:
        process_limits._require_threads(3)
    except process_limits.MachineError as error:
        said = str(error)
    assert bool(said) == refused
    assert not refused or said == (
        "Battle needs 3 more processes or threads, and the limit for all that you run is 9: raise it (ulimit -u)"
    )
    assert threading.active_count() == before


@pytest.mark.parametrize("make", ["file", "dangling"])
def test_an_out_that_is_no_directory_is_one_sentence(tmp_path: Path, make: str) -> None:
    out = tmp_path / "out"
    if make == "file":
        out.write_text("")
    else:
        out.symlink_to(tmp_path / "nowhere")
    ended = battle("run", "smoke", "--world", "simulated", "--quiet", "--out", str(out))
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert "it is a link" in ended.stderr or "is a file" in ended.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_end_is_an_interruption_and_its_handler_is_put_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), ended_like_interrupted():
        signal.raise_signal(number)
    assert signal.getsignal(number) is before


def test_a_handler_of_somebody_elses_stays() -> None:
    heard: list[Any] = []
    before = signal.signal(signal.SIGTERM, lambda *heard_of: heard.append(heard_of))
    try:
        with ended_like_interrupted():
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert len(heard) == 1


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.EMFILE, "Too many open files", "/proc/1/stat"), "Too many open files: /proc/1/stat"),
        (ExceptionGroup("x", [ValueError("y"), OSError(errno.ENOMEM, "no memory")]), "no memory"),
        (MemoryError(), "not enough memory"),
        (RuntimeError("can't start new thread"), "too many processes or threads"),
    ],
)
def test_a_machine_that_has_no_more_is_a_sentence_and_no_bug(error: Exception, said: str) -> None:
    assert is_exhausted(error)
    assert said in described(error)


def test_other_errors_are_not_taken_for_it() -> None:
    assert not is_exhausted(OSError(errno.EBADF, "Bad file descriptor"))
    assert not is_exhausted(ValueError("x"))
