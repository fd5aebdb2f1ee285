"""Generators: how they are found, and what is said about those that are none."""

from collections.abc import Iterator
from functools import partial, wraps
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.author_functions import place_of
from battle.actors.chain.model import ChainModel
from battle.actors.roles import WorkloadRole
from battle.actors.spec.chain import Chain
from battle.actors.spec.endpoints import Endpoint
from battle.actors.spec.workloads import HttpConstant
from battle.actors.units import seconds
from battle.actors.workload.checks import workload_problems
from battle.actors.workload.requests.author_generator import GeneratorError, load_generator
from battle.actors.workload.requests.call_source import CallSource, call_source
from battle.actors.workload.requests.call_times import BUSY, SLOW_CALL, CallTimes
from battle.store.events import BenchLimitReached
from tests.actors.workload.sample_generators import HERE, balances

FILE = """
from __future__ import annotations
from dataclasses import dataclass

@dataclass
class Thing:
    number: int

def ask(number, rng):
    return "my_thing", [Thing(number).number]
"""


def asking(
    name: str, *, seed: int = 1, index: int = 0, shard: int = 0, times: CallTimes | None = None
) -> CallSource:
    spec = HttpConstant(generator=name, rate=1, duration=seconds(1))
    role = WorkloadRole(spec, index, shard, Endpoint("server:1"), Chain(), seed)
    return call_source(role, ChainModel(Chain()), times or CallTimes(lambda: 0))


def test_a_function_of_a_package_is_found() -> None:
    assert load_generator(f"{HERE}:balances") is balances


def test_a_function_in_a_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text(FILE)
    assert load_generator(f"{tmp_path}/mine.py:ask")(7, None) == ("my_thing", [7])
    monkeypatch.chdir(tmp_path)
    assert load_generator("mine.py:ask")(8, None) == ("my_thing", [8])


def test_a_module_in_the_working_directory_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine_of_test_custom.py").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", ["/nowhere"])
    assert load_generator("mine_of_test_custom:ask")(7, None) == ("my_thing", [7])


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("balances", "must be written package.module:function or path/to/file.py:function"),
        (f"{HERE}:", "must be written"),
        (f"{HERE}:nothing", "has no 'nothing'"),
        ("no_such.module:f", "cannot be found: No module named 'no_such'"),
        ("no/such/file.py:f", "there is no file no/such/file.py"),
        (f"{HERE}:NOT_A_FUNCTION", "is not a function"),
        (f"{HERE}:raising", "raised LookupError: the well is dry at "),
        (f"{HERE}:taking_too_little", "raised TypeError: "),
        (f"{HERE}:forgetting_the_parameters", "must return a method and a list or dict"),
        (f"{HERE}:with_parameters_in_a_tuple", "must return a method and a list or dict"),
        (f"{HERE}:with_parameters_that_are_not_json", "not JSON"),
    ],
)
def test_what_is_no_generator_is_one_sentence_of_the_scenario_s_problems(name: str, says: str) -> None:
    (problem,) = workload_problems(HttpConstant(generator=name, rate=1, duration=seconds(1)))
    assert problem.startswith(f"generator {name!r} ")
    assert says in problem


def test_a_file_that_breaks_is_the_author_s(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("1 / 0")
    with pytest.raises(GeneratorError, match="cannot be loaded: ZeroDivisionError"):
        load_generator(f"{tmp_path}/broken.py:ask")


@given(st.permutations(range(12)), st.integers(0, 2**32))
def test_a_question_depends_on_seed_workload_and_number_alone(order: list[int], seed: int) -> None:
    ask = asking(f"{HERE}:balances", seed=seed)
    mixed_up = {number: ask(number, 0) for number in order}
    other_shard = asking(f"{HERE}:balances", seed=seed, shard=1)
    assert [mixed_up[n] for n in range(12)] == [other_shard(n, seconds(n)) for n in range(12)]


def test_other_seeds_and_other_workloads_ask_other_questions() -> None:
    name = f"{HERE}:balances"
    asked = [asking(name)(0, 0), asking(name, seed=2)(0, 0), asking(name, index=1)(0, 0)]
    assert len({question.text for question in asked}) == 3


def test_a_generator_that_breaks_later_says_at_which_number() -> None:
    ask = asking(f"{HERE}:breaking_later")
    with pytest.raises(
        GeneratorError,
        match=r"raised LookupError: the well is dry at .*sample_generators.py:\d+ \(for number 3\)",
    ):
        ask(3, 0)


def clock(took_ns: list[int]) -> Iterator[int]:
    """A clock that is read before and after each call, and moves only within calls."""
    moments = list(accumulate(took_ns, initial=0))
    for before, after in pairwise(moments):
        yield before
        yield after
    while True:
        yield moments[-1]


def called(took_ns: list[int]) -> CallTimes:
    """What was counted of calls of a generator that took so long each."""
    times = CallTimes(clock(took_ns).__next__)
    ask = asking(f"{HERE}:balances", times=times)
    for number in range(len(took_ns)):
        ask(number, 0)
    return times


SLOW = [SLOW_CALL // 2, 3 * SLOW_CALL, SLOW_CALL]


def test_slow_calls_of_a_generator_are_logged_with_its_name_file_and_line() -> None:
    line = balances.__code__.co_firstlineno
    assert called(SLOW).taken("load-main.0") == BenchLimitReached(
        at_ns=sum(SLOW),
        node="load-main.0",
        limit="generator",
        times=3,
        duration_ns=3 * SLOW_CALL,
        total_ns=sum(SLOW),
        detail=f"'{HERE}:balances' at tests/actors/workload/sample_generators.py:{line}",
    )


def test_what_was_logged_of_a_generator_is_not_logged_again() -> None:
    times = called(SLOW)
    times.taken("load-main.0")
    assert times.taken("load-main.0") is None


@given(st.lists(st.integers(0, SLOW_CALL), max_size=40))
def test_short_calls_are_logged_only_when_together_they_leave_the_load_little_time(
    took_ns: list[int],
) -> None:
    assert (called(took_ns).taken("n") is not None) == (sum(took_ns) > BUSY)


def test_many_short_calls_that_take_half_of_a_second_are_logged() -> None:
    logged = called([SLOW_CALL] * (BUSY // SLOW_CALL + 1)).taken("n")
    assert logged is not None
    assert (logged.duration_ns, logged.total_ns) == (SLOW_CALL, BUSY + SLOW_CALL)


class Object:
    def __call__(self, number: int, rng: Any) -> tuple[str, list[Any]]:
        return "eth_chainId", []


@wraps(balances)
def wrapped(*args: Any) -> Any:
    return balances(*args)


def test_where_a_generator_is_written_is_known_of_whatever_can_be_called() -> None:
    where = f" at tests/actors/workload/sample_generators.py:{balances.__code__.co_firstlineno}"
    assert [place_of(one) for one in (balances, partial(balances), wrapped)] == [where] * 3
    assert (
        place_of(Object())
        == f" at tests/actors/workload/requests/test_author_generator.py:{Object.__call__.__code__.co_firstlineno}"
    )
    assert place_of(max) == ""
