"""`battle baseline` and `battle compare` as one types them, in the simulated world."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from battle import EmbeddedGateway, HttpConstant, Kill, LogNormal, MockProvider, Scenario, Slo, ms, seconds
from battle.analysis.baselines.files import load
from battle.analysis.reports.comparison import Comparison
from battle.cli.app import run_command_line
from battle.run.directory import HEADER
from battle.run.record import record_scenario
from tests.headers import replace_header

NAME = "compared-simulated-embedded-priority"

Say = Callable[..., "Said"]


class Said(NamedTuple):
    """What a command answered."""

    status: int
    out: str
    err: str

    @property
    def first(self) -> str:
        return self.out.splitlines()[0]


class Runs(NamedTuple):
    """Runs that all tests read, and copy before they change them; and the baseline of the first."""

    first: Path
    again: Path
    slow: Path
    missed: Path
    baselines: Path


def compared(*, slower: float = 1.0, p95_latency_ms: float = 1000) -> Scenario:
    """Six seconds with a death in them, so that there are failovers too."""
    latency = LogNormal(median=ms(20 * slower), sigma=0.3)
    return Scenario(
        "Compared",
        providers=[MockProvider("a", latency=latency), MockProvider("b", latency=latency)],
        gateway=EmbeddedGateway(strategy="priority"),
        workloads=[HttpConstant({"eth_blockNumber": 2, "eth_getBalance": 1}, rate=100, duration=seconds(6))],
        chaos=[Kill("a", at=seconds(2), down=seconds(1))],
        slo=Slo(success_rate=0.9, p95_latency_ms=p95_latency_ms),
    )


def ran(out: Path, seed: int = 1, **changes: float) -> Path:
    return record_scenario(compared(**changes), world="simulated", seed=seed, out=out).run_dir


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    out = tmp_path_factory.mktemp("runs")
    first, again, slow = ran(out), ran(out), ran(out, 2, slower=1.5)
    missed = ran(out, p95_latency_ms=1)
    assert run_command_line(["baseline", "save", str(first), "--dir", str(out / "baselines")]) == 0
    return Runs(first, again, slow, missed, out / "baselines")


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    """Types a command in an empty directory."""
    monkeypatch.chdir(tmp_path)

    def typed(*words: object) -> Said:
        capsys.readouterr()
        status = run_command_line([str(word) for word in words])
        return Said(status, *capsys.readouterr())

    return typed


def copied(run_dir: Path, **changes: object) -> Path:
    """A copy of a run with another header, in the directory the test is in."""
    copy = Path("copies") / run_dir.name
    shutil.copytree(run_dir, copy)
    replace_header(copy, {**json.loads((copy / HEADER).read_bytes()), **changes})
    return copy


def comparison_of(run_dir: Path) -> Comparison:
    return msgspec.json.decode((run_dir / "comparison.json").read_bytes(), type=Comparison)


def test_a_run_of_the_same_seed_is_the_same_in_everything(say: Say, runs: Runs) -> None:
    same = say("compare", runs.again, "--dir", runs.baselines)
    assert (same.status, same.err) == (0, "")
    assert same.first.startswith(f"Not worse than {NAME}: ")
    found = comparison_of(runs.again)
    assert {change.verdict for change in found.changes} == {"same"}
    assert {"p95_latency_ns", "success_ratio", "failovers", "failover_p95_ns", "wrong_answers"} <= {
        change.metric for change in found.changes
    }
    assert found.differences == ()


def test_a_slower_provider_is_named_with_how_much_and_shown_in_every_report(say: Say, runs: Runs) -> None:
    run_dir = copied(runs.slow)
    worse = say("compare", run_dir, "--dir", runs.baselines)
    assert worse.status == 1
    found = comparison_of(run_dir)
    moved = next(change for change in found.changes if change.metric == "p50_latency_ns")
    assert (moved.verdict, moved.workload) == ("worse", "main")
    assert moved.low is not None
    assert moved.high is not None
    assert moved.low < 0.5 < moved.high
    assert worse.first == found.headline
    spread = f"(+{100 * moved.low:.1f} % to +{100 * moved.high:.1f} %)".replace(".0 %", " %")
    assert f"{spread}, from " in worse.first
    assert "p50 latency of main rose by " in worse.first
    assert "The scenario has changed: providers." in worse.out
    assert "Not confirmed by a second run: use --confirm." in worse.out
    assert found.headline in (run_dir / "report.md").read_text().replace("\\", "")
    assert "Comparison with the baseline" in (run_dir / "report.html").read_text()
    assert json.loads((run_dir / "report.json").read_text())["comparison"]["status"] == "worse"
    assert say("report", run_dir).out == (run_dir / "report.md").read_text()


def test_it_prints_json_and_markdown(say: Say, runs: Runs) -> None:
    as_json = say("compare", runs.again, "--baseline", runs.first, "--json")
    assert msgspec.json.decode(as_json.out, type=Comparison) == comparison_of(runs.again)
    markdown = say("compare", NAME, "--baseline", NAME, "--format", "markdown", "--dir", runs.baselines)
    assert markdown.status == 0, "a baseline can be compared as well"
    assert markdown.first.startswith("**Not worse than ")
    assert "| p95 latency of main " in markdown.out


def test_a_regression_that_a_second_run_shows_is_confirmed(say: Say, runs: Runs) -> None:
    slow = copied(runs.slow)
    confirmed = say("compare", slow, "--confirm", "--dir", runs.baselines)
    assert confirmed.status == 1
    assert "running again to confirm" in confirmed.err
    assert "was seen again in a second run" in confirmed.out
    again = slow / "repetitions" / (comparison_of(slow).confirmed_by or "")
    assert json.loads((again / HEADER).read_bytes())["seed"] == 3


def test_a_regression_that_a_second_run_does_not_show_is_not_confirmed(say: Say, runs: Runs) -> None:
    # As if the provider had been slow by chance: what runs again is as fast as ever.
    slow = copied(runs.slow, scenario=json.loads((runs.first / HEADER).read_bytes())["scenario"])
    unconfirmed = say("compare", slow, "--confirm", "--dir", runs.baselines)
    assert unconfirmed.status == 0
    assert "a second run did not confirm that p50 latency of main rose" in unconfirmed.first
    assert "worse, not confirmed" in unconfirmed.out


def test_a_calibrated_baseline_knows_how_much_runs_differ(say: Say, runs: Runs) -> None:
    saved = say("baseline", "save", copied(runs.first), "--calibrate", 3, "--name", "mine")
    assert (saved.status, saved.err.count("calibrating: run")) == (0, 3)
    assert "Calibrated by 4 runs" in saved.out
    kept = load(Path("battle_baselines/mine.json"))
    assert [one.seed for one in kept.runs] == [1, 2, 3, 4]
    assert len({one.values["main/p95_latency_ns"] for one in kept.runs}) == 4
    shown = say("baseline", "show", "mine")
    assert shown.out.splitlines()[0] == "mine: 'Compared', simulated world, gateway embedded (priority)"
    assert shown.out.endswith(saved.out.partition("\n\n")[2])
    listed = say("baseline", "list")
    assert [line.split()[0] for line in listed.out.splitlines()] == ["baseline", "mine"]


def test_saving_the_same_run_twice_gives_the_same_bytes(say: Say, runs: Runs) -> None:
    first = (runs.baselines / f"{NAME}.json").read_bytes()
    assert say("baseline", "save", runs.first).first.startswith(f"{runs.first.name} is now the baseline ")
    assert Path(f"battle_baselines/{NAME}.json").read_bytes() == first
    assert len(first) < 150_000


def test_a_run_that_did_not_pass_is_kept_only_by_force(say: Say, runs: Runs) -> None:
    refused = say("baseline", "save", runs.missed)
    assert refused.status == 2
    assert "is FAIL (p95_latency_ms was missed" in refused.err
    assert "--force" in refused.err
    assert not Path("battle_baselines").exists()
    assert say("baseline", "save", runs.missed, "--force").status == 0


def test_worlds_are_never_compared(say: Say, runs: Runs) -> None:
    live = copied(runs.again, world="live")
    refused = say("compare", live, "--baseline", NAME, "--dir", runs.baselines)
    assert (refused.status, refused.out) == (2, "")
    assert len(refused.err.splitlines()) == 1
    assert "latencies are never compared across worlds" in refused.err


def test_another_machine_is_said(say: Say, runs: Runs) -> None:
    old = copied(runs.first, world="live", host={"cpu": "Old"})
    new = copied(runs.again, world="live", host={"cpu": "New"})
    assert "Other machine: cpu Old before, New after." in say("compare", new, "--baseline", old).out


def test_wrong_use_is_one_sentence(say: Say, runs: Runs) -> None:
    for words, said in (
        (["compare", runs.first], "there is no baseline below battle_baselines for scenario 'Compared'"),
        (["compare", "nowhere"], "there is no run 'nowhere'"),
        (["compare", runs.first, "--baseline", "none"], "there is no run 'none'"),
        (["compare", runs.first, "--threshold", "0"], "--threshold is a share above 0"),
        (["compare", runs.first, "--level", "95"], "--level is a probability"),
        (["baseline", "show", "none"], "there is no baseline 'none' below battle_baselines"),
        (["baseline", "save", runs.first, "--calibrate", "51"], "--calibrate is a number of runs up to 50"),
        (["baseline", "save", runs.first, "--name", "../x"], "is not a valid baseline name"),
    ):
        wrong = say(*words)
        assert (wrong.status, wrong.out) == (2, "")
        assert wrong.err.startswith("battle: ")
        assert said in wrong.err
        assert len(wrong.err.splitlines()) == 1
