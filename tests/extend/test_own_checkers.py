"""A scenario's own checkers: what they find decides, and their mistakes are never a PASS."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from battle import (
    BattleError,
    HttpConstant,
    MockProvider,
    RunResult,
    Scenario,
    ScenarioError,
    Slo,
    ms,
    run_scenario,
    seconds,
)
from battle.actors.world.interfaces import WorldName
from battle.analysis.findings import EVIDENCE_IDS_MAX, Finding
from battle.analysis.reports.files import read_report
from battle.cli.app import app
from battle.scenario.author_code import with_absolute_names
from battle.scenario.loader import load_scenario
from battle.scenario.validation import all_problems

HERE = "tests.extend.toy_checkers"
WORLDS = ["simulated", pytest.param("live", marks=[pytest.mark.live, pytest.mark.alone])]


def scenario(*checkers: str, latency: int = ms(5), **changes: object) -> Scenario:
    parts = {
        "providers": [MockProvider("a", latency=latency)],
        "workloads": [HttpConstant("eth_blockNumber", rate=20, duration=seconds(2))],
        "slo": Slo(success_rate=0.5),
        "checkers": list(checkers),
    }
    return Scenario("Own checkers", **{**parts, **changes})


def ran(tmp_path: Path, *checkers: str, **changes: Any) -> RunResult:
    named = [name if ":" in name else f"{HERE}:{name}" for name in checkers]
    return run_scenario(scenario(*named, **changes), world="simulated", out=tmp_path)


def own(result: RunResult) -> list[Finding]:
    return [finding for finding in result.report.findings if ":" in finding.checker]


@pytest.mark.parametrize("world", WORLDS)
def test_what_it_finds_is_in_the_report_and_decides(tmp_path: Path, world: WorldName) -> None:
    """Live requests may be late; then the run may be INCONCLUSIVE, but no checker of the author's says so."""
    name = f"{HERE}:no_slow_requests"
    good = run_scenario(scenario(name), world="simulated", out=tmp_path)
    assert (good.report.verdict, [one.verdict for one in own(good)]) == ("PASS", ["PASS"])
    bad = run_scenario(scenario(name, latency=ms(40)), world=world, out=tmp_path)
    (found,) = own(bad)
    assert (bad.report.verdict, found.checker, found.severity) == ("FAIL", name, "harm")
    assert "40 of 40 requests were slow" in bad.report.headline
    assert name in (bad.run_dir / "report.md").read_text()
    assert name in re.sub("<[^>]*>", "", (bad.run_dir / "report.html").read_text())


def test_it_may_find_several_things_and_print(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = ran(tmp_path, "many")
    assert [one.summary for one in own(result)] == ["first thing", "second thing"]
    assert len(own(result)[1].ids) == EVIDENCE_IDS_MAX
    assert (result.report.verdict, result.report.warnings) == ("PASS", ("second thing",))
    assert "printed by a checker" not in capsys.readouterr().out
    assert ran(tmp_path, "many", strict=True).report.verdict == "FAIL"


def test_what_it_says_is_a_line_of_bounded_length(tmp_path: Path) -> None:
    (found,) = own(ran(tmp_path, "talks"))
    assert (found.summary[:13], found.summary[-1], len(found.summary)) == ("one two word ", "…", 1000)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("raises", "raised KeyError: 'no 1 here' at tests/extend/toy_checkers.py:{_deeper}"),
        ("raises_late", "raised ValueError: too late at tests/extend/toy_checkers.py"),
        ("never_stops", "returned more than 100 findings: return one for each rule"),
        ("exits", "raised SystemExit"),
        ("bad_sql", "raised QueryError: Catalog Error: Table with name nowhere does not exist"),
        ("writes", "raised QueryError"),
        ("returns_none", "must return a Finding, or several of them, not None"),
        ("returns_nothing", "returned no finding: return one with PASS when all is well"),
        ("returns_true", "must return a Finding, or several of them, not True"),
        ("returns_text", "must return a Finding, or several of them, not 'PASS'"),
        ("other_verdict", "returned a Finding that is none: Invalid enum value 'passed'"),
        ("wrong_severity", "raised ValueError: : harm does not go with PASS"),
    ],
)
def test_its_mistake_is_inconclusive_and_named(tmp_path: Path, name: str, says: str) -> None:
    from tests.extend import toy_checkers

    line = toy_checkers._deeper.__code__.co_firstlineno + 1
    result = ran(tmp_path, name)
    (found,) = own(result)
    assert (result.report.verdict, found.verdict) == ("INCONCLUSIVE", "INCONCLUSIVE")
    assert says.format(_deeper=line) in found.summary
    assert f"{HERE}:{name}" in result.report.headline


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("no.such.module:f", "cannot be found: No module named 'no'"),
        ("nowhere.py:f", "cannot be found: there is no file nowhere.py"),
        (f"{HERE}:forgotten", "cannot be found: tests.extend.toy_checkers has no 'forgotten'"),
        (f"{HERE}:NOT_A_FUNCTION", "is not a function"),
        (f"{HERE}:two_arguments", "must be a function of one argument, the log: def two_arguments(log)"),
        (f"{HERE}:asynchronous", "must not be async: it is called, and not awaited"),
        ("no_slow_requests", "must be written package.module:function"),
    ],
)
def test_one_that_is_none_is_refused_before_the_run(tmp_path: Path, name: str, says: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        run_scenario(scenario(name), world="simulated", out=tmp_path)
    assert repr(name) in str(caught.value)
    assert says in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_one_that_is_there_twice_or_no_text_is_refused() -> None:
    name = f"{HERE}:many"
    assert all_problems(scenario(name, name)) == [f"checker {name!r} is defined more than once"]
    (problem,) = all_problems(scenario(5))  # type: ignore[arg-type]
    assert "checkers[0]" in problem


TOML = """
name = "From a file"
checkers = ["checks:is_fine", "checks.py:is_fine"]
slo = "success_rate >= 50 %"
providers = [{type = "mock", name = "a"}]
workloads = [{type = "http_constant", method = "eth_blockNumber", rate = 20, duration = "2s"}]
"""
CHECKS = """
from battle import Finding

def is_fine(log):
    import beside
    return Finding(verdict="PASS", summary=beside.TEXT)
"""


def project(tmp_path: Path) -> Path:
    """A directory with a scenario in TOML, and in JSON, its checkers, and what these import when they are called."""
    place = tmp_path / "project"
    place.mkdir()
    (place / "fine.battle.toml").write_text(TOML)
    (place / "checks.py").write_text(CHECKS)
    (place / "beside.py").write_text("TEXT = 'all is well'")
    as_json = msgspec.json.encode(load_scenario(str(place / "fine.battle.toml")))
    (place / "fine.battle.json").write_bytes(as_json)
    return place


@pytest.mark.parametrize("suffix", ["toml", "json"])
def test_a_file_names_checkers_beside_it(tmp_path: Path, suffix: str) -> None:
    place = project(tmp_path)
    result = run_scenario(place / f"fine.battle.{suffix}", world="simulated", out=tmp_path / "runs")
    assert [(one.checker, one.summary) for one in own(result)] == [
        ("checks:is_fine", "all is well"),
        ("checks.py:is_fine", "all is well"),
    ]
    assert result.report.verdict == "PASS"


def test_a_run_is_judged_again_by_them_or_by_others(tmp_path: Path) -> None:
    place = project(tmp_path)
    run_dir = run_scenario(place / "fine.battle.toml", world="simulated", out=tmp_path / "runs").run_dir
    judge = ["judge", str(run_dir), "--json"]
    again = CliRunner().invoke(app, judge)
    assert (again.exit_code, json.loads(again.stdout)["verdict"]) == (0, "PASS")
    said = CliRunner().invoke(app, judge[:2]).stdout
    assert "✓ checks:is_fine: " in said, "what it found is shown, though all is well"
    other = CliRunner().invoke(app, [*judge, "--checker", f"{HERE}:raises"])
    names = [one["checker"] for one in json.loads(other.stdout)["findings"]]
    assert (other.exit_code, f"{HERE}:raises" in names, "checks:is_fine" in names) == (3, True, False)
    wrong = CliRunner().invoke(app, [*judge, "--checker", f"{HERE}:gone"])
    assert isinstance(wrong.exception, BattleError)
    shutil.rmtree(place)
    report = read_report(run_dir)
    assert report.verdict == "INCONCLUSIVE"
    first, second = report.reasons
    assert "No module named 'checks'; `battle judge RUN --checker NAME`" in first
    assert "there is no file" in second


def test_modules_of_the_same_name_in_two_directories_are_told_apart(tmp_path: Path) -> None:
    places = [tmp_path / name for name in ("one", "two", "one", "two")]
    for place in places:
        place.mkdir(exist_ok=True)
        (place / "beside.py").write_text(f"TEXT = 'from {place.name}'")
        (place / "checks.py").write_text(CHECKS)
        (place / "fine.toml").write_text(TOML)
    found = [run_scenario(place / "fine.toml", world="simulated", out=tmp_path / "runs") for place in places]
    assert [own(result)[0].summary for result in found] == ["from one", "from two", "from one", "from two"]


def test_files_of_a_run_are_not_executed(tmp_path: Path) -> None:
    """A run may come from somebody else, with a module beside its log."""
    run_dir = ran(tmp_path).run_dir
    (run_dir / "evil.py").write_text("from pathlib import Path\nPath(__file__).with_name('ran').touch()")
    for name in (f"{run_dir}/evil.py:f", f"{run_dir}/evil:f"):
        (problem,) = all_problems(scenario(name))
        assert "is in the directory of a run" in problem
    assert not (run_dir / "ran").exists()


def test_a_scenario_without_any_is_located_as_before(tmp_path: Path) -> None:
    plain = scenario()
    assert with_absolute_names(plain, tmp_path) is plain
