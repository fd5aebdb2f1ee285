"""What is wrong with a workload is said in sentences, before anything starts."""

from typing import Any, get_args

import msgspec
import pytest

from battle.actors.spec.workloads import (
    HttpBurst,
    HttpConstant,
    HttpPoisson,
    HttpRamp,
    HttpScheduled,
    HttpStep,
    HttpUsers,
    Replay,
    Workload,
)
from battle.actors.spec.workloads.kinds import KINDS
from battle.actors.units import minutes, ms, seconds
from battle.actors.workload.requests.trace import duration_of
from tests.extend.toys.pairs import HttpPairs

SOUND: dict[type[Any], dict[str, Any]] = {
    HttpConstant: {"method": "m", "rate": 1, "duration": seconds(1)},
    HttpPoisson: {"method": {"m": 1.0}, "rate": 1, "duration": seconds(1)},
    HttpBurst: {"method": "m", "size": 5, "every": ms(100), "duration": seconds(1)},
    HttpRamp: {"method": "m", "start_rate": 0, "end_rate": 5, "duration": seconds(1)},
    HttpStep: {"method": "m", "start_rate": 1, "step": 1, "end_rate": 5, "step_duration": seconds(1)},
    HttpUsers: {"method": "m", "users": 3, "duration": seconds(1)},
}


@pytest.mark.parametrize("kind", SOUND)
def test_a_sound_workload_has_no_problems_and_round_trips(kind: type[Any]) -> None:
    spec = kind(**SOUND[kind])
    assert list(spec.problems()) == []
    assert msgspec.json.decode(msgspec.json.encode(spec), type=Workload) == spec


def test_a_replay_round_trips() -> None:
    spec: Any = Replay("some/trace.jsonl", speed=2, name="again", timeout=seconds(1))
    assert msgspec.json.decode(msgspec.json.encode(spec), type=Workload) == spec


def test_the_method_may_stand_first() -> None:
    assert HttpBurst("m", size=5, every=ms(100), duration=seconds(1)) == HttpBurst(**SOUND[HttpBurst])


INF = float("inf")
NAN = float("nan")


@pytest.mark.parametrize(
    ("kind", "change", "says"),
    [
        (HttpConstant, {"rate": INF}, "rate must be a finite number"),
        (HttpConstant, {"rate": NAN}, "rate must be a finite number"),
        (
            HttpConstant,
            {"rate": 1e9},
            "rate must be at most 1,000,000 requests per second, not 1,000,000,000",
        ),
        (HttpPoisson, {"rate": 1_000_001}, "rate must be at most 1,000,000"),
        (HttpBurst, {"rate": 1e9}, "rate must be at most 1,000,000"),
        (HttpRamp, {"end_rate": 1e9}, "end_rate must be at most 1,000,000"),
        (HttpStep, {"end_rate": 2e6, "step": 1e6}, "end_rate must be at most 1,000,000"),
        (HttpConstant, {"duration": 10**30}, "duration must be at most 168 h, not "),
        (HttpConstant, {"method": ""}, "it needs a method, a mix of methods, or a generator"),
        (HttpConstant, {"method": {"m": NAN}}, "a mix of methods needs at least one method"),
        (HttpConstant, {"generator": "x:y"}, "give either a method or a generator"),
        (HttpConstant, {"batch": 0}, "batch must be from 1 to 1000 calls, not 0"),
        (HttpConstant, {"batch": 1001}, "batch must be from 1 to 1000 calls, not 1001"),
        (HttpPoisson, {"shards": 0}, "shards must be at least 1, not 0"),
        (HttpBurst, {"size": 0}, "size must be above 0 requests, not 0"),
        (HttpBurst, {"every": 0}, "every must be above 0, not 0"),
        (HttpBurst, {"rate": -1}, "rate must be 0 or more requests per second, not -1"),
        (HttpBurst, {"duration": 0}, "duration must be above 0, not 0"),
        (HttpRamp, {"start_rate": -1}, "start_rate must be 0 or more requests per second, not -1"),
        (HttpRamp, {"end_rate": INF}, "end_rate must be a finite number of requests per second, not inf"),
        (HttpRamp, {"end_rate": 0}, "start_rate and end_rate cannot both be 0"),
        (HttpStep, {"step": 0}, "step must be above 0"),
        (HttpStep, {"start_rate": 0}, "start_rate must be above 0"),
        (HttpStep, {"end_rate": 0.5}, "end_rate must be at least start_rate, 1, not 0.5"),
        (HttpStep, {"end_rate": INF}, "end_rate must be a finite number"),
        (HttpStep, {"step_duration": 0}, "step_duration must be above 0, not 0"),
        (HttpStep, {"step": 1e-9}, "at most 1000 steps: use HttpRamp, or a larger step"),
        (HttpStep, {"rates": (1.0,)}, "either rates, or start_rate, step and end_rate, not both"),
        (HttpStep, {"shards": -1}, "shards must be at least 1, not -1"),
        (HttpUsers, {"users": 0}, "users must be above 0, not 0"),
        (HttpUsers, {"think_time": -1}, "think_time cannot be negative"),
    ],
)
def test_each_thing_wrong_is_one_sentence(kind: type[Any], change: dict[str, Any], says: str) -> None:
    (problem,) = kind(**(SOUND[kind] | change)).problems()
    assert says in problem


def test_listed_rates_are_checked_one_by_one() -> None:
    spec = HttpStep("m", rates=(5, 0, -1), step_duration=seconds(1))
    assert len(list(spec.problems())) == 2


@pytest.mark.parametrize("speed", [0, -1, INF, NAN])
def test_an_impossible_speed_is_told_and_harmless(speed: float) -> None:
    assert "speed must be a finite number above 0" in next(Replay("nowhere", speed=speed).problems())
    assert duration_of(Replay("nowhere", speed=speed)) == 0


def test_the_duration_of_steps_is_all_of_them() -> None:
    assert HttpStep("m", rates=(1, 2, 3), step_duration=minutes(1)).duration == minutes(3)


def test_what_is_in_the_folder_is_a_workload_and_its_base_is_none() -> None:
    members = get_args(Workload)
    assert HttpScheduled not in members
    assert set(KINDS) == {kind for kind in members if issubclass(kind, HttpScheduled)}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"duration": 0}, "duration must be above 0"),
        ({"shards": 0}, "shards must be at least 1"),
        ({"batch": 0}, "batch must be from 1"),
        ({"timeout": 0}, "timeout must be above 0"),
        ({"method": ""}, "it needs a method"),
        ({"period": 0}, "period must be above 0"),
    ],
)
def test_a_kind_of_a_file_of_its_own_adds_to_what_is_wrong(wrong: dict[str, Any], says: str) -> None:
    sound: dict[str, Any] = {"method": "m", "period": ms(10), "duration": seconds(1)}
    assert list(HttpPairs(**sound).problems()) == []
    (problem,) = HttpPairs(**{**sound, **wrong}).problems()
    assert problem.startswith(says)
