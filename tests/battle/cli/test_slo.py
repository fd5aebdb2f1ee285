"""`battle slo suggest`: targets to paste with their reasons, or how many runs are missing."""

import tomllib
from pathlib import Path

import msgspec
import numpy as np
import pytest

from battle.cli.app import run_command_line
from battle.history.store import write_parquet
from tests.battle.history.rows import history_row, metric


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """Twenty-four runs."""
    rng = np.random.default_rng(1)
    rows = [
        history_row(number, metric("p95_latency_ms", 100 + rng.random()), commit="c" * 40)
        for number in range(24)
    ]
    folder = tmp_path / "slug=http-failover" / "month=2026-12"
    folder.mkdir(parents=True)
    write_parquet(rows, folder / "all.parquet")
    return tmp_path


def test_targets_come_with_their_reasons_as_toml(history: Path, capsys: pytest.CaptureFixture[str]) -> None:
    less = ["--coverage", "0.9", "--confidence", "0.9"]
    assert run_command_line(["slo", "suggest", "HTTP failover", "--history", str(history), *less]) == 0
    out = capsys.readouterr().out
    assert tomllib.loads(out) == {"slo": [{"p95_latency_ms": 110.0}]}
    assert "# From 24 runs. With 0.9 confidence each target is one that at least 0.9 of such runs meet" in out
    assert "the worst of 24 runs is 10" in out
    assert "by which two runs of the same commit differ (23 pairs), rounded to 110." in out
    assert "Replay: 24 of 24 left-out runs meet what the others suggest." in out


def test_too_few_runs_are_refused_with_their_number(
    history: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(["slo", "suggest", "HTTP failover", "--history", str(history)]) == 3
    printed = capsys.readouterr()
    assert "35 runs missing; with --coverage 0.9 --confidence 0.9 22 are enough" in printed.err
    assert "p95_latency_ms: none: 35 runs missing: it has 24, and 59 are needed." in printed.err
    assert printed.out == ""  # all of it is in one place


def test_programs_get_json(history: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_command_line(["slo", "suggest", "HTTP failover", "--history", str(history), "--json"])
    (one,) = msgspec.json.decode(capsys.readouterr().out)
    assert (one["name"], one["target"], one["missing"]) == ("p95_latency_ms", None, 35)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["HTTP failover", "--coverage", "95"], "--coverage is a share between 0.5 and 0.999"),
        (["HTTP failover", "--metric", "p90"], "there is no metric 'p90'; the metrics are: success_rate"),
        (["nothing like it"], "has no run of the scenario 'nothing like it': it has 'HTTP failover'"),
    ],
)
def test_what_cannot_be_asked_is_said(
    history: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], problem: str
) -> None:
    assert run_command_line(["slo", "suggest", *arguments, "--history", str(history)]) == 2
    assert problem in capsys.readouterr().err
