"""What the README and the guide tell people to write can be run, and they leave nothing out."""

import tomllib
from typing import get_args

import pytest

from battle import Scenario, Slo, run_scenario
from battle.actors.chain.methods import METHODS
from battle.actors.spec.collection import COLLECTED
from battle.actors.spec.failures import NAMED
from battle.actors.spec.faults.schedule import Fault
from battle.actors.spec.gateways import (
    CommandGateway,
    EmbeddedGateway,
    Gateway,
    Strategy,
)
from battle.actors.spec.providers import MockProvider
from battle.actors.spec.workloads import Workload
from battle.analysis.findings import EXIT_STATUS
from battle.analysis.verdict.registry import CHECKERS
from battle.cli.app import COMMANDS
from battle.scenario.data.part_problems import part_problems
from battle.scenario.gateways import gateway_names, named_gateway
from battle.scenario.loader import load_scenario, shipped_names
from battle.scenario.validation import scenario_problems
from battle.store import catalog
from battle.store.events import TABLES
from tests.docs.pages import DOCS, GUIDES, ROOT, blocks, name_of

PYTHON = [(page, code) for page in GUIDES for code in blocks(page, "python")]
TOML = [text for page in GUIDES for text in blocks(page, "toml")]
README = (ROOT / "README.md").read_text()
GUIDE = (DOCS / "guide.md").read_text()


@pytest.mark.parametrize(("page", "code"), PYTHON, ids=[name_of(page) for page, _ in PYTHON])
def test_python_in_the_guides_makes_sound_specs(page, code):
    names: dict[str, object] = {}
    exec(compile(code, str(page), "exec"), names)
    parts = _parts_of(names)
    assert parts
    for part in parts:
        found = scenario_problems(part) if isinstance(part, Scenario) else part_problems(part)
        assert list(found) == []


def _parts_of(names):
    known = (Scenario, MockProvider, *get_args(Gateway), *get_args(Workload), *get_args(Fault))
    values = [value if isinstance(value, list) else [value] for value in names.values()]
    return [part for parts in values for part in parts if isinstance(part, known)]


def test_the_scenario_in_the_readme_fails_as_it_says(tmp_path):
    _, code = PYTHON[0]
    (tmp_path / "my_battle.py").write_text(code)
    result = run_scenario(load_scenario(str(tmp_path / "my_battle.py")), world="simulated", out=tmp_path)
    assert f"{result.report.verdict}: {result.report.headline}\n" in README


def test_toml_in_the_guides_can_be_loaded(tmp_path):
    kinds: list[type] = []
    for number, text in enumerate(TOML):
        path = tmp_path / f"{number}.toml"
        path.write_text(text)
        if "command" in tomllib.loads(text):
            kinds.append(type(named_gateway(str(path), EmbeddedGateway())))
        else:
            scenario = load_scenario(str(path))
            assert list(scenario_problems(scenario)) == []
            kinds.append(type(scenario))
    assert sorted(kind.__name__ for kind in kinds) == [
        *[CommandGateway.__name__] * 2,  # the README's and the guide's
        Scenario.__name__,
    ]


@pytest.mark.parametrize(
    "name",
    [
        *(workload.__name__ for workload in get_args(Workload)),
        *(checker.__name__ for checker in CHECKERS),
        *Slo.__struct_fields__,
        *get_args(Strategy),
        *(name for name in NAMED if not name.startswith("cloudflare_")),
        *COLLECTED,
        *METHODS,
        *EXIT_STATUS,
    ],
)
def test_the_guide_explains(name):
    assert f"`{name}`" in GUIDE or (name.isupper() and name in GUIDE)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_readme_names_each_command(name):
    assert f"`battle {name}" in README


@pytest.mark.parametrize(
    "name", [*shipped_names(), *(name for name in gateway_names() if name != "embedded")]
)
def test_the_readme_names_what_is_shipped(name):
    assert name in README


def test_every_table_view_and_macro_is_in_the_reference():
    text = (DOCS / "tables.md").read_text()
    views = [path.stem for path in catalog.VIEWS.glob("*.sql")]
    assert [name for name in [*TABLES, *views, "run", "segments"] if f"### {name}\n" not in text] == []
    assert [path.stem for path in catalog.MACROS.glob("*.sql") if f"### {path.stem}(" not in text] == []
