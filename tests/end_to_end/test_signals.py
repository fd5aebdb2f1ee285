"""Signals while a run is sealed or judged, or while others are asked, end the program and leave nothing behind."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from battle.cli.app import run_command_line
from tests.battle.local_service import Received, Reply, served

pytestmark = pytest.mark.live

SCENARIO = """
name = "Short"
providers = [{ name = "a" }]
workloads = [{ type = "http_constant", method = "eth_chainId", rate = 50, duration = "500ms" }]
slo = { success_rate = 0.9 }
min_requests = 1
"""

SEALING, JUDGING = "battle-seal-", "battle-query-"
"""How the folder begins that is there meanwhile."""


@pytest.mark.parametrize("phase", [SEALING, JUDGING])
@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGHUP, marks=pytest.mark.thorough)])
def test_it_ends_as_by_ctrl_c_and_the_run_can_be_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], number: signal.Signals, phase: str
) -> None:
    scratch, out, scenario = tmp_path / "scratch", tmp_path / "out", tmp_path / "short.toml"
    scratch.mkdir()
    scenario.write_text(SCENARIO)
    line = [sys.executable, "-m", "battle", "run", str(scenario), "--quiet", "--out", str(out)]
    environment = {**os.environ, "TMPDIR": str(scratch)}
    with subprocess.Popen(line, env=environment, stderr=subprocess.PIPE, text=True) as program:
        while not any(name.startswith(phase) for name in os.listdir(scratch)):
            assert program.poll() is None, "it was over before the signal"
        program.send_signal(number)
        _, said = program.communicate(timeout=60)
    assert (program.returncode, said.count("\n")) == (130, 1), said
    assert "interrupted before the run was judged: the log is kept at" in said
    assert list(scratch.iterdir()) == []
    run_command_line(["report", "latest", "--out", str(out)])
    verdict = "# INCONCLUSIVE: " if phase == SEALING else "# PASS"
    assert capsys.readouterr().out.startswith(verdict), "a log that was not sealed is no proof"


@pytest.mark.parametrize(
    ("arguments", "says", "number"),
    [
        (["record", "--quiet", "--provider"], "no profile was written", signal.SIGINT),
        (["record", "--quiet", "--provider"], "no profile was written", signal.SIGTERM),
        (["init", "--gateway"], "nothing was written", signal.SIGINT),
    ],
    ids=["record", "record-term", "init"],
)
def test_a_command_that_asks_others_says_what_it_did_not_write(
    tmp_path: Path, arguments: list[str], says: str, number: signal.Signals
) -> None:
    asked = threading.Event()

    def answer(_: Received) -> Reply:
        asked.set()
        return Reply(slow=True)

    with served(answer=answer) as service:
        line = [sys.executable, "-m", "battle", *arguments, service.url]
        with subprocess.Popen(line, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as program:
            assert asked.wait(60)
            program.send_signal(number)
            _, said = program.communicate(timeout=60)
    assert (program.returncode, said) == (130, f"battle: interrupted: {says}\n")
    assert list(tmp_path.iterdir()) == []
