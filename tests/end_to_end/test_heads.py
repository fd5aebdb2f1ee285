"""Battles of subscribers: how late heads come by the chain's clock, and that a quiet chain is no broken gateway."""

from typing import Any

import pytest

from battle import (
    Chain,
    EmbeddedGateway,
    HttpConstant,
    LogFilter,
    MockProvider,
    Scenario,
    Slo,
    WsSubscribe,
    ms,
    seconds,
)
from battle.actors.spec.faults.behaviour import Reorg, StaleHead
from battle.actors.spec.faults.process import Kill, Pause
from battle.actors.spec.faults.transport import Latency, Partition
from battle.actors.spec.faults.websocket import (
    DropConnections,
    MissHeads,
    ReorderHeads,
    SilentStall,
)
from battle.api import run_scenario
from tests.end_to_end.battles import ask

AT: dict[str, Any] = {"at": seconds(3), "duration": seconds(3)}

FAULTS: dict[str, list[Any]] = {
    "pause": [Pause("a", at=seconds(3), duration=seconds(3))],
    "kill": [Kill("a", at=seconds(3), down=seconds(3))],
    "stale": [StaleHead("a", blocks=2, **AT)],
    "reorg": [Reorg("a", depth=3, **AT)],
    "reorg everywhere": [Reorg("a", depth=3, **AT), Reorg("b", depth=3, **AT)],
    "reordered": [ReorderHeads("a", ratio=0.5, **AT)],
    "missed": [MissHeads("a", ratio=0.5, **AT)],
    "stalled": [SilentStall("a", **AT)],
    "dropped": [DropConnections("a", at=seconds(3), duration=ms(500))],
    "slow": [Latency("a", delay=ms(300), **AT)],
    "clients cut off": [Partition("gateway", peer="heads", at=seconds(3), duration=seconds(2))],
}


def subscribers(*chaos, **changes):
    parts = {
        "providers": [MockProvider("a", latency=ms(5)), MockProvider("b", latency=ms(5))],
        "gateway": EmbeddedGateway(),
        "workloads": [WsSubscribe(name="heads", connections=3, duration=seconds(9), connect_over=ms(500))],
        "chain": Chain(block_time=seconds(1)),
        "chaos": [*chaos],
        "slo": Slo(max_wrong_answers=0),
    }
    return Scenario("Subscribers", **{**parts, **changes})


@pytest.mark.slow
@pytest.mark.parametrize("kind", FAULTS)
def test_no_head_is_earlier_than_its_block(tmp_path, kind):
    run = run_scenario(subscribers(*FAULTS[kind]), world="simulated", seed=3, out=tmp_path)
    ((least, most, arrivals),) = ask(
        run.run_dir, "SELECT min(delay_ns), max(delay_ns), count(*) FROM head_arrivals"
    )
    assert arrivals >= 18
    assert 0 <= least <= most < seconds(9)
    assert ask(run.run_dir, "SELECT count(*) FROM notifications WHERE answer = 'wrong'") == [(0,)]
    early = "SELECT count(*) FROM heads JOIN chain_heights USING (number) WHERE at_ns < produced_ns"
    assert ask(run.run_dir, early) == [(0,)]


@pytest.mark.slow
def test_a_head_filled_after_a_stall_is_as_late_as_it_is(tmp_path):
    """The provider says nothing for three blocks before the gateway leaves it and fetches what lies between."""
    run = run_scenario(subscribers(*FAULTS["stalled"]), world="simulated", seed=3, out=tmp_path)
    ((filled, latest),) = ask(
        run.run_dir,
        "SELECT count(*) FILTER (hash NOT IN (SELECT hash FROM heads)), max(delay_ns) FROM head_arrivals",
    )
    assert filled > 0
    assert latest > seconds(2)


@pytest.mark.live
def test_live_heads_are_never_early(tmp_path):
    battle = subscribers(
        Pause("a", at=seconds(1), duration=seconds(1)),
        workloads=[WsSubscribe(name="heads", connections=3, duration=seconds(3), connect_over=ms(100))],
        chain=Chain(block_time=ms(100)),
    )
    run = run_scenario(battle, world="live", seed=3, out=tmp_path)
    ((least, arrivals),) = ask(run.run_dir, "SELECT min(delay_ns), count(*) FROM head_arrivals")
    assert arrivals > 20
    assert least >= 0
    assert ask(run.run_dir, "SELECT count(*) FROM notifications WHERE answer = 'wrong'") == [(0,)]


QUIET: dict[str, list[dict[str, Any]]] = {
    "a chain that halts": [{"name": "heads"}],
    "logs of nobody": [{"name": "logs", "kinds": (LogFilter(address="0x" + "ab" * 20),)}],
    "both": [
        {"name": "mixed", "kinds": ("newHeads", LogFilter(address="0x" + "ab" * 20)), "subscriptions": 2}
    ],
    "transactions": [{"name": "pending", "kinds": ("newPendingTransactions",)}],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", QUIET)
def test_a_quiet_chain_is_no_broken_gateway(tmp_path, name):
    times: dict[str, Any] = {"connections": 3, "duration": seconds(9), "connect_over": ms(500)}
    battle = subscribers(
        Kill("a", at=seconds(3), down=seconds(3)),
        workloads=[
            HttpConstant("eth_blockNumber", rate=20, duration=seconds(9)),
            *(WsSubscribe(**one, **times) for one in QUIET[name]),
        ],
        chain=Chain(block_time=seconds(3600)),
        slo=Slo(max_wrong_answers=0, max_stale_answers=0, max_disconnects=0),
    )
    run = run_scenario(battle, world="simulated", seed=3, out=tmp_path)
    assert run.report.verdict == "PASS", run.report.reasons


@pytest.mark.slow
def test_logs_that_never_match_are_quiet_on_a_chain_that_goes_on(tmp_path):
    quiet = WsSubscribe(
        name="logs", kinds=(LogFilter(address="0x" + "ab" * 20),), connections=2, duration=seconds(9)
    )
    run = run_scenario(subscribers(workloads=[quiet]), world="simulated", seed=3, out=tmp_path)
    said = [one.summary for one in run.report.findings if one.checker == "websocket_continuity"]
    assert said == ["nothing was due to 2 subscriptions of logs"]


@pytest.mark.slow
def test_subscriptions_alone_to_a_quiet_chain_pass(tmp_path):
    battle = subscribers(
        chain=Chain(block_time=seconds(3600)),
        slo=Slo(max_wrong_answers=0, max_missed_heads=0, max_head_delay_ms=100, max_silence_ms=100),
    )
    run = run_scenario(battle, world="simulated", seed=3, out=tmp_path)
    assert run.report.verdict == "PASS", run.report.reasons


@pytest.mark.slow
def test_providers_that_all_stop_at_one_block_make_no_stale_answer(tmp_path):
    battle = subscribers(
        *(StaleHead(name, blocks=3, **AT) for name in "ab"),
        gateway=EmbeddedGateway(strategy="round_robin"),
        workloads=[HttpConstant("eth_blockNumber", rate=20, duration=seconds(9))],
        slo=Slo(max_wrong_answers=0, max_stale_answers=0),
    )
    run = run_scenario(battle, world="simulated", seed=3, out=tmp_path)
    assert ask(run.run_dir, "SELECT count(*) > 0 FROM requests WHERE answer = 'stale'") == [(True,)]
    assert run.report.verdict == "PASS", run.report.reasons
