"""Half an hour of everything that goes wrong on ordinary days, at random and by the clock.

Made for the simulated world, where it takes well under half a minute: `battle run long_soak --world simulated`. What
heaps up slowly shows here and nowhere else: connections, tasks, memory, breakers that never close again.
"""

from battle import (
    Chain,
    Degrade,
    EmbeddedGateway,
    ErrorRate,
    Every,
    Hang,
    HttpConstant,
    HttpPoisson,
    Kill,
    Malformed,
    MockProvider,
    Partition,
    Pause,
    Randomly,
    RateLimit,
    Retry,
    Scenario,
    Slo,
    WsRequests,
    WsSubscribe,
    minutes,
    ms,
    seconds,
)

LOAD = minutes(30)


def long_soak(*, failover: bool = True) -> Scenario:
    """The battle; with `failover` off, to see that it can be lost."""
    return Scenario(
        "Long soak",
        proves="after half an hour of faults of every kind the gateway is as good as at the start",
        providers=[
            MockProvider("a", latency=ms(20)),
            MockProvider("b", latency=ms(30)),
            MockProvider("c", latency=ms(40)),
            MockProvider("d", latency=ms(50)),
        ],
        # In turn: so every provider has traffic, and every fault somebody to notice it.
        gateway=EmbeddedGateway(
            strategy="round_robin", retry=Retry(attempt_timeout=ms(500)), failover=failover
        ),
        workloads=[
            HttpPoisson({"eth_getBalance": 3, "eth_call": 2}, rate=5, duration=LOAD, name="reads"),
            HttpConstant(
                {"eth_getLogs": 1, "eth_sendRawTransaction": 1}, rate=1, duration=LOAD, name="others"
            ),
            WsRequests("eth_blockNumber", rate=1, connections=2, duration=LOAD, name="tickers"),
            WsSubscribe(connections=4, duration=LOAD, name="heads"),
        ],
        chain=Chain(block_time=seconds(2)),
        chaos=[
            # Each longer than a breaker stays open: it cannot pass while nobody asks.
            Randomly(Kill("a", at=seconds(20), down=seconds(12)), mtbf=minutes(4)),
            Every(
                Degrade("a", at=minutes(5), duration=seconds(30), added_latency=ms(200)), period=minutes(9)
            ),
            Randomly(ErrorRate("b", at=seconds(40), duration=seconds(30), ratio=0.5), mtbf=minutes(4)),
            Every(Partition("b", at=minutes(3), duration=seconds(15)), period=minutes(7)),
            Randomly(RateLimit("c", at=seconds(60), duration=seconds(30), limit_per_s=1), mtbf=minutes(5)),
            Every(Hang("c", at=minutes(4), duration=seconds(15)), period=minutes(8)),
            Randomly(Malformed("d", at=seconds(80), duration=seconds(30), ratio=0.7), mtbf=minutes(6)),
            Every(Pause("d", at=minutes(6), duration=seconds(10)), period=minutes(10)),
        ],
        slo=Slo(
            success_rate=0.999,
            p95_latency_ms=150,
            max_failover_latency_ms=1500,
            min_failovers=50,
            min_breaker_changes=10,
            max_attempts_per_request=3,
            max_missed_heads=0,
            max_duplicate_heads=0,
            max_wrong_answers=0,
        ),
        workload_slos={"heads": Slo(max_silence_ms=20_000), "tickers": Slo(success_rate=0.999)},
    )


scenario = long_soak()
