"""How the attempts of a request are told apart, what becomes of them, and how many a rate limit lets through."""

from types import SimpleNamespace
from typing import Any

from battle.actors.provider.answerer import read_received
from battle.actors.provider.chain_view import InForce
from battle.actors.provider.rate_limits import RateLimits
from battle.actors.provider.response_plan import ResponsePlan
from battle.actors.provider.service import Attempts, Service
from battle.actors.rng import Draws
from battle.actors.roles import ApplyFault, ProviderRole
from battle.actors.shared_lines import LinesInMemory
from battle.actors.spec.chain import Chain
from battle.actors.spec.faults.behaviour import Degrade, RateLimit
from battle.actors.spec.latency import Uniform
from battle.actors.spec.providers import MockProvider
from battle.actors.units import ms, seconds
from battle.actors.wire.correlation import REQUEST_ID_HEADER
from battle.actors.wire.http.messages import HttpRequest


def test_the_attempts_of_each_request_are_counted():
    attempts = Attempts()
    asked = ["w0-1", "w0-2", "w0-1", "w0-1", "w0-2"]
    assert [attempts.key(name)[1] for name in asked] == [1, 1, 2, 3, 2]


def test_what_others_ask_does_not_change_the_key():
    alone, among_others = Attempts(), Attempts()
    for number in range(100):
        among_others.key(f"w1-{number}")
        among_others.key(None)
    assert alone.key("w0-1") == among_others.key("w0-1")


def test_requests_without_an_id_have_keys_of_their_own():
    attempts = Attempts()
    assert len({attempts.key(None) for _ in range(10)}) == 10


def test_only_the_requests_seen_last_are_remembered():
    attempts = Attempts(remembered=2)
    for name in ("a", "b", "a", "c"):
        attempts.key(name)
    assert attempts.key("a") == ("a", 3)
    assert attempts.key("b") == ("b", 1)


# Plans


REQUEST = HttpRequest("POST", "/", {REQUEST_ID_HEADER: b"w0-1"}, b'{"id":1,"method":"eth_chainId"}', True)


def service():
    world: Any = SimpleNamespace(
        now_ns=lambda: 0, draws=lambda name: Draws(1, name), shared_lines=LinesInMemory()
    )
    return Service(world, ProviderRole(MockProvider("a", latency=ms(20)), "a:1", Chain()))


def test_a_fault_counts_the_attempts_before_it():
    seen, unseen = service(), service()
    received = read_received(REQUEST, 1)
    assert seen.plan(received) == ResponsePlan(ms(20))
    for one in (seen, unseen):
        slow = Degrade("a", added_latency=Uniform(0, seconds(1)))
        one.behaviour = one.behaviour.under(ApplyFault("f1", slow))
    plans = [unseen.plan(received) for _ in range(3)]
    assert len({plan.delay for plan in plans}) == 3
    assert [seen.plan(received) for _ in range(2)] == plans[1:]


# Rate limits


def limit(fault_id, limit_per_s):
    return InForce(fault_id, RateLimit("a", limit_per_s=limit_per_s))


def test_so_many_requests_are_let_through_in_each_second():
    limits = RateLimits()
    faults = [limit("f1", 3), InForce("slow", Degrade("a", added_latency=1))]
    moments = [ms(100) * number for number in range(5)] + [seconds(1) - 1, seconds(1), seconds(1), seconds(7)]
    assert [limits.over(faults, now_ns) for now_ns in moments] == [(), (), (), *[("f1",)] * 3, (), (), ()]


def test_a_limit_of_none_lets_none_through():
    assert RateLimits().over([limit("f1", 0)], 0) == ("f1",)


def test_limits_count_apart():
    limits = RateLimits()
    both = [limit("f1", 1), limit("f2", 2)]
    assert [limits.over(both, 0) for _ in range(3)] == [(), ("f1",), ("f1", "f2")]
    alone = RateLimits()
    assert [alone.over(both[1:], 0) for _ in range(3)] == [(), (), ("f2",)]
