"""Every fault and schedule: exported by name, the same after a round trip through JSON and through a file's words."""

from typing import get_args

import msgspec
import pytest

import battle
from battle.actors.spec.faults.schedule import (
    ChaosEntry,
    Fault,
    Ramp,
    Schedule,
)
from battle.actors.spec.faults.timeline import expand
from battle.actors.units import Duration, exact_duration, ms, seconds
from battle.scenario.loader import scenario_from_data
from battle.scenario.scenario import Scenario
from battle.scenario.validation import scenario_problems

FAULTS = get_args(Fault)
SCHEDULES = [entry for entry in get_args(ChaosEntry) if issubclass(entry, Schedule)]

# Values for fields whose type alone does not say what is sound.
KNOWN = {
    "methods": ("eth_call",),
    "blocks": 12,
    "depth": 5,
    "times": 4,
    "close_code": 1012,
    "rpc_code": -32000,
    "peer": "gateway",
    "chain_id": 7,
}


def full(kind):
    """A fault with every field other than its default, so that nothing is left out on the way."""
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    return kind(**{name: other(field) for name, field in fields.items()})


def other(field):
    """A sound value that is not the field's default."""
    if field.name == "target" and not field.required:
        return field.default  # the chain is that of all providers
    if field.name in KNOWN:
        return KNOWN[field.name]
    if field.required:
        return "a" if field.type is str else seconds(3)
    match field.default:
        case float():
            return 0.25
        case int() | None:
            return ms(1500)
        case tuple():
            return field.default[-1:]
        case str():
            choices = [choice for choice in get_args(field.type) if choice != field.default]
            return choices[0]
    raise AssertionError(f"no value for {field.name}")


def entries():
    for fault in FAULTS:
        yield full(fault)
    kill, pause = full(battle.Kill), full(battle.Pause)
    yield battle.Every(kill, period=seconds(30), times=3)
    yield battle.Randomly(pause, mtbf=seconds(30))
    yield battle.Ramp(full(battle.StaleHead), rise=seconds(10), fall=seconds(5), steps=4)
    yield battle.Sequence((kill, pause, full(battle.Flap)), pause=seconds(2))


ENTRIES = list(entries())
SCENARIO = Scenario(
    "from a file",
    providers=[battle.MockProvider("a"), battle.MockProvider("b")],
    workloads=[
        battle.HttpConstant("eth_blockNumber", rate=1, duration=seconds(60)),
        battle.WsSubscribe(connections=1, duration=seconds(60)),  # faults of subscriptions need one
    ],
)
each_entry = pytest.mark.parametrize("entry", ENTRIES, ids=[type(entry).__name__ for entry in ENTRIES])


def test_all_of_them_are_tried():
    assert {type(entry) for entry in ENTRIES} == set(get_args(ChaosEntry))
    assert len(FAULTS) >= 32
    assert len(SCHEDULES) == 4


@pytest.mark.parametrize("kind", get_args(ChaosEntry), ids=lambda kind: kind.__name__)
def test_it_can_be_imported_from_battle(kind):
    assert getattr(battle, kind.__name__) is kind
    assert kind.__name__ in battle.__all__


@each_entry
def test_it_round_trips_through_json(entry):
    assert list(entry.problems()) == []
    assert msgspec.json.decode(msgspec.json.encode(entry), type=ChaosEntry) == entry


@each_entry
def test_it_can_be_written_in_a_file(entry):
    """With durations in words, as people write them."""
    words = in_words(entry)
    scenario = scenario_from_data(msgspec.to_builtins(SCENARIO) | {"chaos": [words]}, "test")
    assert scenario.chaos == [entry]
    assert list(scenario_problems(scenario)) == []
    assert msgspec.json.decode(msgspec.json.encode(scenario), type=Scenario) == scenario


def in_words(data):
    """As plain data, with each field of a duration as a text."""
    if isinstance(data, msgspec.Struct):
        plain = msgspec.to_builtins(data)
        for field in msgspec.structs.fields(data):
            value = getattr(data, field.name)
            if isinstance(value, int) and Duration in (field.type, *get_args(field.type)):
                plain[field.name] = exact_duration(value)
            else:
                plain[field.name] = in_words(value)
        return plain
    return [in_words(item) for item in data] if isinstance(data, list | tuple) else data


@pytest.mark.parametrize("kind", FAULTS, ids=lambda kind: kind.__name__)
def test_a_group_or_everybody_can_be_meant(kind):
    for target, hit in (("group:eu", {"a"}), ("tag:eu", {"a"}), ("*", {"a", "b"})):
        fault = msgspec.structs.replace(full(kind), target=target)
        timeline = expand([fault], seconds(60), {"a": ("eu",), "b": ()})
        assert {planned.target for planned in timeline} == hit


def test_a_fault_that_can_be_scaled_is_weaker_at_half_its_strength():
    scalable = [fault for fault in map(full, FAULTS) if fault.scaled(0.5) is not None]
    assert len(scalable) >= 10
    for fault in scalable:
        half = fault.scaled(0.5)
        assert half != fault
        assert fault.scaled(1) == fault
        assert list(Ramp(fault, rise=seconds(5)).problems()) == []
