"""Whole runs in which the chain of all providers halts and slows down, and one in which a provider is ahead of it."""

import pytest

from battle import (
    AheadHead,
    Chain,
    ChainHalt,
    EmbeddedGateway,
    HttpConstant,
    Kill,
    MockProvider,
    Scenario,
    Slo,
    SlowChain,
    WsSubscribe,
    ms,
    run_scenario,
    seconds,
)
from battle.scenario.validation import scenario_problems
from tests.end_to_end.battles import ask

LOAD = seconds(5)
EFFECTS = """
    SELECT fault_id, effect_observed FROM fault_windows WHERE kind IN ('chain_halt', 'slow_chain') ORDER BY ALL
"""
BLOCKS_UNDER = """
    SELECT kind, count(number)
    FROM fault_spans
    LEFT JOIN mined_blocks ON at_ns BETWEEN planned_ns AND planned_ns + 1_500_000_000
    WHERE target = 'b'
    GROUP BY kind
    ORDER BY kind
"""
HEADS_BEFORE_THEIR_BLOCK = """
    SELECT count(*) FROM heads JOIN mined_blocks USING (number) WHERE heads.at_ns < mined_blocks.at_ns
"""
ANSWERS_BEFORE_THEIR_BLOCK = """
    SELECT count(*) FROM requests ASOF JOIN mined_blocks ON ended_ns >= at_ns WHERE height > number
"""
METHODS = {"eth_blockNumber": 1, "eth_getBlockByNumber": 1, "eth_getBalance": 1}


def battle(*chaos, strategy="round_robin", **slo):
    return Scenario(
        "The chain has a pace of its own",
        providers=[MockProvider(name, latency=ms(5)) for name in ("a", "b")],
        gateway=EmbeddedGateway(strategy=strategy),
        chain=Chain(block_time=ms(200)),
        workloads=[
            HttpConstant(METHODS, rate=50, duration=LOAD, name="readers"),
            WsSubscribe(connections=3, duration=LOAD, name="heads"),
        ],
        chaos=chaos,
        slo=Slo(success_rate=0.99, max_wrong_answers=0, **slo),
    )


@pytest.mark.parametrize("world", ["simulated", pytest.param("live", marks=pytest.mark.live)])
def test_a_chain_that_halts_and_slows_down_is_nobody_s_fault(world, tmp_path):
    chaos = (
        ChainHalt(at=ms(500), duration=seconds(1.5)),
        SlowChain(at=seconds(2.5), duration=seconds(1.5), times=3),
        # What is started again while the chain stands still has to know that it does.
        Kill("a", at=ms(700), down=ms(500)),
    )
    scenario = battle(*chaos, max_stale_answers=0, max_missed_heads=0)
    result = run_scenario(scenario, world=world, out=tmp_path)
    assert result.report.verdict == "PASS", result.report.reasons
    assert {one.status for one in result.report.slos} == {"met"}
    assert ask(result.run_dir, EFFECTS) == [
        (f"{kind}-{name}.1", True) for kind in ("chain_halt", "slow_chain") for name in "ab"
    ]
    assert ask(result.run_dir, BLOCKS_UNDER) == [("chain_halt", 0), ("slow_chain", 2)]
    for too_early in (HEADS_BEFORE_THEIR_BLOCK, ANSWERS_BEFORE_THEIR_BLOCK):
        assert ask(result.run_dir, too_early) == [(0,)]


def test_a_provider_that_is_ahead_is_right_and_explains_that_heads_go_back(tmp_path):
    result = run_scenario(
        battle(AheadHead("a", at=seconds(1), duration=seconds(1), blocks=40)), world="simulated", out=tmp_path
    )
    assert result.report.verdict == "PASS", result.report.reasons
    ((regressed, unexplained),) = ask(
        result.run_dir, "SELECT count(*), count_if(fault_id IS NULL) FROM height_regressions"
    )
    assert (regressed > 100, unexplained) == (True, 0)
    after = (
        "SELECT count(*) FROM height_regressions JOIN fault_spans USING (fault_id) WHERE sent_ns > until_ns"
    )
    assert ask(result.run_dir, after)[0][0] > 50, "the chain takes eight seconds to get there"
    assert ask(result.run_dir, "SELECT min(delay_ns) >= 0 FROM head_arrivals") == [(True,)]


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        (ChainHalt("a"), "chain_halt: the chain is that of all providers, so its target is \"*\", not 'a'"),
        (SlowChain(times=1), "slow_chain: times must be from 2 to 1000, not 1"),
        (AheadHead("a", blocks=0), "ahead_head: blocks must be above 0, not 0"),
        (AheadHead("a", blocks=257), "ahead_head: blocks must be at most 256, not 257"),
    ],
)
def test_what_such_a_fault_cannot_be_is_said(fault, problem):
    assert list(scenario_problems(battle(fault))) == [problem]
