from hypothesis import given
from hypothesis import strategies as st

from battle.actors.rng import Draws
from battle.actors.spec.workloads import Reconnect
from battle.actors.units import ms, seconds
from battle.actors.workload.ws.backoff import Backoff

POLICIES = st.builds(
    Reconnect,
    attempts=st.integers(0, 90),
    first_pause=st.integers(1, seconds(1)),
    max_pause=st.integers(seconds(1), seconds(100)),
    jitter_ratio=st.floats(0, 1),
)


def pauses(policy, seed=1, key=0):
    backoff = Backoff(policy, Draws(seed, "x"), key)
    found = []
    while (pause := backoff.pause()) is not None:
        found.append(pause)
    return found


@given(POLICIES)
def test_pauses_double_up_to_a_bound_and_end(policy):
    found = pauses(policy)
    assert len(found) == policy.attempts
    for number, pause in enumerate(found):
        plain = min(policy.first_pause * 2**number, policy.max_pause)
        assert plain <= pause <= plain * (1 + policy.jitter_ratio)


@given(POLICIES, st.integers(), st.integers())
def test_the_same_client_makes_the_same_pauses(policy, seed, key):
    assert pauses(policy, seed, key) == pauses(policy, seed, key)


def test_clients_do_not_return_together():
    assert len({pauses(Reconnect(), key=client)[0] for client in range(100)}) > 90


def test_who_recovered_begins_anew():
    backoff = Backoff(Reconnect(attempts=3, first_pause=ms(100), jitter_ratio=0), Draws(1, "x"), 0)
    assert [backoff.pause() for _ in range(4)] == [ms(100), ms(200), ms(400), None]
    backoff.recovered()
    assert [backoff.pause() for _ in range(4)] == [ms(100), ms(200), ms(400), None]
