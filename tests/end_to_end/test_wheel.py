"""A project outside of this one, with the built wheel installed: what people get who have never seen our sources."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.battle.pytest_plugin.projects import OURS, outcomes, properties, run_pytest

ROOT = Path(__file__).parent.parent.parent

pytestmark = pytest.mark.slow

TESTS = """
from pathlib import Path

from battle import actors
from battle import scenarios
from battle import store
import battle as package
from battle_ours import lossy


def test_the_packages_are_the_installed_ones():
    for one in (package, actors, store, scenarios):
        assert Path(one.__file__).is_relative_to(SITE), one.__file__


def test_smoke(battle):
    result = battle.run("smoke")
    assert result.passed, result.summary


def test_lossy(battle):
    assert battle.run(lossy).passed
"""

SMOKE = "from battle.scenarios.smoke import scenario\n\n__all__ = ['scenario']\n"


def quietly(*command: str | Path, cwd: Path) -> None:
    ran = subprocess.run(
        [str(one) for one in command], cwd=cwd, capture_output=True, text=True, timeout=100, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built from the sources as they are, with the build backend of this environment: no network is needed."""
    into = tmp_path_factory.mktemp("wheel")
    options = ("--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--wheel-dir", into)
    quietly(sys.executable, "-m", "pip", "wheel", *options, ROOT, cwd=into)
    [built] = into.iterdir()
    return built


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory) -> Path:
    """The interpreter of a fresh environment: Battle from the wheel, what it depends on from this environment."""
    directory = tmp_path_factory.mktemp("environment")
    quietly(sys.executable, "-m", "venv", "--without-pip", directory, cwd=directory)
    python = directory / "bin" / "python"
    quietly(
        *(sys.executable, "-m", "pip", "--python", python, "install"),
        *("--no-deps", "--no-index", "--disable-pip-version-check", wheel),
        cwd=directory,
    )
    [site] = directory.glob("lib/*/site-packages")
    # A line in a .pth file adds a directory, but not the .pth files in it: our own sources stay out of reach.
    (site / "outer.pth").write_text("\n".join(path for path in sys.path if path.endswith("-packages")) + "\n")
    return python


def test_a_wheel_holds_what_runs_and_nothing_of_the_tests(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {"battle"}
    assert [name for name in names if name.rpartition("/")[2].startswith(("test_", "conftest"))] == []
    for package in ("battle", "battle/actors", "battle/store", "battle/scenarios"):
        kept = {
            str(path.relative_to(ROOT))
            for path in (ROOT / package).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        assert kept - set(names) == set()
    for kind in (".sql", ".j2", ".schema.json", "/py.typed", "/recipes/nginx.toml"):
        assert any(name.endswith(kind) for name in names), kind


def test_a_scratch_project_tests_with_the_wheel(python, tmp_path):
    [site] = python.parent.parent.glob("lib/*/site-packages")
    (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = .\nbattle_world = simulated\n")
    (tmp_path / "battle_smoke.py").write_text(SMOKE)
    (tmp_path / "battle_ours.py").write_text(OURS)
    (tmp_path / "test_ours.py").write_text(TESTS.replace("SITE", repr(str(site))))
    said = run_pytest(
        tmp_path,
        *(
            "--strict-markers",
            "-W",
            "error",
            "--junitxml",
            "junit.xml",
            "--deselect",
            "battle_ours.py::scenario",
        ),
        python=str(python),
    )
    assert outcomes(said) == {
        "battle_smoke::scenario": "passed",
        "battle_ours::lossy": "failure",
        "test_ours::test_the_packages_are_the_installed_ones": "passed",
        "test_ours::test_smoke": "passed",
        "test_ours::test_lossy": "failure",
    }, said.text
    for test in ("battle_ours::lossy", "test_ours::test_lossy"):
        case = said.cases()[test]
        assert dict(properties(case))["battle_verdict"] == "FAIL"
        assert "FAIL against embedded (priority): Do not ship, because success_rate was missed: " in (
            case.find("failure").text
        )


def test_the_wheel_brings_the_command(python, tmp_path):
    command = python.parent / "battle"
    quietly(command, "run", "smoke", "--world", "simulated", "--quiet", cwd=tmp_path)
    assert (tmp_path / "battle_results" / "latest" / "report.html").is_file()
