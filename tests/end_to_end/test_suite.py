"""Many scenarios in one go: each has its turn whatever becomes of the others, and one report tells of all."""

import json
import re
import signal
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from battle.cli.app import run_command_line
from battle.errors import BattleError
from battle.scenario.estimates import live_time
from battle.scenario.loader import Candidate, listed
from battle.suite import runner
from battle.suite.runner import SuiteOrder, run_suite
from battle.suite.selection import FAST, FULL, selected
from tests.end_to_end.test_command_line import battle
from tests.end_to_end.test_scenarios import LOST_BY_OURS

SHIPPED = [Candidate(name, scenario) for name, scenario in listed()]

BATTLES = """
import msgspec
from battle import CommandGateway, HttpConstant, MockProvider, Scenario, Slo, seconds

def hook(context):
    raise RuntimeError("no such luck")

won = Scenario(
    "Won",
    providers=[MockProvider("a")],
    workloads=[HttpConstant("eth_chainId", rate=30, duration=seconds(1))],
    slo=Slo(success_rate=0.9),
    tags=("mine",),
)
lost = msgspec.structs.replace(won, slo=Slo(p95_latency_ms=0.001, min_failovers=1))
crashing = msgspec.structs.replace(won, setup="suite_battles:hook")
elsewhere = msgspec.structs.replace(won, gateway=CommandGateway(("nginx",)))
"""


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    """A directory with one suite in it, and what the command said."""
    cwd = tmp_path_factory.mktemp("suite")
    (cwd / "suite_battles.py").write_text(BATTLES)
    return cwd, battle("suite", "suite_battles.py", "--world", "simulated", "--seed", 5, cwd=cwd)


def _of(cwd, name):
    return (cwd / "battle_results" / "suites" / "latest" / name).read_text()


def test_each_has_its_turn_and_the_worst_decides(suite):
    _, ran = suite
    assert ran.returncode == 1, ran.stderr
    assert ran.stdout.startswith("FAIL: 1 failed, 1 crashed, 1 not run, 1 passed, in ")
    for row in (
        r"suite_battles.py:won +PASS +1/1 .*/report.md",
        r"suite_battles.py:lost +FAIL +0/1 .*/report.md\n    p95_latency_ms was missed",
        r"suite_battles.py:crashing +crashed +0/1 .* -\n    setup .* failed: RuntimeError: no such luck",
        r"suite_battles.py:elsewhere +not run +0/1 .* -\n    only the embedded gateway runs in the simulated",
    ):
        assert re.search(row, ran.stdout), ran.stdout
    assert [line.split()[0] for line in ran.stderr.splitlines()] == ["[1/4]", "[2/4]", "[3/4]", "[4/4]"]
    assert "Traceback" not in ran.stdout + ran.stderr


def test_one_report_tells_of_all_and_links_each(suite):
    cwd, _ = suite
    made = json.loads(_of(cwd, "suite.json"))
    assert [(one["scenario"].split(":")[1], one["status"]) for one in made["runs"]] == [
        ("won", "PASS"),
        ("lost", "FAIL"),
        ("crashing", "crashed"),
        ("elsewhere", "not run"),
    ]
    assert {one["seed"] for one in made["runs"]} == {5}
    suite_dir = (cwd / "battle_results" / "suites" / "latest").resolve()
    for one in made["runs"][:2]:
        assert (suite_dir / one["directory"] / "report.json").is_file()
        assert f"{one['directory']}/report.md" in _of(cwd, "suite.md")
        assert f"{one['directory']}/report.html" in _of(cwd, "suite.html")
    assert [path.name for path in suite_dir.glob("crash-*")] == ["crash-suite-battles-py-crashing-5.txt"]


def test_junit_has_a_suite_for_each(suite):
    cwd, _ = suite
    root = ElementTree.fromstring(_of(cwd, "suite-junit.xml"))
    counted = [(one.attrib["name"], int(one.attrib["failures"]), int(one.attrib["errors"])) for one in root]
    assert [(name.split(":")[1], failures > 0, errors) for name, failures, errors in counted] == [
        ("won (simulated, seed 5)", False, 0),
        ("lost (simulated, seed 5)", True, 0),
        ("crashing (simulated, seed 5)", False, 1),
        ("elsewhere (simulated, seed 5)", False, 1),
    ]
    assert len(root[0].findall("testcase")) > 5


BROKEN = {
    "broken.py": "from battle import Scenario\nScenario(",
    "leaving.py": "raise SystemExit(0)  # Scenario(",
    "broken.battle.toml": "name = ",
    "other.battle.json": '{"name": "x", "colour": "blue"}',
    "notes.txt": "Scenario( is no word of ours here",
}


def test_a_file_that_cannot_be_loaded_is_a_row_and_the_others_are_run(tmp_path):
    (tmp_path / "mine").mkdir()
    for name, text in {**BROKEN, "suite_battles.py": BATTLES}.items():
        (tmp_path / "mine" / name).write_text(text)
    paths = ("mine", "mine/broken.py:won", "mine/suite_battles.py:won")
    ran = battle("suite", *paths, "--tag", "mine", "--world", "simulated", cwd=tmp_path)
    assert ran.returncode == 2, ran.stderr
    assert ran.stdout.startswith("FAIL: 1 failed, 1 crashed, 5 wrong scenarios, 1 not run, 1 passed, in ")
    for row in (
        r"mine/suite_battles.py:won +PASS +1/1 .*/report.md",
        r"mine/broken.py +wrong scenario +0/1 .* -\n    mine/broken.py cannot be loaded: SyntaxError: ",
        r"mine/broken.py:won +wrong scenario +0/1 .* -\n    mine/broken.py cannot be loaded: SyntaxError: ",
        r"mine/leaving.py +wrong scenario .* -\n    mine/leaving.py cannot be loaded: sys.exit\(0\) was called",
        r"mine/broken.battle.toml +wrong scenario .*\n    mine/broken.battle.toml is not valid TOML",
        r"mine/other.battle.json +wrong scenario .*\n    mine/other.battle.json: line 1: unknown field `colour`",
    ):
        assert re.search(row, ran.stdout), ran.stdout
    assert "notes.txt" not in ran.stdout
    assert "Traceback" not in ran.stdout + ran.stderr
    assert 'class="wrong-scenario"' in _of(tmp_path, "suite.html")
    errors = {
        one.get("name"): one.get("errors") for one in ElementTree.fromstring(_of(tmp_path, "suite-junit.xml"))
    }
    assert errors["mine/broken.py (simulated, seed 1)"] == "1"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--fast", "--full"], "exclude one another"),
        (["--tag", "fats"], "no scenario has the tag 'fats'; the tags are: fast, slow, soak"),
        (["no_such"], "no scenario 'no_such'"),
        (["smoke", "smoke:no_such"], "smoke has no scenario named 'no_such'"),
        (["smoke", "missing.py"], "missing.py does not exist"),
        (["smoke", "missing.toml"], "missing.toml cannot be read: No such file"),
        (["--gateway", "no_such"], "no gateway 'no_such'"),
        (["--repeat", "0"], "--repeat must be at least 1"),
        (["smoke", "--out", "/proc/nowhere"], "cannot be written below /proc/nowhere"),
    ],
)
def test_wrong_use_is_told_before_anything_is_run(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run_command_line(["suite", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert said in printed.err
    assert list(tmp_path.iterdir()) == []


def _order(out, **changes):
    parts = {"selection": "given", "world": "simulated", "seed": 1, "repeat": 1, "gateway": None, "out": out}
    return SuiteOrder(**{**parts, **changes})


def test_rounds_are_run_with_one_seed_after_the_other(tmp_path, monkeypatch):
    asked = []

    def refuse(scenario, *, world, seed, gateway, on_warning, **_):
        on_warning("it has no SLO")
        asked.append((scenario.name, world, seed, gateway))
        raise BattleError("not now")

    monkeypatch.setattr(runner, "run_scenario", refuse)
    chosen = [Candidate("one", SHIPPED[0].scenario), Candidate("two", SHIPPED[1].scenario)]
    order = _order(tmp_path, world="live", seed=7, repeat=2, gateway="nginx")
    warned = []
    report, _ = run_suite(chosen, order, on_warning=lambda *told: warned.append(told))
    assert warned == [("one", "it has no SLO"), ("two", "it has no SLO")]
    names = [one.scenario.name for one in chosen]
    assert asked == [(name, "live", seed, "nginx") for seed in (7, 8) for name in names]
    assert [(run.scenario, run.seed, run.status) for run in report.runs] == [
        (name, seed, "not run") for seed in (7, 8) for name in ("one", "two")
    ]


def test_a_crash_of_ours_does_not_end_the_suite(tmp_path, monkeypatch):
    def crash(scenario, **settings):
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(runner, "run_scenario", crash)
    report, suite_dir = run_suite(SHIPPED[:2], _order(tmp_path))
    assert [(run.status, run.reasons) for run in report.runs] == [("crashed", ("ZeroDivisionError: oh",))] * 2
    assert all("in crash" in path.read_text() for path in suite_dir.glob("crash-*.txt"))


def test_ctrl_c_ends_the_suite_and_what_was_run_is_reported(tmp_path):
    (tmp_path / "suite_battles.py").write_text(BATTLES)
    program = [sys.executable, "-m", "battle", "suite", "suite_battles.py:won", "long_soak", "smoke"]
    with subprocess.Popen(
        [*program, "--world", "simulated"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running_suite:
        assert "PASS" in running_suite.stderr.readline()
        running_suite.send_signal(signal.SIGINT)
        stdout, stderr = running_suite.communicate(timeout=60)
    assert running_suite.returncode == 130, stderr
    assert "Traceback" not in stderr
    made = json.loads(_of(tmp_path, "suite.json"))
    assert made["interrupted"]
    assert [one["status"] for one in made["runs"]][::2] == ["PASS", "not run"]
    assert made["runs"][1]["status"] in ("INCONCLUSIVE", "FAIL", "not run")
    assert re.search(r"smoke +not run", stdout)


# The shipped suites

FAST_LIVE_MAX_S = 300
"""The whole fast set fits into a pull request."""


def test_the_fast_suite_takes_less_than_five_minutes():
    fast = selected(SHIPPED, FAST)
    assert sum(live_time(one.scenario) for one in fast if isinstance(one, Candidate)) / 1e9 < FAST_LIVE_MAX_S


def test_each_shipped_battle_has_a_fast_member():
    fast = {one.name.partition(":")[0] for one in selected(SHIPPED, FAST)}
    assert fast == {one.name.partition(":")[0] for one in SHIPPED}
    assert {"smoke", "http_failover", "ws_continuity:short"} <= {one.name for one in selected(SHIPPED, FAST)}


def test_no_suite_has_a_battle_that_is_expected_to_be_lost():
    in_a_suite = {one.name for one in selected(SHIPPED, FULL)}
    assert {one.name for one in SHIPPED} - in_a_suite == {LOST_BY_OURS}
