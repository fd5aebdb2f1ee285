"""Which files hold scenarios, which were left out and why, and what lies beside them."""

import json
import sys

import pytest

from battle.api import run_scenario
from battle.errors import ScenarioError
from battle.scenario.discovery import Skipped, reason_to_skip, skipped_lines
from battle.scenario.loader import (
    Candidate,
    Unloadable,
    found_at,
    load_scenario,
)

FACTORY = """
from battle import HttpConstant, MockProvider, Scenario, Slo, seconds

base = Scenario(
    "Base",
    providers=[MockProvider("a")],
    workloads=[HttpConstant("eth_chainId", rate=20, duration=seconds(1))],
    slo=Slo(success_rate=0.9),
)
"""
MADE = "import factory\nfrom msgspec.structs import replace\nscenario = replace(factory.base, name='Made')\n"
RAISES = "raise SystemExit('this was executed')\n"
DATA = {
    "name": "Data",
    "providers": [{"name": "a"}],
    "workloads": [{"type": "http_constant", "method": "eth_chainId", "rate": 20, "duration": "1s"}],
    "slo": {"success_rate": 0.9},
}


def written(directory, files):
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return directory


def names(found, kind):
    return {one.name.rpartition("/")[2] for one in found if isinstance(one, kind)}


def test_scenarios_are_found_whatever_made_them_and_whatever_their_files_are_called(tmp_path):
    found = list(
        found_at(
            written(
                tmp_path,
                {
                    "factory.py": FACTORY,
                    "made.py": MADE,
                    "plain.json": json.dumps(DATA),
                    "sub/deep.yaml": json.dumps(DATA),
                },
            )
        )
    )
    assert names(found, Candidate) == {"factory.py:base", "made.py", "plain.json", "deep.yaml"}
    assert len(found) == 4


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("README.toml", "title = 1", "no providers and no workloads in it"),
        ("traefik.yml", "providers: {file: {}}", "no providers and no workloads in it"),
        ("list.json", '["providers"]', "no providers and no workloads in it"),
        ("prose.yaml", "a: b: c # workloads", "it is not valid YAML"),
        ("cut.json", '{"name": "x', "it is not valid JSON"),
        ("plain.py", RAISES, "it does not import battle"),
        ("battles.py", f"import battles_of_old\n{RAISES}", "it does not import battle"),
        ("wrong.py", "def (", "it does not import battle"),
        ("conftest.py", f"import battle\n{RAISES}", "a file of tests"),
        ("test_it.py", f"import battle\n{RAISES}", "a file of tests"),
        ("helpers.py", "import battle\nx = 1", "it has no scenario"),
    ],
)
def test_what_is_skipped_is_named_with_the_reason_and_never_run(tmp_path, name, text, why):
    (found,) = found_at(written(tmp_path, {name: text}))
    assert found == Skipped(str(tmp_path / name), why)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.battle.toml", "name = "),
        ("broken.toml", "[[providers]\nname = 1"),
        ("broken.yaml", "workloads:\n\t- x"),
        ("broken.json", '{"providers": ['),
        ("one_line.json", '{"name": "x", "providers": [{"name": "a"}], "workloads": ['),
        ("flow.yaml", "{name: x, providers: [{name: a}"),
        ("inline.toml", 'name = "x"\nproviders = ['),
        ("half.json", '{"workloads": []}'),
        ("typo.toml", '[[providers]]\nnam = "a"'),
        ("syntax.py", "from battle import Scenario\nScenario("),
        ("raises.py", "import battle\n1 / 0"),
        ("leaves.py", "import battle\nraise SystemExit(0)"),
        ("sibling.py", "import beside\nimport battle\n"),
        ("old.py", "raise SystemExit(0)  # Scenario("),
    ],
)
def test_what_looks_like_a_scenario_and_cannot_be_loaded_is_a_row(tmp_path, name, text):
    (found,) = found_at(written(tmp_path, {name: text}))
    assert isinstance(found, Unloadable)
    assert found.name == str(tmp_path / name)


def test_runs_environments_and_hidden_folders_are_not_looked_into(tmp_path):
    where = ["battle_results/x", ".hidden", "env", "node_modules/m", "a_run", "__pycache__"]
    written(tmp_path, {f"{folder}/x.battle.json": json.dumps(DATA) for folder in where})
    written(tmp_path, {"env/pyvenv.cfg": "", "a_run/run.json": "{}", "real/x.battle.json": json.dumps(DATA)})
    (tmp_path / "latest").symlink_to(tmp_path / "real")
    (found,) = found_at(tmp_path)
    assert found.name == str(tmp_path / "real" / "x.battle.json")


def test_a_file_that_is_named_itself_is_never_skipped(tmp_path):
    path = written(tmp_path, {"factory.py": FACTORY, "test_it.py": "from factory import base"}) / "test_it.py"
    assert reason_to_skip(path) == "a file of tests"
    assert names(found_at(path), Candidate) == {"test_it.py:base"}
    with pytest.raises(ScenarioError, match="does not exist"):
        list(found_at(tmp_path / "missing"))


def test_skipped_files_are_told_together_by_their_reasons():
    skipped = [Skipped(f"{number}.py", "it does not import battle") for number in range(12)]
    assert list(skipped_lines([*skipped, Skipped("a.toml", "no providers")])) == [
        "skipped 13 files:",
        f"  {', '.join(f'{number}.py' for number in range(8))} and 4 more: it does not import battle",
        "  a.toml: no providers",
    ]
    assert list(skipped_lines([])) == []


LATER = """
import helper

def later(number, rng):
    import late
    assert late.METHOD == helper.METHOD
    return helper.METHOD, []

def hook(context):
    import late
    (context.run_dir / "hook").write_text(late.METHOD)
"""


def two_directories(tmp_path):
    """Each with modules of the same names beside its scenario, which ask for different methods."""
    for name, method in (("one", "eth_chainId"), ("two", "eth_blockNumber")):
        helper = f"METHOD = {method!r}"
        load = [
            {"type": "http_constant", "generator": "gen:later", "rate": 20, "duration": "1s"},
            {"type": "http_constant", "generator": "files.py:later", "rate": 20, "duration": "1s"},
        ]
        data = {**DATA, "name": name, "workloads": load, "setup": "gen:hook"}
        files = {"helper.py": helper, "late.py": helper, "gen.py": LATER, "files.py": LATER}
        written(tmp_path / name, {**files, "x.battle.json": json.dumps(data)})


def asked(run_dir):
    from battle.store.database import open_run

    with open_run(run_dir) as run:
        return {method for (method,) in run.execute("SELECT DISTINCT method FROM requests").rows}


@pytest.mark.parametrize("relative", [True, False])
def test_modules_beside_a_scenario_are_found_and_never_those_of_another(tmp_path, monkeypatch, relative):
    two_directories(tmp_path)
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    for name, method in (("one", "eth_chainId"), ("two", "eth_blockNumber"), ("one", "eth_chainId")):
        path = f"{name}/x.battle.json" if relative else str(tmp_path / name / "x.battle.json")
        result = run_scenario(load_scenario(path), world="simulated", out=tmp_path / "runs")
        assert asked(result.run_dir) == {method}
        assert (result.run_dir / "hook").read_text() == method
    assert sys.path == before
    assert not {"helper", "late", "gen"} & sys.modules.keys()


@pytest.mark.live
@pytest.mark.alone
@pytest.mark.thorough
def test_nodes_find_them_too(tmp_path, monkeypatch):
    two_directories(tmp_path)
    monkeypatch.chdir(tmp_path)
    result = run_scenario(load_scenario("two/x.battle.json"), out=tmp_path / "runs")
    assert asked(result.run_dir) == {"eth_blockNumber"}


def test_python_scenarios_import_what_lies_beside_them_each_its_own(tmp_path):
    for name in ("one", "two"):
        written(tmp_path / name, {"factory.py": FACTORY.replace("Base", name), "made.py": MADE})
        (tmp_path / name / "made.py").write_text(MADE.replace("name='Made'", "proves=factory.base.name"))
    found = {one.scenario.proves for one in found_at(tmp_path) if isinstance(one, Candidate)}
    assert found == {"", "one", "two"}
    assert load_scenario(str(tmp_path / "two" / "made.py")).proves == "two"
    assert "factory" not in sys.modules


def test_a_name_that_lies_in_the_working_directory_stays_as_it_is(tmp_path, monkeypatch):
    two_directories(tmp_path)
    monkeypatch.chdir(tmp_path / "one")
    loaded = load_scenario("x.battle.json")
    assert [workload.generator for workload in loaded.workloads] == ["gen:later", "files.py:later"]
    monkeypatch.chdir(tmp_path)
    loaded = load_scenario("one/x.battle.json")
    assert [workload.generator for workload in loaded.workloads] == ["one/gen:later", "one/files.py:later"]
    assert loaded.setup == "one/gen:hook"


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        (
            "leaves.py",
            b"import battle\nimport sys\nsys.exit(0)",
            "cannot be loaded: sys.exit(0) was called (line 3)",
        ),
        ("quiet.py", b"import battle\nraise SystemExit", "cannot be loaded: sys.exit() was called (line 2)"),
        ("mute.py", b"import battle\nraise KeyError", "cannot be loaded: KeyError (line 2)"),
        ("latin.py", b"import battle\nx = '\xe9'", "is not UTF-8 text: line 2 has the byte 0xe9"),
        (
            "latin.json",
            b'{"providers": [],\n"workloads": "\xff"}',
            "is not UTF-8 text: line 2 has the byte 0xff",
        ),
    ],
)
def test_what_python_says_of_a_file_is_said_in_a_sentence(tmp_path, name, data, says):
    (tmp_path / name).write_bytes(data)
    (found,) = found_at(tmp_path)
    assert found.why == f"{tmp_path / name} {says}"
