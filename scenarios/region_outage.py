"""A region goes dark: all providers of one group are cut off at the same moment, with connections open.

Packets just stop, as in a real partition: nothing is refused, so each attempt costs its whole time-out until the
gateway has noticed. Its SLOs any gateway can give whose attempts time out after two seconds or less: clients
lose nothing, few wait, and none for longer than two attempts. `region_outage:killed` is the kinder outage, in which
the region's providers die; `region_outage:short` takes 20 seconds.
"""

from battle import (
    EmbeddedGateway,
    HttpConstant,
    Kill,
    MockProvider,
    Partition,
    Retry,
    Scenario,
    Slo,
    ms,
    seconds,
)


def region_outage(
    outage: Kill | Partition, *, duration: int = seconds(35), tag: str = "slow", failover: bool = True
) -> Scenario:
    """The battle with the given outage of "group:near"; with `failover` off, to see that it can be lost."""
    return Scenario(
        "Region outage",
        proves="a whole region can go dark, and clients are served from the other one, most of them without a wait",
        providers=[
            MockProvider("near-1", latency=ms(10), groups=("near",)),
            MockProvider("near-2", latency=ms(15), groups=("near",)),
            MockProvider("far-1", latency=ms(80), groups=("far",)),
            MockProvider("far-2", latency=ms(90), groups=("far",)),
        ],
        gateway=EmbeddedGateway(
            strategy="priority",
            # Three attempts must be enough to leave the region, in less time than clients have patience.
            retry=Retry(max_attempts=3, attempt_timeout=ms(300)),
            failover=failover,
        ),
        workloads=[
            HttpConstant(
                {"eth_blockNumber": 1, "eth_getBalance": 2, "eth_call": 2},
                rate=60,
                duration=duration,
                name="reads",
            )
        ],
        chaos=[outage],
        slo=[
            Slo(success_rate=0.995, min_failovers=1, min_breaker_changes=4, max_wrong_answers=0),
            Slo(when="before", p95_latency_ms=400),
            # Two attempts of two seconds can be wasted, each at a provider that is cut off.
            Slo(when="during", p50_latency_ms=400, p99_latency_ms=4500),
            Slo(when="after", p95_latency_ms=400),
        ],
        tags=(tag,),
    )


scenario = region_outage(Partition("group:near", at=seconds(8), duration=seconds(10)))
killed = region_outage(Kill("group:near", at=seconds(8), down=seconds(10)))
short = region_outage(
    Partition("group:near", at=seconds(3), duration=seconds(10)), duration=seconds(20), tag="fast"
)
