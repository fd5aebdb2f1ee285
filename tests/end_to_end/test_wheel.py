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
        assert "FAIL against embedded (priority): Do not ship, because success_rate was missed: " in str(
            case.find("failure").text
        )


def test_the_wheel_brings_the_command(python, tmp_path):
    command = python.parent / "battle"
    quietly(command, "run", "smoke", "--world", "simulated", "--quiet", cwd=tmp_path)
    assert (tmp_path / "battle_results" / "latest" / "report.html").is_file()


CROWDED = {
    "actors/__init__.py": "NAME = 'our actors'\n",
    "store/__init__.py": "",
    "store/events.py": "NAME = 'our events'\n",
    "scenarios/__init__.py": "",
    "scenarios/smoke.py": "NAME = 'our smoke'\n",
    "tools/__init__.py": "from store.events import NAME\n",
    "tests/__init__.py": "from scenarios.smoke import NAME\n",
    "tests/load.py": """
import actors
from store.events import NAME


def calls(number, draws):
    assert (actors.NAME, NAME) == ("our actors", "our events")
    return "eth_getBalance", ["0x" + "11" * 20, "latest"]


def prepare(context):
    assert (actors.NAME, NAME) == ("our actors", "our events")
""",
    "battle_crowded.py": """
import msgspec

import actors
import scenarios.smoke
import store.events
import tests.load
import tools
from battle import HttpConstant, seconds
from battle.scenarios.smoke import scenario as _shipped

scenario = msgspec.structs.replace(
    _shipped,
    name="Crowded",
    setup="tests.load:prepare",
    workloads=[HttpConstant(generator="tests.load:calls", rate=20, duration=seconds(3))],
    chaos=[],
    slo="success_rate >= 90%",
)
""",
    "tests/test_ours.py": """
import actors
import scenarios.smoke
import store.events
import tests
import tools
from battle_crowded import scenario


def test_their_own(battle):
    assert battle.run(scenario).passed
    assert battle.run("smoke").passed
    names = actors.NAME, store.events.NAME, scenarios.smoke.NAME, tools.NAME, tests.NAME
    assert names == ("our actors", "our events", "our smoke", "our events", "our smoke")
""",
    "pytest.ini": "[pytest]\npythonpath = .\nbattle_world = simulated\n",
}


def test_a_project_may_have_packages_of_the_same_names(python, tmp_path):
    """Who tests a gateway is likely to have a `store`, `scenarios`, `tools`, `tests` or even `actors` of its own."""
    for name, text in CROWDED.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    said = run_pytest(tmp_path, "-W", "error", "--junitxml", "junit.xml", python=str(python))
    assert outcomes(said) == {
        "battle_crowded::scenario": "passed",
        "tests.test_ours::test_their_own": "passed",
    }, said.text
    command = python.parent / "battle"
    for scenario in ("smoke", "battle_crowded.py"):
        quietly(command, "run", scenario, "--world", "simulated", "--quiet", cwd=tmp_path)
    live = subprocess.run(
        [command, "run", "battle_crowded.py", "--world", "live", "--quiet"],
        cwd=tmp_path,
        timeout=100,
        check=False,
    )
    assert live.returncode in (0, 3), (
        "PASS, or INCONCLUSIVE on a busy machine: its nodes found their generator"
    )
    quietly(command, "report", "latest", cwd=tmp_path)
    quietly(command, "sql", "latest", "SELECT count(*) FROM requests", cwd=tmp_path)


def test_the_sources_make_the_same_wheel(wheel, tmp_path):
    """The links in `battle/` are followed on the way into the source archive, and out of it."""
    build = "import sys; from hatchling.build import build_sdist; print(build_sdist(sys.argv[1]))"
    quietly(sys.executable, "-c", build, tmp_path, cwd=ROOT)
    [archive] = tmp_path.glob("*.tar.gz")
    options = ("--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--wheel-dir", tmp_path)
    quietly(sys.executable, "-m", "pip", "wheel", *options, archive, cwd=tmp_path)
    [built] = tmp_path.glob("*.whl")
    assert sorted(zipfile.ZipFile(built).namelist()) == sorted(zipfile.ZipFile(wheel).namelist())
