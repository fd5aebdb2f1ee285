"""All providers die at once and return together, while clients keep asking and come in crowds.

Nobody can answer during the outage; what counts is what comes after. The gateway must not multiply the load while it
waits, must be back soon after the first provider is, and must bear that the favourite falls over under the herd.
"""

from battle import (
    Breaker,
    EmbeddedGateway,
    HttpBurst,
    HttpConstant,
    Kill,
    MockProvider,
    Scenario,
    Slo,
    ms,
    seconds,
)


def thundering_herd(*, failover: bool = True) -> Scenario:
    """The battle; with `failover` off, to see that it can be lost."""
    return Scenario(
        "Thundering herd",
        proves="after an outage of all providers the gateway is back at once, and has made the outage no worse",
        providers=[
            MockProvider("a", latency=ms(20)),
            MockProvider("b", latency=ms(30)),
            MockProvider("c", latency=ms(40)),
        ],
        gateway=EmbeddedGateway(
            # A breaker that stays open for long turns a short outage into a long one.
            strategy="priority",
            breaker=Breaker(open_for=seconds(1)),
            failover=failover,
        ),
        workloads=[
            HttpConstant("eth_getBalance", rate=50, duration=seconds(40), name="steady"),
            HttpBurst("eth_blockNumber", size=80, every=seconds(13), duration=seconds(40), name="herd"),
        ],
        chaos=[
            Kill("*", at=seconds(8), down=seconds(2)),
            Kill("a", at=seconds(26), down=seconds(8)),
        ],
        # 2 s of 40 are lost to everybody; starting again and the breakers may cost twice as much more.
        slo=Slo(max_attempts_per_request=3, min_failovers=1, min_breaker_changes=2, max_wrong_answers=0),
        workload_slos={
            "steady": Slo(success_rate=0.85, p50_latency_ms=100),
            "herd": Slo(success_rate=0.99, p95_latency_ms=2000),
        },
    )


scenario = thundering_herd()
