"""What `run_scenario` was given is refused in one sentence for each argument, before anything is made."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.api import run_scenario
from battle.errors import ScenarioError

WRONG = {
    "world": (None, "mars", 1, ["live"]),
    "seed": ("x", 1.5, True, None),
    "gateway": (3, False),
    "out": (3, None),
    "strict": ("no", 1, None),
    "progress": ("yes", 0),
    "on_start": (None, "print"),
    "on_warning": (3,),
}
CASES = [(name, value) for name, values in WRONG.items() for value in values]


@pytest.mark.parametrize(("name", "value"), CASES)
def test_each_argument_that_is_none_is_told(tmp_path, monkeypatch, name, value):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ScenarioError) as refused:
        run_scenario("smoke", **({"world": "simulated"} | {name: value}))
    (problem,) = refused.value.problems
    assert problem.startswith(f"{name} is ")
    assert problem.endswith(f", not {value!r}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("scenario", [3, None, b"smoke", {"name": "a"}])
def test_what_is_no_scenario_is_told(scenario):
    with pytest.raises(ScenarioError, match="scenario is a Scenario, a name, or a file, not "):
        run_scenario(scenario)


@given(st.fixed_dictionaries({name: st.sampled_from(values) for name, values in WRONG.items()}))
def test_all_that_is_wrong_is_told_at_once(arguments):
    with pytest.raises(ScenarioError) as refused:
        run_scenario("smoke", **arguments)
    assert [problem.partition(" ")[0] for problem in refused.value.problems] == list(WRONG)


@pytest.mark.parametrize(
    ("name", "value"), [("world", "mars"), ("world", ""), ("seed", True), ("out", 3), ("strict", "no")]
)
def test_the_fixture_says_the_same(battle, name, value):
    with pytest.raises(ScenarioError, match=f"{name} is .*, not {value!r}"):
        battle.run("smoke", **{name: value})


def test_the_fixture_says_what_is_no_scenario(battle):
    with pytest.raises(ScenarioError, match=r"scenario is .*, not 3"):
        battle.run(3)
