"""All providers die at once and return together, while clients keep asking and come in crowds.

Nobody can answer during the outage; what counts is what comes after. The gateway must not multiply the load while it
waits, must be back soon after the first provider is, and must bear that the favourite falls over under the herd.
`thundering_herd:short` takes 30 seconds.
"""

from battle import (
    Breaker,
    EmbeddedGateway,
    Healing,
    HttpBurst,
    HttpConstant,
    Kill,
    MockProvider,
    Scenario,
    Slo,
    ms,
    seconds,
)


def thundering_herd(
    outage: Kill,
    death: Kill,
    *,
    size: int,
    every: int,
    duration: int,
    calm: int,
    success_rate: float,
    tag: str,
    failover: bool = True,
) -> Scenario:
    """The battle with an outage of all, and a death under the herd; with `failover` off, to see that it can be lost.

    A herd of `size` comes `every` so often. The SLO `success_rate` is about the steady load, which must be what it
    was in the second half of the `calm` at the end: an outage that retries keep alive is not over.
    """
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
            HttpConstant("eth_getBalance", rate=50, duration=duration, name="steady"),
            HttpBurst("eth_blockNumber", size=size, every=every, duration=duration, name="herd"),
        ],
        chaos=[outage, death],
        slo=Slo(max_attempts_per_request=3, min_failovers=1, min_breaker_changes=2, max_wrong_answers=0),
        workload_slos={
            "steady": Slo(success_rate=success_rate, p50_latency_ms=100),
            "herd": Slo(success_rate=0.99, p95_latency_ms=2000),
        },
        healing=Healing(
            duration=calm, within=calm // 2, p95_slack=ms(100), min_requests=50, workload="steady"
        ),
        tags=(tag,),
    )


# The two seconds of the outage are lost to everybody; starting again and the breakers may cost twice as much more.
scenario = thundering_herd(
    Kill("*", at=seconds(8), down=seconds(2)),
    Kill("a", at=seconds(26), down=seconds(8)),
    size=80,
    every=seconds(13),
    duration=seconds(40),
    calm=seconds(6),
    success_rate=0.85,
    tag="slow",
)
short = thundering_herd(
    Kill("*", at=seconds(2), down=seconds(2)),
    Kill("a", at=seconds(24), down=seconds(2)),
    size=50,
    every=seconds(12),  # a busy machine takes seconds to start three processes, and the herd is to find them
    duration=seconds(30),
    calm=seconds(4),
    success_rate=0.7,
    tag="fast",
)
