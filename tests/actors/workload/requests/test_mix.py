from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.rng import Draws
from battle.actors.workload.requests.mix import Mix

DRAWS = Draws(7, "mix")


def test_a_single_method_is_always_chosen() -> None:
    mix = Mix("eth_chainId", DRAWS)
    assert mix.methods == ("eth_chainId",)
    assert {mix(number) for number in range(50)} == {"eth_chainId"}


def test_methods_are_chosen_by_their_weights() -> None:
    mix = Mix({"often": 6, "sometimes": 3, "rarely": 1}, DRAWS)
    counts = Counter(map(mix, range(10_000)))
    assert counts["often"] == pytest.approx(6_000, abs=300)
    assert counts["sometimes"] == pytest.approx(3_000, abs=300)
    assert counts["rarely"] == pytest.approx(1_000, abs=200)


@given(st.permutations(range(40)))
def test_a_choice_depends_on_the_number_alone(order: list[int]) -> None:
    mix = Mix({"a": 1, "b": 1}, DRAWS)
    chosen = {number: mix(number) for number in order}
    assert [chosen[number] for number in range(40)] == [mix(number) for number in range(40)]


@given(st.dictionaries(st.text(min_size=1), st.floats(1e-6, 1e6), min_size=1, max_size=8), st.integers(0, 99))
def test_whatever_the_weights_a_method_of_the_mix_is_chosen(weights: dict[str, float], number: int) -> None:
    assert Mix(weights, DRAWS)(number) in weights


@pytest.mark.parametrize("methods", [{}, {"a": 0.0}, {"a": 1.0, "b": -1.0}])
def test_an_impossible_mix_is_refused(methods: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="at least one method"):
        Mix(methods, DRAWS)
