"""The restart decision, without running anything."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.system.restart import (
    Backoff,
    Escalate,
    Exit,
    History,
    Leave,
    Limits,
    Policy,
    Restart,
    decide,
)
from battle.actors.units import ms, seconds

STRATEGIES = ["one_for_one", "one_for_all", "rest_for_one"]
TYPES = ["permanent", "transient", "temporary"]
KINDS = ["normal", "crash", "induced"]
NOW = seconds(1000)

families = st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from(TYPES), min_size=1, max_size=6)


@st.composite
def cases(draw: Any) -> tuple[dict[str, Any], str]:
    family = draw(families)
    return family, draw(st.sampled_from(list(family)))


def first_decision(strategy: Any, family: Any, child: str, kind: Any) -> Any:
    decision, _ = decide(Policy(strategy), family, History(), Exit(child, kind), NOW)
    return decision


@given(cases(), st.sampled_from(STRATEGIES), st.sampled_from(KINDS))
def test_only_what_its_restart_type_says_comes_back(case: Any, strategy: Any, kind: Any) -> None:
    family, child = case
    comes_back = {
        "permanent": True,
        "transient": kind in ("crash", "induced"),
        "temporary": False,
    }[family[child]]
    assert isinstance(first_decision(strategy, family, child, kind), Restart if comes_back else Leave)


@given(cases(), st.sampled_from(STRATEGIES), st.sampled_from(["crash", "induced"]))
def test_temporary_children_are_never_started_again(case: Any, strategy: Any, kind: Any) -> None:
    family, child = case
    decision = first_decision(strategy, family, child, kind)
    started = decision.start if isinstance(decision, Restart) else ()
    assert [name for name in started if family[name] == "temporary"] == []


@given(cases(), st.sampled_from(["crash", "induced"]))
def test_one_for_one_restarts_only_it(case: Any, kind: Any) -> None:
    family, child = case
    family[child] = "permanent"
    decision = first_decision("one_for_one", family, child, kind)
    assert (decision.stop, decision.start) == ((), (child,))


@given(cases(), st.sampled_from(["crash", "induced"]))
def test_one_for_all_restarts_all_in_order(case: Any, kind: Any) -> None:
    family, child = case
    family[child] = "permanent"
    decision = first_decision("one_for_all", family, child, kind)
    names = list(family)
    assert list(decision.stop) == [name for name in reversed(names) if name != child]
    assert list(decision.start) == [name for name in names if family[name] != "temporary"]


@given(cases(), st.sampled_from(["crash", "induced"]))
def test_rest_for_one_restarts_it_and_the_later_ones_in_order(case: Any, kind: Any) -> None:
    family, child = case
    family[child] = "permanent"
    decision = first_decision("rest_for_one", family, child, kind)
    later = list(family)[list(family).index(child) + 1 :]
    assert list(decision.stop) == later[::-1]
    assert list(decision.start) == [child] + [name for name in later if family[name] != "temporary"]


@st.composite
def policies(draw: Any) -> Policy:
    first = draw(st.integers(1, seconds(1)))
    backoff = Backoff(
        first=first,
        factor=draw(st.floats(1, 4)),
        most=draw(st.integers(first, seconds(2))),
        stable_after=draw(st.integers(1, seconds(60))),
    )
    max_restarts = draw(st.integers(0, 6))
    waits = sum(backoff.delay(n) for n in range(1, max_restarts + 1))
    within = draw(st.integers(waits + 1, waits + seconds(60)))
    return Policy(draw(st.sampled_from(STRATEGIES)), Limits(max_restarts, within), backoff)


exits = st.tuples(
    st.sampled_from("abc"),
    st.sampled_from(KINDS),
    st.integers(0, seconds(20)),  # since the exit before
    st.integers(0, seconds(90)),  # ran for
)


@given(policies(), st.lists(exits, max_size=60))
def test_never_more_restarts_than_allowed_in_any_span(policy: Policy, script: Any) -> None:
    family: dict[str, Any] = {"a": "permanent", "b": "transient", "c": "permanent"}
    history, now, counted = History(), 0, []
    for child, kind, pause, ran_for in script:
        now += pause
        decision, history = decide(policy, family, history, Exit(child, kind, ran_for), now)
        if isinstance(decision, Escalate):
            recent = [at for at in counted if now - at < policy.limits.within]
            assert len(recent) == policy.limits.max_restarts, "escalated too early"
            return
        if isinstance(decision, Restart) and kind != "induced":
            counted.append(now)
        assert len(history.restarts_ns) <= policy.limits.max_restarts
    for at in counted:
        in_span = [other for other in counted if at <= other < at + policy.limits.within]
        assert len(in_span) <= policy.limits.max_restarts


@given(policies(), st.sampled_from(["crash", "normal"]))
def test_a_permanent_child_that_always_fails_ends_in_escalation_without_spinning(
    policy: Policy, kind: Any
) -> None:
    history, now, delays, decision = History(), 0, [], None
    for _ in range(policy.limits.max_restarts + 1):
        decision, history = decide(policy, {"a": "permanent"}, history, Exit("a", kind), now)
        if isinstance(decision, Escalate):
            break
        assert isinstance(decision, Restart)
        delays.append(decision.delay)
        now += decision.delay
    assert isinstance(decision, Escalate)
    assert len(delays) == policy.limits.max_restarts
    assert all(delay >= policy.backoff.first for delay in delays)
    assert delays == sorted(delays)


@given(policies(), st.integers(0, 5), st.sampled_from(["permanent", "transient"]))
def test_an_induced_exit_restarts_at_once_and_leaves_no_trace(
    policy: Policy, before: int, restart: Any
) -> None:
    full = History(tuple([NOW] * policy.limits.max_restarts), {"a": before} if before else {})
    decision, history = decide(policy, {"a": restart}, full, Exit("a", "induced"), NOW)
    assert decision == Restart(stop=(), start=("a",), delay=0)
    assert history == full


def test_backoff_grows_to_its_bound_and_begins_again_after_a_stable_time() -> None:
    backoff = Backoff(first=ms(100), factor=2, most=ms(500), stable_after=seconds(30))
    policy = Policy(limits=Limits(10, within=seconds(60)), backoff=backoff)
    history, delays = History(), []
    for ran_for in [0, seconds(29), seconds(1), seconds(1), seconds(30), 0]:
        decision, history = decide(policy, {"a": "permanent"}, history, Exit("a", "crash", ran_for), NOW)
        assert isinstance(decision, Restart)
        delays.append(decision.delay)
    assert delays == [ms(100), ms(200), ms(400), ms(500), ms(100), ms(200)]


def test_a_stable_life_is_remembered_across_an_induced_exit() -> None:
    policy = Policy()
    failed = History(failures={"a": 2, "b": 1})
    _, history = decide(policy, {"a": "permanent"}, failed, Exit("a", "induced", seconds(60)), NOW)
    assert history.failures == {"b": 1}


def test_each_child_has_a_backoff_of_its_own() -> None:
    policy = Policy()
    family: dict[str, Any] = {"a": "permanent", "b": "permanent"}
    _, history = decide(policy, family, History(), Exit("a", "crash"), NOW)
    decision, history = decide(policy, family, history, Exit("b", "crash"), NOW)
    assert isinstance(decision, Restart)
    assert decision.delay == policy.backoff.first
    assert history.failures == {"a": 1, "b": 1}


@given(st.integers(1, 10**6))
def test_the_delay_never_overflows(failures: int) -> None:
    backoff = Backoff(first=1, factor=1e9, most=seconds(10))
    assert 1 <= backoff.delay(failures) <= seconds(10)


@given(st.integers(1, 5), st.sampled_from(STRATEGIES), st.integers(0, 10**12))
def test_a_child_that_never_starts_is_given_up_however_long_each_start_takes(
    most: int, strategy: Any, between_ns: int
) -> None:
    policy = Policy(strategy, Limits(max_failed_starts=most))
    history, tries = History(), 0
    while True:
        tries += 1
        exited = Exit("b", "crash", started=False)
        now_ns = NOW + tries * between_ns
        decision, history = decide(policy, {"a": "permanent", "b": "permanent"}, history, exited, now_ns)
        if isinstance(decision, Escalate):
            break
    spaced = between_ns * policy.limits.max_restarts >= policy.limits.within
    assert tries == most if spaced else tries <= most
    assert decision.hopeless or not spaced


def test_an_incarnation_that_starts_makes_the_failed_starts_before_it_good() -> None:
    policy = Policy(limits=Limits(max_failed_starts=2))
    history = History()
    for number, started in enumerate([False, True, False, True, False]):
        exited = Exit("a", "crash", started=started)
        decision, history = decide(
            policy, {"a": "permanent"}, history, exited, NOW + number * policy.limits.within
        )
        assert isinstance(decision, Restart)


@given(cases(), st.sampled_from(STRATEGIES))
def test_nobody_above_tries_again_what_cannot_start(case: Any, strategy: Any) -> None:
    family, child = case
    family[child] = "permanent"
    decision = first_decision(strategy, family, child, "hopeless")
    assert isinstance(decision, Escalate)
    assert decision.hopeless


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        (lambda: Limits(max_failed_starts=0), "1 or more"),
        (lambda: Limits(max_restarts=-1), "negative"),
        (lambda: Limits(within=0), "positive"),
        (lambda: Backoff(first=0), "0 < first"),
        (lambda: Backoff(first=ms(2), most=ms(1)), "0 < first"),
        (lambda: Backoff(factor=0.5), "factor"),
        (lambda: Backoff(factor=float("inf")), "factor"),
        (lambda: Backoff(stable_after=0), "stable_after"),
        (lambda: Policy(limits=Limits(3, within=ms(700))), "always fails"),
    ],
)
def test_wrong_settings_are_refused(wrong: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        wrong()


def test_the_longest_waits_that_still_escalate_are_accepted() -> None:
    assert Policy(limits=Limits(3, within=ms(700) + 1)).limits.max_restarts == 3
