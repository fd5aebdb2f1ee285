"""Generators: how they are found, and what is said about those that are none."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.chain.model import ChainModel
from actors.chain.spec import Chain
from actors.units import seconds
from actors.workload.asking import Ask, asker
from actors.workload.custom import GeneratorError, load_generator
from actors.workload.spec import HttpConstant, WorkloadRole
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


def asking(name: str, *, seed: int = 1, index: int = 0, shard: int = 0) -> Ask:
    spec = HttpConstant(generator=name, rate=1, duration=seconds(1))
    role = WorkloadRole(spec, index, shard, "server:1", "/", Chain(), seed)
    return asker(role, ChainModel(Chain()))


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
    (problem,) = HttpConstant(generator=name, rate=1, duration=seconds(1)).problems()
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
