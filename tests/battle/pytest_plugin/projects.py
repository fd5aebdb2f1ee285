"""Small projects of somebody who tests with Battle, and what pytest says in them."""

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

OURS = """
from battle import EmbeddedGateway, HttpConstant, Kill, MockProvider, Scenario, Slo, WrongAnswer, ms, seconds


def _ours(name, *, chaos=(), slo=Slo(success_rate=0.9, max_wrong_answers=5), failover=True):
    return Scenario(
        name,
        providers=[MockProvider("a", latency=ms(5)), MockProvider("b", latency=ms(5))],
        gateway=EmbeddedGateway(strategy="priority", failover=failover),
        workloads=[HttpConstant("eth_getBalance", rate=20, duration=seconds(2))],
        chaos=list(chaos),
        slo=slo,
    )


scenario = _ours("Steady")
lossy = _ours("Lossy", chaos=[Kill("a", at=seconds(0.5), down=seconds(1))], failover=False)
_template = _ours("Template")
"""
"""battle_ours.py: one scenario that passes, one that fails, and one that is none of the tests."""

SUSPECT = """
[gateway]
type = "embedded"
strategy = "priority"

[[providers]]
name = "a"

[[providers]]
name = "b"

[[workloads]]
type = "http_constant"
method = "eth_getBalance"
rate = 20
duration = "2s"
"""
"""Two providers and a load, for data files."""

CHEATED = (
    'name = "Cheated"\nslo = { success_rate = 0.9 }\n'
    + SUSPECT
    + '[[chaos]]\ntype = "wrong_answer"\ntarget = "a"\nat = "500ms"\nduration = "1s"\n'
)
"""A provider lies: a checker finds it, with the requests as evidence."""

UNJUDGED = 'name = "Unjudged"\n' + SUSPECT
"""It has no SLO, so it is INCONCLUSIVE."""


class Said(NamedTuple):
    """What came out of a pytest session."""

    status: int
    text: str
    directory: Path

    def cases(self) -> dict[str, ElementTree.Element]:
        """The test cases in `junit.xml` by their names."""
        root = ElementTree.parse(self.directory / "junit.xml")
        return {f"{case.get('classname')}::{case.get('name')}": case for case in root.iter("testcase")}


def run_pytest(directory: Path, *arguments: str, python: str = sys.executable) -> Said:
    """Run pytest in a process of its own, as its user would."""
    require_entry_point()
    ran = subprocess.run(
        [python, "-m", "pytest", *arguments],
        cwd=directory,
        env={name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=100,
        check=False,
    )
    return Said(ran.returncode, ran.stdout, directory)


def require_entry_point() -> None:
    """These tests are about an installed plugin; an environment from before it was one needs `make test` once."""
    names = [point.value for point in entry_points(group="pytest11", name="battle")]
    assert "battle.pytest_plugin" in names, (
        "install Battle anew (`make test` does): its pytest plugin is not there"
    )


def properties(case: ElementTree.Element) -> list[tuple[str, str]]:
    """The properties of a test case, in order."""
    return [(one.attrib["name"], one.attrib["value"]) for one in case.iter("property")]


def outcomes(said: Said) -> dict[str, str]:
    """What became of each test: passed, failure, error or skipped."""
    tags = ("failure", "error", "skipped")
    return {
        name: next((tag for tag in tags if case.find(tag) is not None), "passed")
        for name, case in said.cases().items()
    }
