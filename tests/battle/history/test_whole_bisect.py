"""`battle bisect` with real runs, and when it is interrupted."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from battle.cli.app import run_command_line
from tests.battle.history.repositories import Scratch

SCENARIO = """
from battle import HttpConstant, Kill, MockProvider, Scenario, Slo, ms, seconds
from settings import gateway

scenario = Scenario(
    "Bisected",
    providers=[MockProvider("a", latency=ms(5)), MockProvider("b", latency=ms(10))],
    gateway=gateway,
    workloads=[HttpConstant({"eth_blockNumber": 1}, rate=40, duration=seconds(2))],
    chaos=[Kill("a", at=seconds(0.5), down=seconds(1))],
    slo=Slo(success_rate=0.99),
)
"""

GATEWAY = "from battle import EmbeddedGateway, ms\ngateway = EmbeddedGateway(strategy='priority', {})\n"

HANGS = """
import time
from pathlib import Path
Path({!r}).touch()
time.sleep(600)
"""


@pytest.fixture
def scratch(tmp_path) -> Scratch:
    (tmp_path / "tmp").mkdir()
    return Scratch(tmp_path / "repository")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_nothing(scratch, tmp_path, number):
    reached = tmp_path / "reached"
    scratch.commit("good", s_py=HANGS.format(str(reached)))
    scratch.commit("bad", other_txt="")
    before = scratch.state()
    command = [sys.executable, "-m", "battle", "bisect", "s.py", "HEAD^", "HEAD"]
    environ = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    with subprocess.Popen(
        command, cwd=scratch.top, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        while not reached.exists():
            assert program.poll() is None
        [run] = psutil.Process(program.pid).children()
        program.send_signal(number)
        out, err = program.communicate(timeout=60)
    assert (program.returncode, out) == (130, ""), err
    assert "interrupted; the runs that were made are below battle_results/bisect/" in err
    assert not run.is_running()
    assert list((tmp_path / "tmp").iterdir()) == []
    assert scratch.state() == before


def bisect(scratch: Scratch, capsys, monkeypatch, *words: str):
    monkeypatch.chdir(scratch.top)
    before = scratch.state()
    assert run_command_line(["bisect", "battles/s.py", *words, "--json"]) == 0, capsys.readouterr().err
    assert scratch.state() == before
    return json.loads(capsys.readouterr().out)


@pytest.mark.thorough
def test_a_real_metric_leads_to_the_commit(scratch, capsys, monkeypatch):
    fast, slow = GATEWAY.format(""), GATEWAY.format("failover=False")
    first = scratch.commit("first", battles__s_py=SCENARIO, battles__settings_py=fast)
    planted = scratch.commit("planted", battles__settings_py=slow)
    found = bisect(scratch, capsys, monkeypatch, first, "HEAD", "--metric", "success_rate")
    assert found["first_bad"]["hash"] == planted
    assert (found["before"], found["runs"]) == (1.0, 2)
    assert found["after"] < 0.6
    headers = [
        json.loads((Path(run) / "run.json").read_text()) for one in found["tested"] for run in one["runs"]
    ]
    assert [one["commit"] for one in headers] == [one["commit"]["hash"] for one in found["tested"]]
    assert {one["world"] for one in headers} == {"simulated"}


@pytest.mark.slow
def test_the_planted_commit_among_sixteen_real_ones_is_named(scratch, capsys, monkeypatch):
    first = scratch.commit("first", battles__s_py=SCENARIO, battles__settings_py=GATEWAY.format(""))
    planted = None
    for number in range(1, 17):
        settings = GATEWAY.format(f"hedge_after=ms({900 + number}), failover={number < 11}")
        commit = scratch.commit(f"change {number}", battles__settings_py=settings)
        planted = commit if number == 11 else planted
    found = bisect(scratch, capsys, monkeypatch, first, "main")
    assert (found["first_bad"]["hash"], found["first_bad"]["subject"]) == (planted, "change 11")
    assert found["reason"].startswith("success_rate was missed")
    assert found["runs"] == 6
