"""Ranking by strategy, and choosing by standing."""

from collections import Counter
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.gateway.policy.selection import (
    Choice,
    Standing,
    choose,
    rank,
)
from battle.actors.rng import Draws
from battle.actors.spec.gateways import Strategy

STRATEGIES = get_args(Strategy)
LATENCIES = {"a": 100, "b": 50, "c": 200, "d": 50}

providers_st = st.lists(st.sampled_from(list(LATENCIES)), unique=True)
key_st = st.tuples(st.text(max_size=5), st.integers(1, 3))


def ranked(strategy, providers, *, turn=0, key=("w0-1", 1)):
    draws = Draws(7, "gateway")
    return rank(
        strategy,
        providers,
        turn=turn,
        latency_ns=LATENCIES.__getitem__,
        draw=lambda name: draws.uniform(*key, name),
    )


@given(st.sampled_from(STRATEGIES), providers_st, st.integers(0, 100), key_st)
def test_every_strategy_ranks_every_provider_once(strategy, providers, turn, key):
    assert sorted(ranked(strategy, providers, turn=turn, key=key)) == sorted(providers)


@given(
    st.sampled_from([it for it in STRATEGIES if it != "round_robin"]), providers_st, key_st, st.integers(0)
)
def test_one_provider_less_does_not_shift_the_others(strategy, providers, key, which):
    if providers:
        gone = providers[which % len(providers)]
        rest = [name for name in providers if name != gone]
        expected = [name for name in ranked(strategy, providers, key=key) if name != gone]
        assert ranked(strategy, rest, key=key) == expected


def test_priority_keeps_the_order_and_fastest_sorts_with_ties_in_order():
    assert ranked("priority", ["c", "a", "b"]) == ["c", "a", "b"]
    assert ranked("fastest", ["c", "a", "d", "b"]) == ["d", "b", "a", "c"]


@given(st.integers(0, 1000))
def test_round_robin_gives_each_provider_its_turn(turn):
    firsts = [ranked("round_robin", ["a", "b", "c"], turn=turn + n)[0] for n in range(3)]
    assert sorted(firsts) == ["a", "b", "c"]
    assert ranked("round_robin", ["a", "b", "c"], turn=1) == ["b", "c", "a"]


def share_of_firsts(strategy) -> dict[str, float]:
    counts = Counter(ranked(strategy, ["a", "b", "c"], key=(f"w0-{n}", 1))[0] for n in range(4000))
    return {name: count / 4000 for name, count in counts.items()}


def test_random_is_fair_and_latency_weighted_prefers_the_fast_in_proportion():
    assert share_of_firsts("random") == pytest.approx({"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}, abs=0.03)
    assert share_of_firsts("latency_weighted") == pytest.approx(
        {"a": 2 / 7, "b": 4 / 7, "c": 1 / 7}, abs=0.03
    )


def test_chance_depends_on_request_and_attempt_alone():
    keys = [(f"w0-{n}", attempt) for n in range(50) for attempt in (1, 2)]
    forwards = [ranked("random", ["a", "b", "c"], key=key) for key in keys]
    backwards = [ranked("random", ["a", "b", "c"], key=key) for key in reversed(keys)]
    assert forwards == backwards[::-1]
    assert any(forwards[n] != forwards[n + 1] for n in range(0, 100, 2))


standing_st = st.builds(
    Standing,
    provider=st.just(""),
    breaker=st.sampled_from(["closed", "open", "half_open"]),
    admitted=st.booleans(),
    limited=st.booleans(),
    barred=st.booleans(),
    tries=st.integers(0, 2),
)


@st.composite
def standings_st(draw):
    found = []
    for number, it in enumerate(draw(st.lists(standing_st, max_size=6))):
        admitted = it.breaker == "closed" or (it.breaker == "half_open" and it.admitted)
        found.append(
            Standing(f"p{number}", it.breaker, admitted, it.limited or it.barred, it.barred, it.tries)
        )
    return found


@given(standings_st(), st.booleans())
def test_nobody_better_than_the_chosen_is_left(standings, probing):
    choice = choose(standings, probing=probing)
    usable = [it for it in standings if it.admitted and not it.barred]
    if choice.provider is None:
        assert usable == []
        return
    chosen = next(it for it in usable if it.provider == choice.provider)
    assert chosen.breaker != "open"
    assert chosen.tries == min(it.tries for it in usable)
    peers = [it for it in usable if it.tries == chosen.tries]
    assert not (chosen.limited and any(not it.limited for it in peers))
    peers = [it for it in peers if it.limited == chosen.limited]
    preferred = "half_open" if probing else "closed"
    if any(it.breaker == preferred for it in peers):
        peers = [it for it in peers if it.breaker == preferred]
    assert chosen is peers[0]


@given(standings_st(), st.booleans())
def test_the_rejected_are_those_the_strategy_liked_better_and_the_breaker_did_not(standings, probing):
    choice = choose(standings, probing=probing)
    names = [it.provider for it in standings]
    end = len(names) if choice.provider is None else names.index(choice.provider)
    rejected = [it.provider for it in standings[:end] if not it.admitted and it.tries == 0]
    assert list(choice.rejected) == rejected


CLOSED, LIMITED = Standing("closed"), Standing("limited", limited=True)
OPEN, HALF_OPEN = Standing("open", "open", admitted=False), Standing("half", "half_open")


def test_tiers():
    everything = [LIMITED, OPEN, HALF_OPEN, CLOSED]
    assert choose(everything, probing=False) == Choice("closed", ("open",))
    assert choose([LIMITED, OPEN, HALF_OPEN], probing=False) == Choice("half", ("open",))
    assert choose([OPEN, LIMITED], probing=False) == Choice("limited", ("open",))
    assert choose([OPEN], probing=False) == Choice(None, ("open",))


def test_a_first_attempt_probes_a_half_open_provider_whatever_its_rank():
    assert choose([CLOSED, HALF_OPEN], probing=True).provider == "half"
    assert choose([CLOSED, HALF_OPEN], probing=False).provider == "closed"


def test_a_taken_probe_slot_is_a_rejection():
    taken = Standing("half", "half_open", admitted=False)
    assert choose([taken, CLOSED], probing=True) == Choice("closed", ("half",))


def test_who_said_until_when_is_left_alone_until_then():
    barred = Standing("barred", limited=True, barred=True)
    assert choose([barred], probing=True) == Choice(None)
    assert choose([barred, LIMITED], probing=True).provider == "limited"


def test_a_provider_that_has_failed_this_request_comes_after_those_not_asked():
    assert choose([Standing("a", tries=1), HALF_OPEN], probing=False).provider == "half"
    assert choose([Standing("a", tries=1), LIMITED], probing=False).provider == "limited"
    assert choose([Standing("a", tries=2), Standing("b", tries=1)], probing=False).provider == "b"
