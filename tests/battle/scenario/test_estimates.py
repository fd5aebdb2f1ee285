"""How long a run is said to take: from what happens in it, for every kind of load."""

import json

import msgspec
import pytest

from battle import (
    Chain,
    CommandGateway,
    HttpBurst,
    HttpConstant,
    HttpPoisson,
    HttpRamp,
    HttpStages,
    HttpStep,
    HttpUsers,
    MockProvider,
    RateStage,
    Replay,
    Scenario,
    Uniform,
    UserStage,
    WsRequests,
    WsSubscribe,
    minutes,
    ms,
    seconds,
)
from battle.actors.spec.providers import RealProvider
from battle.scenario.estimates import (
    LIVE_AROUND,
    PER_CALL,
    PER_NODE_SECOND,
    PER_NOTIFICATION,
    SIMULATED_AROUND,
    calls,
    in_flight,
    live_time,
    notifications,
    simulated_time,
)
from tests.extend.toys.pairs import HttpPairs

RISE_AND_HOLD = (UserStage(duration=seconds(10), users=10), UserStage(duration=seconds(5), users=10))


@pytest.mark.parametrize(
    ("workload", "count"),
    [
        (HttpConstant("eth_chainId", rate=5, duration=seconds(10)), 50),
        (HttpPoisson("eth_chainId", rate=5, duration=seconds(10), batch=4), 200),
        (HttpBurst("eth_chainId", size=7, every=seconds(4), duration=seconds(10), rate=1), 31),
        (HttpRamp("eth_chainId", start_rate=0, end_rate=10, duration=seconds(10)), 50),
        (HttpStep("eth_chainId", step_duration=seconds(2), rates=(1, 2, 4)), 14),
        (HttpUsers("eth_chainId", users=3, duration=seconds(10), think_time=ms(900)), 30),
        (HttpUsers("eth_chainId", stages=RISE_AND_HOLD, think_time=Uniform(0, ms(1800))), 100),
        (HttpStages("eth_chainId", stages=(RateStage(duration=seconds(10), rate=4),), start_rate=2), 30),
        (HttpPairs("eth_chainId", period=seconds(2), duration=seconds(9), batch=3), 30),
        (WsRequests("eth_chainId", rate=5, duration=seconds(10)), 50),
        (WsSubscribe(connections=5, subscriptions=2, duration=seconds(10)), 10),
        (Replay("no-such-trace.jsonl"), 0),
    ],
)
def test_the_calls_of_every_kind_of_load_are_counted(workload, count):
    assert calls(workload) == pytest.approx(count)


def test_the_arrivals_of_a_long_schedule_are_estimated_from_its_first(monkeypatch):
    monkeypatch.setattr("battle.scenario.estimates.COUNTED_MAX", 200)
    long = HttpPairs("eth_chainId", period=ms(1), duration=seconds(2))
    assert calls(long) == pytest.approx(4000, rel=0.02)
    assert in_flight(long) == 200
    monkeypatch.setattr("battle.scenario.estimates.COUNTED_MAX", 2)
    assert calls(long) == 2, "both at the start, which says nothing of a rate"


def test_the_calls_of_a_trace_are_those_in_it(tmp_path):
    path = tmp_path / "trace.jsonl"
    lines = [{"at_ms": at, "method": "eth_chainId", "params": []} for at in range(6)]
    path.write_text("\n".join(map(json.dumps, lines)))
    assert calls(Replay(str(path))) == 6


def test_each_subscription_is_told_of_each_block():
    load = WsSubscribe(connections=5, subscriptions=2, duration=seconds(10))
    assert notifications(load, seconds(2)) == 50
    assert notifications(HttpConstant("eth_chainId", rate=5, duration=seconds(10)), seconds(2)) == 0


SCENARIO = Scenario(
    "Some",
    providers=[MockProvider("a"), MockProvider("b")],
    workloads=[
        HttpConstant("eth_chainId", rate=10, duration=minutes(1), name="calls"),
        WsSubscribe(connections=3, duration=seconds(30), name="heads"),
    ],
    chain=Chain(block_time=seconds(1)),
)


def test_a_live_run_takes_as_long_as_its_load_and_a_little_more():
    assert live_time(SCENARIO) == minutes(1) + LIVE_AROUND


def test_a_simulated_run_takes_as_long_as_what_happens_in_it():
    happens = 603 * PER_CALL + 90 * PER_NOTIFICATION + 6 * 60 * PER_NODE_SECOND
    assert simulated_time(SCENARIO) == SIMULATED_AROUND + happens


@pytest.mark.parametrize(
    "change",
    [
        {"gateway": CommandGateway(("nginx",))},
        {"providers": [MockProvider("a"), RealProvider("b", url="http://127.0.0.1:1")]},
    ],
)
def test_what_cannot_be_simulated_takes_no_time_there(change):
    assert simulated_time(msgspec.structs.replace(SCENARIO, **change)) is None
