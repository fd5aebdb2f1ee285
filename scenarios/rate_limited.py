"""Two of three providers start to say "too many requests", each in its own way.

A provider that limits is well: it takes so much and no more. A gateway should send it that and the rest elsewhere,
without hammering it and without taking it for broken. `rate_limited:short` takes 16 seconds.
"""

from battle import EmbeddedGateway, HttpPoisson, MockProvider, RateLimit, Scenario, Slo, ms, seconds


def rate_limited(
    cheap: RateLimit, spare: RateLimit, *, duration: int, p95_ms: float, tag: str, failover: bool = True
) -> Scenario:
    """The battle with the given limits; with `failover` off, to see that it can be lost."""
    return Scenario(
        "Rate limited",
        proves='clients never hear "too many requests" while some provider still has room',
        providers=[
            MockProvider("cheap", latency=ms(20)),
            MockProvider("spare", latency=ms(40)),
            MockProvider("dear", latency=ms(60)),
        ],
        gateway=EmbeddedGateway(strategy="priority", failover=failover),
        workloads=[
            HttpPoisson({"eth_call": 2, "eth_getLogs": 1}, rate=60, duration=duration, name="reads"),
        ],
        chaos=[cheap, spare],
        slo=Slo(
            success_rate=0.999,
            p95_latency_ms=p95_ms,
            max_failover_latency_ms=500,
            min_failovers=10,
            max_attempts_per_request=2.5,
            max_wrong_answers=0,
        ),
        tags=(tag,),
    )


scenario = rate_limited(
    RateLimit("cheap", at=seconds(5), duration=seconds(18), limit_per_s=20, retry_after=seconds(1)),
    RateLimit("spare", at=seconds(10), duration=seconds(8), limit_per_s=10, style="rpc_limit"),
    duration=seconds(30),
    p95_ms=120,
    tag="slow",
)
short = rate_limited(
    RateLimit("cheap", at=seconds(3), duration=seconds(9), limit_per_s=20, retry_after=seconds(1)),
    RateLimit("spare", at=seconds(5), duration=seconds(5), limit_per_s=10, style="rpc_limit"),
    duration=seconds(16),
    p95_ms=300,  # for machines with other work to do: a generator may be late by a tenth of it
    tag="fast",
)
