"""A wrong duration in a data file: which one it is, and how one is written."""

import msgspec
import pytest

from battle.errors import ScenarioError
from battle.scenario import scenario_from_data
from battle.wrong_values import problem_text

DATA = {
    "name": "x",
    "providers": [{"name": "a"}],
    "workloads": [{"type": "http_constant", "method": "eth_chainId", "rate": 5, "duration": "10s"}],
    "chaos": [{"type": "kill", "target": "a", "at": "1s"}],
}


@pytest.mark.parametrize("wrong", ["5parsec", "-1s", "soon"])
def test_a_wrong_duration_is_named_with_its_place_and_how_one_is_written(wrong):
    at = {**DATA, "chaos": [{**DATA["chaos"][0], "at": wrong}]}
    lasting = {**DATA, "workloads": [{**DATA["workloads"][0], "duration": wrong}]}
    for data, place in ((at, "chaos[0].at"), (lasting, "workloads[0].duration")):
        with pytest.raises(ScenarioError) as raised:
            scenario_from_data(data, "file.toml")
        assert str(raised.value) == (
            f"file.toml: {wrong!r} at `{place}` is no whole number and no duration: "
            'a duration is written "10s", "250ms", or as an integer of nanoseconds'
        )


def test_the_same_scenario_with_right_ones_is_taken():
    assert scenario_from_data(DATA, "file.toml").load == 10**10


def test_any_other_mistake_is_told_as_it_was():
    with pytest.raises(ScenarioError, match="unknown field `colour`"):
        scenario_from_data({**DATA, "colour": "red"}, "file.toml")


def test_what_cannot_be_found_is_still_said_to_be_no_duration():
    told = problem_text(msgspec.ValidationError("Expected `int`, got `str` - at `$.limits[...]`"), {})
    assert told.startswith("a text at `limits[...]` is no whole number")
