"""Clients that read slowly, a whole battle in both worlds: they are slow, and nobody else is."""

from pathlib import Path

import pytest

from battle import (
    EmbeddedGateway,
    HttpConstant,
    MockProvider,
    Scenario,
    Slo,
    WsSubscribe,
    ms,
    run_scenario,
    seconds,
)
from battle.actors.spec.chain import Chain
from battle.actors.world.interfaces import WorldName
from tests.end_to_end.battles import ask

SPAN = seconds(4)

LATENCIES = """
    SELECT workload, max(ended_ns - scheduled_ns) / 1e6, count(*) FILTER (answer = 'right'), count(*)
    FROM requests GROUP BY workload
"""


def readers() -> Scenario:
    return Scenario(
        "Slow readers",
        chain=Chain(block_time=ms(400)),
        providers=[MockProvider("a"), MockProvider("b")],
        gateway=EmbeddedGateway(),
        workloads=[
            HttpConstant("eth_blockNumber", rate=20, duration=SPAN, name="quick"),
            HttpConstant("eth_getBlockByNumber", rate=3, duration=SPAN, name="slow", read_rate=4_000),
            WsSubscribe(
                connections=2, duration=SPAN, name="subscribers", read_rate=2_500, receive_buffer=2048
            ),
        ],
        slo=[Slo(success_rate=1.0), Slo(p95_latency_ms=200, workload="quick")],
        min_requests=20,
    )


@pytest.mark.parametrize("world", ["simulated", pytest.param("live", marks=pytest.mark.live)])
def test_slow_readers_are_slow_and_nobody_else_is(tmp_path: Path, world: WorldName) -> None:
    result = run_scenario(readers(), world=world, out=tmp_path)
    assert result.run_dir is not None
    assert result.report.verdict == "PASS", result.report.headline
    rows = ask(result.run_dir, LATENCIES)
    latencies = {workload: (most, right, of) for workload, most, right, of in rows}
    assert latencies["slow"][0] > 150
    assert all(right == of for _, right, of in latencies.values())
    (finding,) = [one for one in result.report.findings if one.checker == "slow_readers"]
    assert "workload slow reads at most 4,000 bytes per second" in finding.summary
    assert "workload subscribers reads at most 2,500 bytes per second" in finding.summary
