"""What happens to a slow client, when a provider is stale, how long the pauses are, and the settings' checks."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.gateway.subscriptions.continuity import (
    Admit,
    Close,
    admit,
    stale_at_ns,
)
from battle.actors.gateway.subscriptions.continuity.upstream_state import LONGEST_PAUSE, pause_after
from battle.actors.spec.continuity import LARGEST_GAP_BLOCKS, Continuity
from battle.actors.units import seconds

COUNTS = st.integers(0, 3000)
DROPPING = Continuity(slow_client="drop_oldest")


@given(COUNTS, COUNTS)
def test_a_client_is_closed_exactly_when_its_buffer_would_overflow(queued, arriving):
    decision = admit(queued, arriving, Continuity())
    assert isinstance(decision, Close) == (queued + arriving > Continuity().client_buffer_messages)
    if isinstance(decision, Close):
        assert decision.code == 1008


@given(st.integers(0, DROPPING.client_buffer_messages), COUNTS)
def test_dropping_the_oldest_keeps_the_newest_and_never_exceeds_the_buffer(queued, arriving):
    decision = admit(queued, arriving, DROPPING)
    assert isinstance(decision, Admit)
    kept_old, kept_new = queued - decision.drop, arriving - decision.skip
    assert kept_old >= 0
    assert kept_old + kept_new == min(queued + arriving, DROPPING.client_buffer_messages)
    assert kept_old == 0 or decision.skip == 0


def test_a_provider_is_stale_after_the_stated_number_of_block_times():
    assert stale_at_ns(seconds(10), seconds(2), Continuity(stale_after_blocks=4)) == seconds(18)


def test_pauses_grow_to_their_bound_and_the_first_failover_has_none():
    pauses = [pause_after(failures) for failures in range(200)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (0, LONGEST_PAUSE)
    assert pauses[1] > 0


def test_the_defaults_are_sound_and_each_wrong_setting_is_named():
    assert list(Continuity().problems()) == []
    for name in ("max_gap_blocks", "fill_attempts", "hold_back", "reorder_wait", "stale_after_blocks"):
        settings: dict[str, Any] = {name: 0}
        assert any(name in problem for problem in Continuity(**settings).problems())


@pytest.mark.parametrize(
    "settings",
    [
        Continuity(max_gap_blocks=LARGEST_GAP_BLOCKS + 1, client_buffer_messages=10_000),
        Continuity(client_buffer_messages=100),
    ],
)
def test_bounds_that_contradict_each_other_are_refused(settings):
    assert len(list(settings.problems())) == 1
