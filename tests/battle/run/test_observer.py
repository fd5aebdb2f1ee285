"""Commands beside a run: started with its directory, ended after it, and no part of its result."""

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from battle.run import observer as module
from battle.run.observer import Observation, Observer


def observer(code, **environment):
    return Observer("watching", (sys.executable, "-c", code), environment)


WAITS = "import sys; sys.stdin.read(); open(sys.argv[1] + '/over', 'w').close()"
HEEDS_NOTHING = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "open('{0}', 'w').close(); time.sleep(99)"
)


def wait_for(path: Path):
    deadline = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not come"
        os.sched_yield()


def test_it_gets_the_directory_and_the_end_of_its_input_says_that_the_run_is_over(tmp_path):
    said = []
    with Observation([observer(WAITS)], said.append) as observation:
        observation.start(tmp_path)
        [(_, process)] = observation._running
        assert os.getpriority(os.PRIO_PROCESS, process.pid) >= module.NICENESS
        assert os.getsid(process.pid) == process.pid  # Ctrl-C at the terminal is not for it
        assert not (tmp_path / "over").exists()
    assert (tmp_path / "over").exists()
    assert said == []


def test_its_failure_is_reported_and_no_more(tmp_path):
    said = []
    with Observation([observer("raise SystemExit(7)")], said.append) as observation:
        observation.start(tmp_path)
    assert said == ["watching failed: exit status 7"]


def test_a_program_that_is_not_there_is_reported(tmp_path):
    said = []
    with Observation([Observer("watching", ("/no/such/program",))], said.append) as observation:
        observation.start(tmp_path)
    [sentence] = said
    assert sentence.startswith("watching cannot be started: ")


def test_what_it_needs_to_know_is_in_its_environment_and_not_in_its_command_line(tmp_path):
    code = "import os, sys; open(sys.argv[1] + '/seen', 'w').write(os.environ['KEY']); sys.stdin.read()"
    with Observation([observer(code, KEY="pl4nted")], print) as observation:
        observation.start(tmp_path)
        [(_, process)] = observation._running
        wait_for(tmp_path / "seen")
        assert "pl4nted" not in " ".join(psutil.Process(process.pid).cmdline())
    assert (tmp_path / "seen").read_text() == "pl4nted"


def test_one_that_does_not_end_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "ENDING_SECONDS", 0.1)
    monkeypatch.setattr(module, "TERM_SECONDS", 0.1)
    said = []
    with Observation([observer(HEEDS_NOTHING.format(tmp_path / "up"))], said.append) as observation:
        observation.start(tmp_path)
        wait_for(tmp_path / "up")
        [(_, process)] = observation._running
    assert process.returncode == -signal.SIGKILL
    assert said == ["watching did not end within 0.1 s after the run, and was ended"]


def test_a_run_that_was_interrupted_does_not_wait_long(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BRIEF_SECONDS", 0.1)
    monkeypatch.setattr(module, "TERM_SECONDS", 0.1)
    said = []
    with Observation([observer(HEEDS_NOTHING.format(tmp_path / "up"))], said.append) as observation:
        observation.start(tmp_path)
        wait_for(tmp_path / "up")
        observation.hurry()
    assert said == ["watching did not end within 0.1 s after the run, and was ended"]


def test_a_run_that_fails_ends_it_too(tmp_path):
    def run():
        with Observation([observer(WAITS)], print) as observation:
            observation.start(tmp_path)
            raise ValueError("the run")

    with pytest.raises(ValueError, match="the run"):
        run()
    assert (tmp_path / "over").exists()


def test_ctrl_c_in_the_wait_ends_it_at_once_and_keeps_the_result(tmp_path):
    said = []
    code = f"open('{tmp_path / 'up'}', 'w').close(); import time; time.sleep(99)"

    def interrupt():
        wait_for(tmp_path / "waiting")
        os.kill(os.getpid(), signal.SIGINT)

    interrupting = threading.Thread(target=interrupt)
    with Observation([observer(code), observer(WAITS)], said.append) as observation:
        observation.start(tmp_path)
        wait_for(tmp_path / "up")
        first: Any = observation._running[0][1]
        second = observation._running[1][1]
        original = first.wait

        def wait(seconds=None):
            if not (tmp_path / "waiting").exists():
                (tmp_path / "waiting").touch()
            return original(seconds)

        first.wait = wait
        interrupting.start()
    interrupting.join()
    assert first.returncode == -signal.SIGTERM
    assert second.returncode is not None
    assert said == []
