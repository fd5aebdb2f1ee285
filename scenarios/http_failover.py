"""The fastest provider dies and comes back, again and again, while requests keep arriving.

`http_failover` takes about 40 s in the live world; `http_failover:long` is the battle of three minutes, and
`http_failover:poisson` has arrivals as the real world has them: in clumps.
"""

from battle import (
    EmbeddedGateway,
    Flap,
    HttpConstant,
    HttpPoisson,
    MockProvider,
    Scenario,
    Slo,
    minutes,
    ms,
    seconds,
)


def http_failover(
    load: type[HttpConstant] | type[HttpPoisson],
    *,
    duration: int,
    down: int,
    up: int,
    tag: str,
    failover: bool = True,
) -> Scenario:
    """The battle under the given kind of load; `duration`, `down` and `up` are spans of time."""
    return Scenario(
        "HTTP failover under load",
        proves="the fastest provider can die and return under load, and clients hardly notice",
        providers=[MockProvider("a", latency=ms(50)), MockProvider("b", latency=ms(100))],
        gateway=EmbeddedGateway(
            strategy="fastest", seed_latencies={"a": ms(50), "b": ms(100)}, failover=failover
        ),
        workloads=[load("eth_blockNumber", rate=50, duration=duration)],
        chaos=[Flap("a", down=down, up=up)],
        collect={"requests", "circuit_breaker", "system"},
        slo=Slo(
            success_rate=0.99,
            p95_latency_ms=300,
            max_failover_latency_ms=2000,
            min_failovers=1,
            min_breaker_changes=2,
            max_wrong_answers=0,
        ),
        tags=(tag,),
    )


scenario = http_failover(HttpConstant, duration=seconds(38), down=seconds(5), up=seconds(10), tag="fast")
poisson = http_failover(HttpPoisson, duration=seconds(38), down=seconds(5), up=seconds(10), tag="slow")
long = http_failover(HttpConstant, duration=minutes(3), down=seconds(10), up=seconds(60), tag="slow")
