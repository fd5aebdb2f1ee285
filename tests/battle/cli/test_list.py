"""`battle list`: a row for each scenario, also for one that cannot be run."""

import pytest

from battle.cli.app import run_command_line
from tests.battle.scenario.test_discovery import written

FILE = """
from battle import HttpBurst, HttpConstant, HttpRamp, HttpStep, MockProvider, Scenario, minutes, seconds

def battle(workload):
    return Scenario("a", providers=[MockProvider("a")], workloads=[workload])

wrong = battle({workload})
sound = battle(HttpConstant("eth_chainId", rate=1, duration=seconds(9)))
"""


@pytest.mark.parametrize(
    "workload",
    [
        'HttpConstant("eth_chainId", rate=float("inf"), duration=seconds(1))',
        'HttpConstant("eth_chainId", rate=float("nan"), duration=seconds(1))',
        'HttpConstant("eth_chainId", rate=1e15, duration=seconds(1))',
        'HttpRamp("eth_chainId", start_rate=1, end_rate=float("inf"), duration=seconds(1))',
        'HttpStep("eth_chainId", start_rate=1, step=float("nan"), end_rate=2, step_duration=seconds(1))',
        'HttpBurst("eth_chainId", size=5, every=0, duration=seconds(1))',
        '"none"',
    ],
)
def test_a_scenario_that_cannot_be_run_is_a_row_that_says_so(tmp_path, capsys, workload):
    path = written(tmp_path, {"a.py": FILE.replace("{workload}", workload)}) / "a.py"
    status = run_command_line(["list", str(path)])
    rows = [line.split(maxsplit=4) for line in capsys.readouterr().out.splitlines() if str(path) in line]
    assert status == 2
    assert rows[0][:4] == [f"{path}:wrong", "-", "-", "-"]
    assert rows[0][4].startswith("cannot be run: workload")
    assert rows[1] == [f"{path}:sound", "12", "s", "~2", "s  -     a"]


def test_long_times_are_told_in_long_units(tmp_path, capsys):
    workload = 'HttpConstant("eth_chainId", rate=1_000_000, duration=minutes(6 * 24 * 60))'
    path = written(tmp_path, {"a.py": FILE.replace("{workload}", workload)}) / "a.py"
    assert run_command_line(["list", str(path)]) == 0
    row = next(line for line in capsys.readouterr().out.splitlines() if f"{path}:wrong" in line)
    assert row.split()[1:5] == ["6", "days", "~1,800", "days"]


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_name_that_a_data_file_does_not_have_is_refused(tmp_path, capsys, command):
    written(tmp_path, {"a.toml": SOUND})
    assert run_command_line([command, f"{tmp_path}/a.toml:foo"]) == 2
    said = capsys.readouterr()
    assert "has no scenario named 'foo'; it has: scenario" in said.out + said.err


@pytest.mark.parametrize("number", ["inf", "nan", "-inf"])
def test_a_number_that_is_not_finite_is_told_as_that(tmp_path, capsys, number):
    written(tmp_path, {"a.toml": SOUND.replace("rate = 1", f"rate = {number}"), "b.toml": SOUND})
    assert run_command_line(["list", str(tmp_path)]) == 2
    said = capsys.readouterr()
    assert f"rate = {number}: expected a finite number" in said.err
    assert f"{tmp_path}/b.toml" in said.out


SOUND = """
name = "a"
providers = [{ name = "a" }]
workloads = [{ type = "http_constant", method = "eth_chainId", rate = 1, duration = "1s" }]
"""
