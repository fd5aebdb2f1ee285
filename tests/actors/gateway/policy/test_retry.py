"""The retry budget against a plain count, and the end of trying."""

from hypothesis import given
from hypothesis import strategies as st

from battle.actors.gateway.policy.retry import (
    BUDGET_SECONDS,
    Budget,
    attempt_deadline_ns,
    stop,
)
from battle.actors.spec.gateways import Retry
from battle.actors.units import ms, seconds

policy_st = st.builds(
    Retry,
    max_attempts=st.integers(1, 5),
    attempt_timeout=st.integers(1, seconds(3)),
    deadline=st.integers(1, seconds(10)),
)


@given(
    st.floats(0, 2),
    st.integers(0, 5),
    st.lists(st.tuples(st.integers(0, seconds(4)), st.booleans()), max_size=200),
)
def test_the_budget_never_gives_more_than_its_share_of_the_last_ten_seconds(ratio, floor, moves):
    budget, now_ns = Budget(ratio, floor), 0
    requests: list[int] = []
    spent: list[int] = []

    def recent(moments):
        return sum(moment // 10**9 > now_ns // 10**9 - BUDGET_SECONDS for moment in moments)

    for wait, is_request in moves:
        now_ns += wait
        if is_request:
            budget.count_request(now_ns)
            requests.append(now_ns)
            continue
        allowed = recent(spent) + 1 <= ratio * recent(requests) + floor
        assert budget.left(now_ns) == allowed
        assert budget.spend(now_ns) == allowed
        if allowed:
            spent.append(now_ns)


def test_an_outage_does_not_multiply_the_load():
    budget, granted = Budget(0.5, 10), 0
    for number in range(1000):
        now_ns = number * ms(10)
        budget.count_request(now_ns)
        granted += budget.spend(now_ns) + budget.spend(now_ns)
    assert granted == 510


def test_the_floor_comes_back_after_ten_seconds():
    budget = Budget(0.0, 2)
    assert [budget.spend(0) for _ in range(3)] == [True, True, False]
    assert not budget.left(seconds(9.9))
    assert budget.spend(seconds(10))


@given(policy_st, st.integers(0, seconds(20)), st.integers(0, seconds(20)))
def test_an_attempt_gets_its_timeout_but_never_more_than_the_request_has_left(policy, began_ns, waited):
    deadline_ns = attempt_deadline_ns(policy, began_ns, began_ns + waited)
    assert deadline_ns <= began_ns + policy.deadline
    assert deadline_ns <= began_ns + waited + policy.attempt_timeout
    assert deadline_ns in (began_ns + policy.deadline, began_ns + waited + policy.attempt_timeout)


@given(policy_st, st.integers(0, 8), st.integers(0, seconds(20)), st.booleans(), st.booleans())
def test_trying_goes_on_exactly_while_everything_allows_it(policy, made, waited, unknown, repeatable):
    why = stop(policy, made=made, began_ns=5, now_ns=5 + waited, unknown=unknown, repeatable=repeatable)
    allowed = made < policy.max_attempts and waited < policy.deadline and (repeatable or not unknown)
    assert (why is None) == allowed
    if why is None:
        assert attempt_deadline_ns(policy, 5, 5 + waited) > 5 + waited


def test_each_reason_to_stop():
    def why(*, made=1, now_ns=0, unknown=False, repeatable=True):
        policy = Retry(max_attempts=2, deadline=seconds(1))
        return stop(policy, made=made, began_ns=0, now_ns=now_ns, unknown=unknown, repeatable=repeatable)

    assert why() is None
    assert why(made=2) == "attempts"
    assert why(now_ns=seconds(1)) == "deadline"
    assert why(unknown=True, repeatable=False) == "not_repeatable"
    assert why(unknown=False, repeatable=False) is None
