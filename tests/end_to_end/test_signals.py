"""SIGTERM and SIGHUP while a run is sealed or judged end the program as Ctrl-C does, and leave nothing behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from battle.cli.app import run_command_line

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
