"""Compares our change points with those of Apache Otava, which cannot be a dependency: it pins numpy.

    make otava-comparison

Otava gets a virtual environment of its own, once. Both look at the same series; the steps in them are known.
Prints one table and exits with 1 when the two find different steps where both should be sure.
"""

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np

from battle.analysis.statistics.change_points import Values, change_points

OTAVA = "apache-otava==0.8.0"

NEAR = 5
"""A step is found when a change point is at most so many runs away from it."""

AGREEMENT_MIN = 0.95
"""In so large a share of series with a step of three standard deviations both must find it in the same place."""

Make = Callable[[np.random.Generator], tuple[Values, list[int]]]

# Runs in Otava's own environment: series on stdin, the indices of change points on stdout.
_THEIRS = """
import json, sys
from otava.analysis import compute_change_points
answers = []
for series in json.load(sys.stdin):
    points, _ = compute_change_points(series, window_len=50, max_pvalue=0.001)
    answers.append([int(point.index) for point in points])
json.dump(answers, sys.stdout)
"""


class Score(msgspec.Struct):
    """Over all series of a kind: steps found, points that are no step, series with two or more of those."""

    found: int = 0
    false: int = 0
    bad: int = 0

    def count(self, points: list[int], steps: list[int]) -> None:
        """Add one series."""
        false = sum(all(abs(point - step) > NEAR for step in steps) for point in points)
        self.found += sum(any(abs(point - step) <= NEAR for point in points) for step in steps)
        self.false += false
        self.bad += false > 1


def stepped(noise: float) -> Make:
    """200 runs; from one of them on 15 % higher."""

    def make(rng: np.random.Generator) -> tuple[Values, list[int]]:
        at = int(rng.integers(30, 170))
        values = rng.normal(100, 100 * noise, 200)
        values[at:] *= 1.15
        return values, [at]

    return make


def seen_soon(noise: float) -> Make:
    """The same, looked at after the fifth run on the new level."""

    def make(rng: np.random.Generator) -> tuple[Values, list[int]]:
        values, (at,) = stepped(noise)(rng)
        return values[: at + 5], [at]

    return make


def noise(rng: np.random.Generator) -> tuple[Values, list[int]]:
    """1,000 runs without a step."""
    return rng.normal(100, 5, 1000), []


def outliers(rng: np.random.Generator) -> tuple[Values, list[int]]:
    """200 runs without a step; two in a hundred are 60 % slower."""
    return rng.normal(100, 5, 200) * np.where(rng.random(200) < 0.02, 1.6, 1), []


KINDS: dict[str, tuple[Make, int]] = {
    "15 % step, runs differ by 2 %": (stepped(0.02), 200),
    "15 % step, runs differ by 5 %": (stepped(0.05), 200),
    "15 % step, runs differ by 10 %": (stepped(0.10), 200),
    "5 runs after the step, 5 %": (seen_soon(0.05), 200),
    "1,000 runs of noise": (noise, 40),
    "200 runs with outliers": (outliers, 200),
}


def main() -> int:
    """Compare, print, and say whether they agree."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--environment", type=Path, default=Path(tempfile.gettempdir()) / "battle-otava")
    python = environment(parser.parse_args().environment)
    print(f"{'':32}{'steps found':>24}{'false points':>24}{'2 or more in a series':>26}{'both':>12}")
    print(f"{'':32}{'ours':>12}{'Otava':>12}{'ours':>12}{'Otava':>12}{'ours':>13}{'Otava':>13}")
    sure = [line(name, *kind, python) for name, kind in KINDS.items()][1]
    print(f"Both find the step of three standard deviations in the same place in {sure:.1%} of the series.")
    return 0 if sure >= AGREEMENT_MIN else 1


def line(name: str, make: Make, series: int, python: Path) -> float:
    """Print the line of one kind; the answer is in how many series both find each step, in the same place."""
    rng = np.random.default_rng(12)
    made = [make(rng) for _ in range(series)]
    ours = [[point.index for point in change_points(values)] for values, _ in made]
    others = theirs(python, [values for values, _ in made])
    scores = (Score(), Score())
    same = 0
    for (_, steps), one, two in zip(made, ours, others, strict=True):
        scores[0].count(one, steps)
        scores[1].count(two, steps)
        same += all(found_alike(one, two, step) for step in steps)
    cells = "".join(f"{value:>12}" for score in ("found", "false") for value in both(scores, score))
    bad = "".join(f"{value:>13}" for value in both(scores, "bad"))
    share = f"{same / series:.1%}" if any(steps for _, steps in made) else ""
    print(f"{name:32}{cells}{bad}{share:>12}", flush=True)
    return same / series


def found_alike(one: list[int], two: list[int], step: int) -> bool:
    """Whether both have a point near the step, and these are near each other."""
    return any(max(abs(a - step), abs(b - step), abs(a - b)) <= NEAR for a, b in itertools.product(one, two))


def both(scores: tuple[Score, Score], name: str) -> Iterator[int]:
    """That number of both."""
    return (getattr(score, name) for score in scores)


def environment(directory: Path) -> Path:
    """The Python of an environment with Otava, made if there is none."""
    python = directory / "bin" / "python"
    if not (directory / ".installed").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(directory)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", OTAVA], check=True)
        (directory / ".installed").touch()
    return python


def theirs(python: Path, series: list[Values]) -> list[list[int]]:
    """Where Otava sees change points in each series."""
    asked = json.dumps([list(values) for values in series])
    done = subprocess.run(
        [str(python), "-c", _THEIRS], input=asked, capture_output=True, text=True, check=True
    )
    return [list(points) for points in json.loads(done.stdout)]


if __name__ == "__main__":
    sys.exit(main())
