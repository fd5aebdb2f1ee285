"""Half an hour of everything that goes wrong on ordinary days, at random and by the clock.

Made for the simulated world, where it takes well under half a minute: `battle run long_soak --world simulated`. What
heaps up slowly shows here and nowhere else: connections, tasks, memory, breakers that never close again.

`long_soak:short` is each of the faults once, in 50 seconds: it shows whether the battle can be fought at all.
"""

from battle import (
    Breaker,
    Chain,
    ChaosEntry,
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

ANY_DAY: list[ChaosEntry] = [
    # Each longer than a breaker stays open: it cannot pass while nobody asks.
    Randomly(Kill("a", at=seconds(20), down=seconds(12)), mtbf=minutes(4)),
    Every(Degrade("a", at=minutes(5), duration=seconds(30), added_latency=ms(200)), period=minutes(9)),
    Randomly(ErrorRate("b", at=seconds(40), duration=seconds(30), ratio=0.5), mtbf=minutes(4)),
    Every(Partition("b", at=minutes(3), duration=seconds(15)), period=minutes(7)),
    Randomly(RateLimit("c", at=seconds(60), duration=seconds(30), limit_per_s=1), mtbf=minutes(5)),
    Every(Hang("c", at=minutes(4), duration=seconds(15)), period=minutes(8)),
    Randomly(Malformed("d", at=seconds(80), duration=seconds(30), ratio=0.7), mtbf=minutes(6)),
    Every(Pause("d", at=minutes(6), duration=seconds(10)), period=minutes(10)),
]

ONE_OF_EACH: list[ChaosEntry] = [
    Kill("a", at=seconds(3), down=seconds(4)),
    ErrorRate("b", at=seconds(8), duration=seconds(5), ratio=0.5),
    RateLimit("c", at=seconds(14), duration=seconds(5), limit_per_s=1),
    Malformed("d", at=seconds(20), duration=seconds(5), ratio=0.7),
    Degrade("a", at=seconds(26), duration=seconds(4), added_latency=ms(200)),
    Partition("b", at=seconds(31), duration=seconds(4)),
    Hang("c", at=seconds(36), duration=seconds(4)),
    Pause("d", at=seconds(41), duration=seconds(4)),
]


def long_soak(
    faults: list[ChaosEntry],
    *,
    proves: str,
    duration: int,
    busy: float,
    open_for: int,
    p95_ms: float,
    tag: str,
    failover: bool = True,
) -> Scenario:
    """The battle with these faults and `busy` times the load of a quiet day; with `failover` off it can be lost."""
    return Scenario(
        "Long soak",
        proves=proves,
        providers=[
            MockProvider("a", latency=ms(20)),
            MockProvider("b", latency=ms(30)),
            MockProvider("c", latency=ms(40)),
            MockProvider("d", latency=ms(50)),
        ],
        # In turn: so every provider has traffic, and every fault somebody to notice it.
        gateway=EmbeddedGateway(
            strategy="round_robin",
            retry=Retry(attempt_timeout=ms(500)),
            breaker=Breaker(open_for=open_for),
            failover=failover,
        ),
        workloads=[
            HttpPoisson(
                {"eth_getBalance": 6, "eth_call": 4, "eth_getLogs": 1},
                rate=5.5 * busy,
                duration=duration,
                name="reads",
            ),
            HttpConstant("eth_sendRawTransaction", rate=0.5 * busy, duration=duration, name="senders"),
            WsRequests("eth_blockNumber", rate=busy, connections=2, duration=duration, name="tickers"),
            WsSubscribe(connections=4, duration=duration, name="heads"),
        ],
        chain=Chain(block_time=seconds(2)),
        chaos=faults,
        slo=Slo(
            max_failover_latency_ms=1500,
            min_failovers=50,
            min_breaker_changes=10,
            max_attempts_per_request=3,
            max_missed_heads=0,
            max_duplicate_heads=0,
            max_wrong_answers=0,
        ),
        workload_slos={
            "reads": Slo(success_rate=0.999, p95_latency_ms=p95_ms),
            # A gateway that sends a transaction once, to one provider, loses those that a fault hits.
            "senders": Slo(success_rate=0.9),
            "heads": Slo(max_silence_ms=20_000),
            "tickers": Slo(success_rate=0.999, p95_latency_ms=p95_ms),
        },
        tags=(tag,),
    )


scenario = long_soak(
    ANY_DAY,
    proves="after half an hour of faults of every kind the gateway is as good as at the start",
    duration=minutes(30),
    busy=1,
    open_for=seconds(5),
    p95_ms=150,
    tag="soak",
)
short = long_soak(
    ONE_OF_EACH,
    proves="each kind of fault of the long soak is survived, one after the other",
    duration=seconds(50),
    busy=4,
    open_for=seconds(1),
    p95_ms=400,  # for machines with other work to do: a generator may be late by a tenth of it
    tag="fast",
)
