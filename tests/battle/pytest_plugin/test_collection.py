"""What pytest finds in scenario files, which marks it gives them, and what it says of files it cannot read."""

import pytest

from battle.scenario.loader import load_scenario
from tests.battle.pytest_plugin.projects import OURS, UNJUDGED, require_entry_point

pytestmark = pytest.mark.whole

pytest_plugins = "pytester"

load_scenario(
    "smoke"
)  # pytester forgets what a session inside this one imports, and numpy cannot be imported twice

LABELLED = """
from msgspec.structs import replace

from battle.scenarios.smoke import scenario as _smoke

quick = replace(_smoke, tags=("fast",))
long = replace(_smoke, tags=("slow", "ours"))
endless = replace(_smoke, tags=("soak", "slow"))
plain = replace(_smoke, tags=())
"""


@pytest.fixture
def project(pytester, monkeypatch):
    """An empty project that is strict with its authors."""
    require_entry_point()
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    pytester.makeini("[pytest]\naddopts = --strict-markers --strict-config\nfilterwarnings = error\n")
    return pytester


def collected(project, *arguments: str) -> list[str]:
    """The ids of the tests that would be run."""
    said = project.runpytest_inprocess("--collect-only", "-q", "-p", "no:cacheprovider", *arguments)
    return [line for line in said.outlines if "::" in line]


def test_files_with_scenarios_are_collected_by_their_names(project):
    ids = []
    for name in ("a.battle.toml", "b.battle.yaml", "c.battle.yml", "d.battle.json"):
        text = '{"name": "X", "providers": [], "workloads": []}' if not name.endswith("toml") else UNJUDGED
        (project.path / name).write_text(text)
        ids.append(f"{name}::scenario")
    project.makepyfile(battle_ours=OURS, ours_battle=OURS, battle="from battle import Scenario")
    (project.path / "e.toml").write_text(UNJUDGED)
    assert collected(project) == sorted(
        [*ids, "battle_ours.py::scenario", "battle_ours.py::lossy"], key=_file
    )


def _file(test):
    return test.partition("::")[0]


def test_one_scenario_is_chosen_by_its_id(project):
    project.makepyfile(battle_ours=OURS)
    assert collected(project, "battle_ours.py::lossy") == ["battle_ours.py::lossy"]


def test_a_file_about_other_battles_is_left_alone(project):
    project.makepyfile(battle_of_hastings="raise AssertionError('imported')\nWON_BY = 'William'\n")
    said = project.runpytest_inprocess()
    assert said.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert "collected 0 items" in said.outlines


BOTH = OURS + "\n\nprint('IMPORTED')\n\n\ndef test_of_its_own(battle):\n    assert battle\n"


@pytest.mark.parametrize("chosen", [("--override-ini", "python_files=*.py"), ("battle_ours.py",)])
def test_a_file_that_is_also_a_module_of_tests_is_collected_once(project, chosen):
    project.makepyfile(battle_ours=BOTH)
    said = project.runpytest_inprocess("--collect-only", "-q", "-s", *chosen)
    assert [line for line in said.outlines if "::" in line] == [
        "battle_ours.py::scenario",
        "battle_ours.py::lossy",
        "battle_ours.py::test_of_its_own",
    ]
    assert said.outlines.count("IMPORTED") == 1
    project.runpytest_inprocess("-q", *chosen, "-k", "own").assert_outcomes(passed=1, deselected=2)


def test_tests_in_a_file_that_the_project_does_not_take_for_tests_stay_out(project):
    project.makepyfile(battle_ours=BOTH)
    assert collected(project) == ["battle_ours.py::scenario", "battle_ours.py::lossy"]


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("battle_fast", ["quick"]),
        ("battle_slow", ["long", "endless"]),
        ("battle_soak", ["endless"]),
        ("not battle_slow", ["quick", "plain"]),
    ],
)
def test_the_labels_of_a_scenario_are_marks(project, expression, names):
    project.makepyfile(battle_labelled=LABELLED)
    assert collected(project, "-m", expression) == [f"battle_labelled.py::{name}" for name in names]


@pytest.mark.parametrize("python_files", ["test_*.py", "*.py"])
@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("battle_x.py", "from battle import", "cannot be loaded: SyntaxError: invalid syntax"),
        (
            "battle_x.py",
            "from battle import Nothing",
            "cannot be loaded: ImportError: cannot import name 'Nothing'",
        ),
        ("battle_x.py", "import battle\n1 / 0", "cannot be loaded: ZeroDivisionError: division by zero"),
        ("x.battle.toml", "name = ", "is not valid TOML: Invalid value"),
        ("x.battle.yaml", "name: [", "is not valid YAML: line 1: while parsing"),
        ("x.battle.json", '{"colour": 1}', ": unknown field `colour` in Scenario"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error_in_one_sentence(project, python_files, name, text, sentence):
    (project.path / name).write_text(text)
    said = project.runpytest_inprocess(
        "-p", "no:cacheprovider", "--override-ini", f"python_files={python_files}"
    )
    said.assert_outcomes(errors=1)
    heading = next(at for at, line in enumerate(said.outlines) if f" ERROR collecting {name} " in line)
    assert any(sentence in line for line in said.outlines[heading + 1 : heading + 6])
    assert "Traceback" not in said.stdout.str()
    assert "battle/scenario/loader.py" not in said.stdout.str()


def test_a_file_may_skip_itself(project):
    project.makepyfile(battle_x="import battle\nimport pytest\npytest.importorskip('no_such_module')\n")
    project.runpytest_inprocess().assert_outcomes(skipped=1)


def test_runs_are_not_searched_for_tests(project):
    inside = project.path / "battle_results" / "a-run"
    inside.mkdir(parents=True)
    (inside / "copy.battle.toml").write_text(UNJUDGED)
    assert collected(project) == []
    assert collected(project, "--battle-out", "elsewhere") == [
        "battle_results/a-run/copy.battle.toml::scenario"
    ]
