"""Whatever becomes of the wait, the process that was asked is at its end."""

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from battle.store.helper_process import answer_of, outcome_of

SLEEPS = "import os, sys, time; print(os.getpid(), flush=True, file=open(sys.argv[1], 'w')); time.sleep(600)"

# Whoever waits looks at the process the moment the wait is over: it would be gone a moment later in any case.
WAITS = """
import signal, sys
from pathlib import Path
from battle.store.helper_process import answer_of
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    answer_of([sys.executable, "-c", sys.argv[1], sys.argv[2]])
except KeyboardInterrupt:
    print(Path(f"/proc/{Path(sys.argv[2]).read_text().strip()}").exists())
"""


def test_the_answer_is_what_the_process_says():
    assert answer_of([sys.executable, "-c", "print(input()[::-1])"], b"abc\n") == b"cba\n"


def test_a_process_that_takes_too_long_has_ended(tmp_path: Path):
    with pytest.raises(subprocess.TimeoutExpired):
        answer_of([sys.executable, "-c", SLEEPS, str(tmp_path / "pid")], seconds=1.0)
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


def test_a_failed_process_is_an_error_to_whoever_asks_for_it():
    command = [sys.executable, "-c", "raise SystemExit(3)"]
    assert answer_of(command) == b""
    with pytest.raises(subprocess.CalledProcessError) as raised:
        answer_of(command, check=True)
    assert raised.value.returncode == 3


def test_a_process_has_ended_when_ctrl_c_ends_the_wait(tmp_path: Path):
    pid = tmp_path / "pid"
    command = [sys.executable, "-c", WAITS, SLEEPS, str(pid)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as waiting:
        while not (pid.exists() and pid.read_text()):
            assert waiting.poll() is None
        waiting.send_signal(signal.SIGINT)
        said, _ = waiting.communicate(timeout=30)
    assert said == "False\n"


def outcome(code: str, *arguments: str, directory: Path, seconds: float = 60, grace: float = 30):
    command = [sys.executable, "-c", code, *arguments]
    return outcome_of(command, directory=directory, environ={"A": "1"}, seconds=seconds, grace=grace)


def test_an_outcome_has_the_status_and_both_outputs(tmp_path: Path):
    code = "import os, sys; print(os.getcwd(), os.environ['A'], file=sys.stderr); print('out'); sys.exit(3)"
    ended = outcome(code, directory=tmp_path)
    assert (ended.status, ended.out, ended.err.decode()) == (3, b"out\n", f"{tmp_path} 1\n")


def test_a_program_that_takes_too_long_may_tidy_up(tmp_path: Path):
    code = (
        "import pathlib, signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (pathlib.Path('tidied').touch(), sys.exit()))\n"
        "time.sleep(600)"
    )
    with pytest.raises(TimeoutError):
        outcome(code, directory=tmp_path, seconds=1.0)
    assert (tmp_path / "tidied").exists()


def test_a_program_that_does_not_end_is_killed_with_its_group(tmp_path: Path):
    code = (
        "import pathlib, signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        "pathlib.Path('pid').write_text(str(child.pid))\n"
        "time.sleep(600)"
    )
    with pytest.raises(TimeoutError):
        outcome(code, directory=tmp_path, seconds=1.0, grace=0.1)
    child = int((tmp_path / "pid").read_text())
    psutil.wait_procs([psutil.Process(child)] if psutil.pid_exists(child) else [], timeout=10)
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE
