"""A copy of Battle to which one file is added, as a contributor would, and which then runs a battle."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import pytest

ROOT = Path(__file__).parents[2]
TOYS = Path(__file__).with_name("toys")
IGNORED = shutil.ignore_patterns("__pycache__")


class Contributed:
    """A copy of the packages. `add` puts one of the toys into a folder of it."""

    def __init__(self, place: Path) -> None:
        self.place = place
        for package in ("battle", "actors", "store", "scenarios", "tools"):
            shutil.copytree(ROOT / package, place / package, symlinks=True, ignore=IGNORED)

    def add(self, toy: str, folder: str) -> None:
        """One file, and nothing else."""
        assert (self.place / folder).is_dir()
        shutil.copy(TOYS / toy, self.place / folder / toy)

    def battle(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """What a command of the copy printed, and its exit status."""
        command = [sys.executable, "-m", "battle", *arguments]
        return subprocess.run(
            command, check=False, cwd=self.place, capture_output=True, text=True, timeout=120
        )

    def python(self, code: str) -> None:
        """Run some Python in the copy."""
        subprocess.run([sys.executable, "-c", code], cwd=self.place, check=True, timeout=120)

    def run(self, scenario: str) -> "Ran":
        """Run a scenario in TOML in the simulated world."""
        (self.place / "toy.toml").write_text(scenario)
        done = self.battle("run", "toy.toml", "--world", "simulated", "--out", "runs")
        assert (self.place / "runs" / "latest" / "report.json").exists(), done.stdout + done.stderr
        return Ran(self, (self.place / "runs" / "latest").resolve())


class Ran:
    """A run of the copy: its report, and the answers of its log."""

    def __init__(self, contributed: Contributed, run_dir: Path) -> None:
        self._contributed = contributed
        self.run_dir = run_dir
        self.report: dict[str, Any] = msgspec.json.decode((run_dir / "report.json").read_bytes())
        self.markdown = (run_dir / "report.md").read_text()

    def sql(self, query: str) -> list[dict[str, Any]]:
        """The rows of a query to the log."""
        done = self._contributed.battle("sql", str(self.run_dir), query, "--format", "json")
        assert done.returncode == 0, done.stderr
        rows: list[dict[str, Any]] = msgspec.json.decode(done.stdout)
        return rows


Contribute: TypeAlias = Callable[[str, str], Contributed]


@pytest.fixture
def contribute(tmp_path: Path) -> Contribute:
    """A copy of Battle with one toy in a folder of it: `contribute("toy.py", "battle/...")`."""

    def contributed(toy: str, folder: str) -> Contributed:
        copy = Contributed(tmp_path / "copy")
        copy.add(toy, folder)
        return copy

    return contributed
