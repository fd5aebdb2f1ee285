"""What becomes of a request follows from the provider's specification, the faults in force and the request."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.provider.response_plan import HANDSHAKE, Behaviour, CallFailure, ResponsePlan
from battle.actors.rng import Draws
from battle.actors.roles import ApplyFault
from battle.actors.spec.failures import NAMED_RPC
from battle.actors.spec.faults.behaviour import (
    Degrade,
    ErrorRate,
    Hang,
    Malformed,
    MissingData,
    RateLimit,
    Reorg,
    StaleHead,
    Truncated,
    WrongAnswer,
    WrongChain,
)
from battle.actors.spec.latency import Uniform
from battle.actors.spec.providers import MockProvider, Reliability
from battle.actors.units import ms, seconds


def degraded(fault_id, **how):
    return ApplyFault(fault_id, Degrade("a", **how))


DRAWS = Draws(1, "provider:a")
KINDS = ("http_500", "http_502", "http_503", "rpc_error", "reset", "no_answer")

STEADY = Behaviour(MockProvider("a", latency=ms(20)))
SHAKY = Behaviour(
    MockProvider("a", latency=Uniform(0, ms(50)), reliability=Reliability(0.3, ("http_500", "reset")))
)

changes = st.builds(
    degraded,
    fault_id=st.sampled_from(["f1", "f2", "f3"]),
    added_latency=st.integers(0, ms(100)) | st.builds(Uniform, st.just(0), st.integers(1, ms(9))),
    error_ratio=st.floats(0, 1),
    error_kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=3).map(tuple),
)
keys = st.tuples(st.text(), st.integers(1, 5))


def fates(behaviour, count=2000):
    return [behaviour.plan(DRAWS, (f"w0-{number}", 1)) for number in range(count)]


def test_a_steady_provider_answers_after_its_latency():
    assert set(fates(STEADY, 50)) == {ResponsePlan(ms(20))}


@given(keys)
def test_the_only_plan_is_that_of_each_request(key):
    assert STEADY.only_plan == STEADY.plan(DRAWS, key)


@pytest.mark.parametrize(
    "behaviour",
    [SHAKY, STEADY.under(degraded("f1")), Behaviour(MockProvider("a", reliability=Reliability(0.1)))],
    ids=["latency", "fault", "failures"],
)
def test_what_depends_on_the_request_has_no_only_plan(behaviour):
    assert behaviour.only_plan is None


def test_an_unreliable_provider_fails_as_often_and_as_variously_as_it_says():
    failures = [plan.failure for plan in fates(SHAKY)]
    assert 1 - failures.count(None) / 2000 == pytest.approx(0.3, abs=0.03)
    assert failures.count("reset") == pytest.approx(failures.count("http_500"), rel=0.2)
    assert set(failures) == {None, "reset", "http_500"}
    assert all(plan.fault_id is None for plan in fates(SHAKY, 50))


@pytest.mark.parametrize(("ratio", "expected"), [(0.0, {None}), (1.0, {"http_502"})])
def test_never_and_always_are_meant(ratio, expected):
    spec = MockProvider("a", reliability=Reliability(ratio, ("http_502",)))
    assert {plan.failure for plan in fates(Behaviour(spec), 500)} == expected
    change = degraded("f1", error_ratio=ratio, error_kinds=("http_502",))
    assert {plan.failure for plan in fates(STEADY.under(change), 500)} == expected


def test_a_fault_adds_latency_and_signs_for_it():
    slow = STEADY.under(degraded("f1", added_latency=ms(30)))
    assert set(fates(slow, 20)) == {ResponsePlan(ms(50), None, "f1")}


def test_a_fault_signs_only_for_the_requests_it_touched():
    failing = STEADY.under(degraded("f1", error_ratio=0.5, error_kinds=("rpc_error",)))
    assert set(fates(failing, 100)) == {ResponsePlan(ms(20)), ResponsePlan(ms(20), "rpc_error", "f1")}


def test_several_faults_add_up_and_the_first_signs():
    behaviour = STEADY.under(degraded("f1", added_latency=ms(1)))
    behaviour = behaviour.under(degraded("f2", added_latency=ms(2)))
    assert set(fates(behaviour, 5)) == {ResponsePlan(ms(23), None, "f1")}
    behaviour = behaviour.under(degraded("f3", error_ratio=1.0))
    assert {plan.delay for plan in fates(behaviour, 5)} == {ms(23)}


def test_the_fault_that_fails_a_request_signs_for_it():
    slow = STEADY.under(degraded("f1", added_latency=ms(1)))
    both = slow.under(degraded("f2", error_ratio=1.0))
    assert set(fates(both, 5)) == {ResponsePlan(ms(21), "http_503", "f2")}
    third = both.under(degraded("f3", error_ratio=1.0, error_kinds=("reset",)))
    assert set(fates(third, 5)) == {ResponsePlan(ms(21), "http_503", "f2")}


def test_a_new_change_of_the_same_fault_takes_the_place_of_the_old():
    behaviour = STEADY.under(degraded("f1", added_latency=ms(1)))
    behaviour = behaviour.under(degraded("f1", added_latency=ms(5)))
    assert set(fates(behaviour, 5)) == {ResponsePlan(ms(25), None, "f1")}


@given(st.lists(changes, max_size=4), keys)
def test_a_fate_is_a_pure_function_of_what_is_in_force_and_the_key(several, key):
    behaviour = SHAKY
    for change in several:
        behaviour = behaviour.under(change)
    assert behaviour.plan(DRAWS, key) == behaviour.plan(Draws(1, "provider:a"), key)


@given(st.lists(changes, max_size=4), keys)
def test_reverting_every_fault_leaves_no_trace(several, key):
    behaviour = SHAKY
    for change in several:
        behaviour = behaviour.under(change)
    for change in several:
        behaviour = behaviour.reverted(change.fault_id)
    assert behaviour == SHAKY
    assert behaviour.reverted("unknown") == SHAKY


@given(changes, changes, keys)
def test_one_fault_less_does_not_change_what_the_other_does(one, other, key):
    if one.fault_id == other.fault_id:
        return
    alone = STEADY.under(one).plan(DRAWS, key)
    without = STEADY.plan(DRAWS, key)
    both = STEADY.under(other).under(one).plan(DRAWS, key)
    only_other = STEADY.under(other).plan(DRAWS, key)
    assert both.delay - only_other.delay == alone.delay - without.delay
    assert both.failure == (only_other.failure or alone.failure)


def test_faults_do_not_share_their_chance():
    spread = Uniform(0, ms(50))
    one, other = (STEADY.under(degraded(name, added_latency=spread)) for name in ("f1", "f2"))
    assert [plan.delay for plan in fates(one, 20)] != [plan.delay for plan in fates(other, 20)]


def test_attempts_of_one_request_draw_anew():
    drawn = [SHAKY.plan(DRAWS, ("w0-1", attempt)).delay for attempt in range(1, 20)]
    assert len(set(drawn)) == 19


# The other faults


def under(*faults, behaviour=STEADY):
    for number, fault in enumerate(faults, 1):
        behaviour = behaviour.under(ApplyFault(f"f{number}", fault))
    return behaviour.begun(500)


FAILING = [
    (Hang("a"), {"no_answer"}, ms(20)),
    (Truncated("a"), {"truncated"}, ms(20)),
    (ErrorRate("a", kinds=("http_500", "rpc_internal_error")), {"http_500", "rpc_internal_error"}, 0),
    (
        Malformed("a"),
        {"invalid_json", "wrong_content_type", "empty_body", "html_error_page", "html_bad_gateway"},
        ms(20),
    ),
]


@pytest.mark.parametrize(("fault", "failures", "delay"), FAILING)
def test_a_fault_fails_the_requests_it_falls_upon_and_signs_for_them(fault, failures, delay):
    always = fates(under(fault), 200)
    assert {plan.failure for plan in always} == failures
    assert {(plan.fault_id, plan.delay) for plan in always} == {("f1", delay)}
    sometimes = fates(under(fault.scaled(0.25)))
    touched = [plan for plan in sometimes if plan != ResponsePlan(ms(20))]
    assert len(touched) / 2000 == pytest.approx(0.25, abs=0.03)
    assert {plan.failure for plan in touched} == failures


def test_what_is_over_the_limit_is_refused_at_once():
    behaviour = under(RateLimit("a", retry_after=ms(2100)), RateLimit("a", style="rpc_limit"))
    assert behaviour.plan(DRAWS, ("w0-1", 1)) == ResponsePlan(ms(20))
    assert behaviour.plan(DRAWS, ("w0-1", 1), ("f1", "f2")) == ResponsePlan(0, "http_429", "f1", 3)
    assert behaviour.plan(DRAWS, ("w0-1", 1), ("f2",)) == ResponsePlan(0, "rpc_limit", "f2", 1)
    assert seconds(1) == RateLimit("a").retry_after


def test_an_error_that_comes_at_once_is_still_delayed_by_what_slows_everything_down():
    slow = under(Degrade("a", added_latency=ms(5)), ErrorRate("a"))
    assert set(fates(slow, 5)) == {ResponsePlan(ms(5), "http_503", "f2")}


def test_a_providers_own_failure_gives_way_and_is_nobodys_fault():
    broken = Behaviour(MockProvider("a", latency=0, reliability=Reliability(1.0, ("reset",))))
    assert {(plan.failure, plan.fault_id) for plan in fates(under(Hang("a"), behaviour=broken), 5)} == {
        ("no_answer", "f1")
    }
    slow = under(Degrade("a", added_latency=1), Hang("a"), behaviour=broken)
    assert {(plan.failure, plan.fault_id) for plan in fates(slow, 5)} == {("no_answer", "f2")}
    untouched = under(StaleHead("a"), behaviour=broken)
    assert {(plan.failure, plan.fault_id) for plan in fates(untouched, 5)} == {("reset", None)}


def test_faults_of_the_chain_are_only_drawn_for():
    behaviour = under(
        WrongAnswer("a", ratio=0.5), StaleHead("a"), MissingData("a", ratio=0.5), WrongChain("a"), Reorg("a")
    )
    drawn = [tuple(one.fault_id for one in plan.chain_faults) for plan in fates(behaviour, 500)]
    assert set(drawn) == {
        ("f4", "f5", "f2", *missing, *wrong) for missing in ((), ("f3",)) for wrong in ((), ("f1",))
    }
    assert sum("f1" in one for one in drawn) == pytest.approx(250, abs=50)
    assert {(plan.failure, plan.fault_id) for plan in fates(behaviour, 50)} == {(None, None)}


def test_a_reorg_begins_once_and_anew_when_it_is_applied_again():
    first = under(Reorg("a", depth=3))
    later = first.under(ApplyFault("f2", Hang("a"))).begun(700)
    assert [one.fork_height for one in later.in_force] == [498, None]
    assert later.under(ApplyFault("f1", Reorg("a", depth=3))).begun(700).in_force[1].fork_height == 698


@given(
    st.lists(st.sampled_from([fault for fault, _, _ in FAILING]), unique=True, max_size=3),
    st.sampled_from([fault for fault, _, _ in FAILING]),
    keys,
)
def test_removing_any_fault_never_shifts_another(others, one, key):
    """With one fault's share of requests fixed, the others fall on the same requests as they do alone."""
    several = STEADY.under(ApplyFault("one", one.scaled(0.3)))
    for number, fault in enumerate(others):
        several = several.under(ApplyFault(f"o{number}", fault.scaled(0.5)))
    without = several.reverted("one").plan(DRAWS, key)
    plan = several.plan(DRAWS, key)
    alone = STEADY.under(ApplyFault("one", one.scaled(0.3))).plan(DRAWS, key)
    assert plan == (without if alone.failure is None else alone)


# By method


def planned(behaviour, *methods, over_limit=()):
    return behaviour.plan(DRAWS, ("w0-1", 1), over_limit, methods)


def test_a_fault_of_some_methods_falls_on_no_other_request():
    for fault in (
        ErrorRate("a", methods=("debug_*",)),
        Hang("a", methods=("debug_*",)),
        Degrade("a", added_latency=ms(5), methods=("debug_*",)),
        WrongAnswer("a", methods=("debug_*",)),
    ):
        behaviour = under(fault)
        assert (
            planned(behaviour, "eth_call")
            == planned(behaviour, "eth_call", "net_version")
            == ResponsePlan(ms(20))
        )
        assert planned(behaviour, "debug_trace") == planned(under(fault), "eth_call", "debug_trace")
        assert planned(behaviour, "debug_trace") != ResponsePlan(ms(20))


def test_an_error_of_some_methods_is_that_of_their_calls():
    fault = ErrorRate("a", kinds=("method_not_available",), methods=("debug_*",))
    failure = CallFailure(NAMED_RPC["method_not_available"], ("debug_*",), "f1")
    assert planned(under(fault), "debug_trace") == ResponsePlan(0, call_failures=(failure,))
    assert planned(under(fault), "debug_trace", "eth_call") == ResponsePlan(ms(20), call_failures=(failure,))


def test_errors_of_different_methods_do_not_hide_each_other():
    two = under(
        ErrorRate("a", kinds=("rpc_limit",), methods=("debug_*",)),
        ErrorRate("a", kinds=("rpc_error",), methods=("eth_*",)),
    )
    plan = planned(two, "debug_trace", "eth_call")
    assert [one.fault_id for one in plan.call_failures] == ["f1", "f2"]
    whole = planned(
        under(Hang("a"), ErrorRate("a", kinds=("rpc_limit",), methods=("debug_*",))), "debug_trace"
    )
    assert (whole.failure, whole.call_failures) == ("no_answer", ())


def test_a_provider_may_fail_by_itself_in_some_methods():
    lacking = Behaviour(
        MockProvider("a", reliability=Reliability(1, ("method_not_available",), ("trace_*",)))
    )
    assert planned(lacking, "eth_call") == ResponsePlan(ms(20))
    (failure,) = planned(lacking, "eth_call", "trace_block").call_failures
    assert (failure.methods, failure.fault_id) == (("trace_*",), None)
    shut = Behaviour(MockProvider("a", reliability=Reliability(1, ("http_403",), ("trace_*",))))
    assert planned(shut, "trace_block").failure == "http_403"
    assert planned(shut, "eth_call").failure is None


def test_what_opens_a_websocket_is_of_no_method():
    assert under(ErrorRate("a")).plan(DRAWS, ("x",), (), HANDSHAKE).failure == "http_503"
    assert under(ErrorRate("a", methods=("eth_*",))).plan(DRAWS, ("x",), (), HANDSHAKE).failure is None
