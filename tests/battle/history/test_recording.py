"""Runs add themselves to a history; the commands; whatever goes wrong with it, the verdict stays."""

import csv
import io
import json
from pathlib import Path

import duckdb
import msgspec
import pytest

from battle.api import run_scenario
from battle.cli.app import run_command_line
from battle.errors import ScenarioError
from battle.history import recording
from battle.history.store import add, read
from tests.battle.analysis.reports.report_runs import golden_run
from tests.battle.history.rows import history_row, metric
from tests.headers import replace_header

pytest_plugins = "pytester"

BRIEF = ["run", "smoke", "--world", "simulated", "--quiet"]


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def _history(values: list[float], directory: Path = Path("battle_history")) -> Path:
    for number, value in enumerate(values):
        add(
            directory,
            history_row(number, metric("p95_latency_ms", value), scenario="Smoke", world="simulated"),
        )
    return directory


def test_simulated_runs_add_themselves_and_a_trend_is_read_from_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("battle_history").mkdir()
    for seed in range(1, 4):
        assert run_command_line([*BRIEF, "--seed", str(seed)]) == 0
    capsys.readouterr()
    assert run_command_line(["history", "list", "smoke", "--format", "json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [row["seed"] for row in listed] == [1, 2, 3]
    measured = {one["name"]: one["value"] for one in listed[0]["metrics"]}
    assert measured["success_rate"] == 1.0
    assert run_command_line(["trend", "smoke", "--alert"]) == 3
    assert "No series has the 6 runs" in capsys.readouterr().out
    real = read(Path("battle_history"))[0]
    for number in range(15):  # of later commits the last five are slower
        one = metric("p95_latency_ms", 10.2 if number < 10 else 14.0)
        row = history_row(100 + number, one, scenario="Smoke", world="simulated", gateway=real.gateway)
        add(Path("battle_history"), msgspec.structs.replace(row, scenario_digest=real.scenario_digest))
    assert (
        run_command_line(["trend", "smoke", "--metric", "p95_latency_ms", "--alert", "--html", "t.html"]) == 1
    )
    out = capsys.readouterr().out
    assert (
        "p95_latency_ms got worse in Smoke (simulated, embedded (priority)): 10.2 ms → 14 ms (+37 %)" in out
    )
    assert "battle bisect smoke 0109cccccccc 0110cccccccc --metric p95_latency_ms" in out
    assert "metric_trend" in Path("t.html").read_text()


def test_a_history_is_made_where_it_is_asked_for_and_else_nowhere(tmp_path: Path) -> None:
    result = run_scenario("smoke", world="simulated", out=tmp_path / "out", history="elsewhere/h")
    assert result.history_problem is None
    assert not Path("battle_history").exists()
    (row,) = read(Path("elsewhere/h"))
    assert row.scenario == "Smoke"
    with pytest.raises(ScenarioError, match="history is the path of a directory, or None, not 7"):
        run_scenario("smoke", world="simulated", history=7)  # type: ignore[arg-type]


def test_a_suite_adds_its_runs() -> None:
    assert run_command_line(["suite", "smoke", "--world", "simulated", "--quiet", "--history", "h"]) == 0
    assert len(read(Path("h"))) == 1


def test_a_history_that_cannot_be_written_is_reported_and_changes_no_verdict(
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = Path("h/slug=smoke")
    folder.parent.mkdir()
    folder.write_text("a file")
    assert run_command_line([*BRIEF, "--history", "h"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("PASS")
    assert "battle: warning: the run is not in the history" in said.err
    assert "add it with `battle history add`" in said.err


@pytest.mark.parametrize("command", ["run", "suite"])
def test_a_history_that_is_a_file_is_refused_before_anything_is_run(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("h").write_text("a file")
    assert run_command_line([command, *BRIEF[1:], "--history", "h"]) == 2
    assert capsys.readouterr().err == "battle: the history h is not a directory; give another --history\n"
    assert not Path("battle_results").exists()


def test_a_defect_of_the_history_costs_no_verdict(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("battle.history.run_row.row_of", broken)
    assert run_command_line([*BRIEF, "--history", "h"]) == 0
    assert "ZeroDivisionError" in capsys.readouterr().err
    assert recording.Recording.to(None).write() is None


def test_runs_are_added_later_and_only_once(capsys: pytest.CaptureFixture[str]) -> None:
    golden_run(Path("battle_results/golden"))
    for _ in range(2):
        assert run_command_line(["history", "add", "golden"]) == 0
    assert len(read(Path("battle_history"))) == 1
    assert run_command_line(["history", "add", "nothing"]) == 2
    Path("f").touch()
    assert run_command_line(["history", "add", "golden", "--history", "f"]) == 2
    assert "the history f is not a directory" in capsys.readouterr().err


def test_the_list_names_what_is_wrong_and_lists_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    folder = next(_history([1.0, 2.0, 3.0]).glob("*/*"))
    (folder / "torn.parquet").write_bytes(b"PAR1")
    assert run_command_line(["history", "list", "--last", "2"]) == 0
    said = capsys.readouterr()
    assert "torn.parquet cannot be read" in said.err
    assert [line.split()[-1] for line in said.out.splitlines()[1:]] == ["run-1", "run-2"]
    assert "0001cccccc" in said.out
    assert run_command_line(["history", "list", "--since", "2027-01-01"]) == 0
    assert "battle_history has no such run" in capsys.readouterr().out
    assert run_command_line(["history", "list", "--since", "2026-12-01T01"]) == 0
    assert "run-0" not in capsys.readouterr().out
    Path("s.toml").write_text("name = ")
    assert run_command_line(["history", "list", "s.toml"]) == 2  # no name, so nobody knows what was asked for
    assert "s.toml is not valid TOML" in capsys.readouterr().err
    for wrong in (["--since", "yesterday"], ["--last", "-1"], ["--history", "no"]):
        assert run_command_line(["history", "list", *wrong]) == 2


def test_the_history_is_exported_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    _history([1.0, 2.5])
    assert run_command_line(["history", "export"]) == 0
    lines = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(line["run_id"], line["metric"], line["value"]) for line in lines] == [
        ("run-0", "p95_latency_ms", "1.0"),
        ("run-1", "p95_latency_ms", "2.5"),
    ]
    assert run_command_line(["history", "export", "--format", "json", "--output", "h.json"]) == 0
    assert len(json.loads(Path("h.json").read_text())) == 2
    assert run_command_line(["history", "export", "--format", "parquet"]) == 2
    assert run_command_line(["history", "export", "--format", "parquet", "--output", "h.parquet"]) == 0
    assert duckdb.sql("SELECT count(*) FROM 'h.parquet'").fetchall() == [(2,)]


def test_what_begins_like_a_formula_is_none_in_a_spreadsheet(capsys: pytest.CaptureFixture[str]) -> None:
    add(Path("battle_history"), history_row(1, scenario="=1+1"))
    run_command_line(["history", "export"])
    assert "'=1+1" in capsys.readouterr().out


def test_artifacts_are_merged_and_files_compacted_by_commands(capsys: pytest.CaptureFixture[str]) -> None:
    _history([1.0, 2.0], Path("artifacts/one/battle_history"))
    _history([1.0, 2.0, 3.0], Path("artifacts/two/battle_history"))
    assert run_command_line(["history", "merge", "artifacts"]) == 0
    assert "3 runs added to battle_history, of 3 found in 2 histories" in capsys.readouterr().out
    assert run_command_line(["history", "merge", "artifacts"]) == 0
    assert "0 runs added" in capsys.readouterr().out
    add(Path("battle_history"), history_row(7, scenario="Smoke"))
    assert run_command_line(["history", "compact"]) == 0
    assert "battle_history has 1 file, and had 2" in capsys.readouterr().out
    assert run_command_line(["history", "merge", "nowhere"]) == 2


def test_a_directory_that_may_not_be_written_is_one_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _history([1.0, 2.0])

    def refused(*_: object, **__: object) -> None:  # root, as CI runs, may write anywhere
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("battle.history.store._write", refused)
    assert run_command_line(["history", "compact"]) == 2
    assert "battle_history cannot be written" in capsys.readouterr().err


def test_a_trend_in_each_format(capsys: pytest.CaptureFixture[str]) -> None:
    _history([10.0] * 8 + [12.0] * 4)
    assert run_command_line(["trend", "--format", "json", "--alert"]) == 1
    said = json.loads(capsys.readouterr().out)
    (alert,) = said["alerts"]
    assert alert["first_bad_run"] == "run-8"
    assert alert["bisect"] == (
        "battle bisect smoke 0007cccccccc 0008cccccccc --metric p95_latency_ms --threshold 0.1 --seed 0 --seeds 5"
    )
    assert [point["value"] for point in said["trends"][0]["points"]][7:9] == [10.0, 12.0]
    assert run_command_line(["trend", "--format", "markdown"]) == 0
    assert capsys.readouterr().out.startswith("**Worse than before: p95_latency_ms.**")
    assert run_command_line(["trend", "--metric", "p95_latency_ms", "--since", "2026-12-01T02"]) == 0
    assert "runs, oldest first" in capsys.readouterr().out
    for wrong in (["--metric", "speed"], ["--threshold", "7"], ["--html", "no/such/t.html"]):
        assert run_command_line(["trend", *wrong]) == 2
    capsys.readouterr()


def test_a_battle_in_pytest_is_in_the_history_and_says_when_it_is_not(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_it="def test_it(battle):\n    assert battle.run('smoke', world='simulated').passed\n"
    )
    (pytester.path / "battle_history").mkdir()
    pytester.runpytest_inprocess().assert_outcomes(passed=1)
    assert [row.scenario for row in read(pytester.path / "battle_history")] == ["Smoke"]
    (pytester.path / "a_file").touch()
    said = pytester.runpytest_inprocess("--battle-history", "a_file")
    said.assert_outcomes(passed=1)
    said.stdout.fnmatch_lines(["warning: the run is not in the history */a_file*"])


def test_no_secret_of_the_environment_or_of_a_url_is_in_the_history(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("GITHUB_TOKEN", "SLACK_WEBHOOK_URL", "CI_JOB_TOKEN"):
        monkeypatch.setenv(name, "planted-1234")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    run_dir = golden_run(Path("battle_results/golden"))
    header = json.loads((run_dir / "run.json").read_text())
    scenario = {
        **(header.get("scenario") or {}),
        "gateway": {"type": "url", "url": "https://u:planted-1234@h/"},
    }
    replace_header(run_dir, header | {"scenario": scenario})
    assert run_command_line(["history", "add", "golden"]) == 0
    assert run_command_line(["history", "export", "--format", "json", "--output", "h.json"]) == 0
    assert run_command_line(["trend", "--html", "t.html"]) == 0
    said = capfd.readouterr()
    for text in (said.out, said.err, Path("h.json").read_text(), Path("t.html").read_text()):
        assert "planted" not in text
    assert not [path for path in Path("battle_history").rglob("*.parquet") if b"planted" in path.read_bytes()]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (
            ["trend", "nonesuch", "--alert"],
            "battle_history has no run of the scenario 'nonesuch': it has 'Smoke'",
        ),
        (
            ["trend", "--world", "mars", "--alert"],
            "there is no world 'mars': the worlds are live and simulated",
        ),
        (["trend", "--branch", "nope", "--alert"], "no run of the branch 'nope': it has 'main'"),
        (["trend", "--gateway", "g", "--alert"], "no run of the gateway 'g': it has 'embedded (priority)'"),
        (["history", "list", "nonesuch"], "no run of the scenario 'nonesuch'"),
        (["history", "export", "nonesuch"], "no run of the scenario 'nonesuch'"),
        (["slo", "suggest", "nonesuch"], "no run of the scenario 'nonesuch'"),
        (["trend", "--since", "2026-13-45"], "--since is a day such as 2026-11-30"),
        (["trend", "--html", "/"], "/ cannot be written: /: "),
        (["history", "export", "--format", "parquet", "--output", "/"], "/ cannot be written"),
        (["history", "list", "--history", "x" * 5000], "cannot be read: File name too long"),
        (["trend", "--history", "x" * 5000], "cannot be read: File name too long"),
        (["history", "merge", "x" * 5000], "cannot be read: File name too long"),
    ],
)
def test_what_is_misspelt_is_wrong_use_with_what_there_is(
    arguments: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _history([1.0])
    assert run_command_line(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert problem in said.err
    assert len(said.err) < 400


def test_what_may_still_come_is_not_misspelt(capsys: pytest.CaptureFixture[str]) -> None:
    Path("battle_history").mkdir()
    assert run_command_line(["trend", "nonesuch", "--branch", "b", "--alert"]) == 3  # there is nothing yet
    _history([1.0])
    for early in (["http_failover"], ["--world", "live"], ["--since", "2027-1-1"]):
        assert run_command_line(["trend", *early, "--alert"]) == 3
    capsys.readouterr()


@pytest.mark.parametrize(
    ("since", "first"),
    [
        ("2026-12-2", "run-24"),
        ("2026-12-01T02:00", "run-2"),
        ("2026-12-01T02:00:00.001", "run-3"),
        ("2026-12-01T02:00+02:00", "run-0"),
        ("2026-12-01T02:00-02:00", "run-4"),
    ],
)
def test_since_is_a_day_or_a_time(since: str, first: str, capsys: pytest.CaptureFixture[str]) -> None:
    _history([1.0] * 26)
    assert run_command_line(["history", "list", "--since", since, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["run_id"] == first


@pytest.mark.parametrize(
    ("source", "typed"), [("battles/my pool.py", "'battles/my pool.py'"), (None, "'<file of Pool>'")]
)
def test_the_command_of_an_alert_has_what_one_types(
    source: str | None, typed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(12):
        one = metric("p95_latency_ms", 10.0 if number < 8 else 12.0)
        add(Path("battle_history"), history_row(number, one, scenario="Pool", source=source))
    assert run_command_line(["trend", "Pool", "--alert"]) == 1
    assert f"    battle bisect {typed} 0007cccccccc 0008cccccccc" in capsys.readouterr().out
