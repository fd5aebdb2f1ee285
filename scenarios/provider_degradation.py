"""The fastest provider gets slower and less reliable by degrees, stays bad for a while, and recovers by degrees.

It never dies, so no health check notices. A good gateway sends less and less there, hides the errors, and comes back.
`provider_degradation:short` takes 20 seconds.
"""

from battle import (
    Breaker,
    Degrade,
    EmbeddedGateway,
    Healing,
    HttpConstant,
    MockProvider,
    Ramp,
    Scenario,
    Slo,
    ms,
    seconds,
)


def provider_degradation(
    decline: Ramp, *, duration: int, calm: int, tag: str, failover: bool = True
) -> Scenario:
    """The battle with the given decline of `a`; with `failover` off, to see that it can be lost.

    The decline is over when the `calm` at the end begins; half of that later all must be what it was before.
    """
    return Scenario(
        "Provider degradation",
        proves="a provider can get worse by degrees, and better again, without clients paying for it",
        providers=[
            MockProvider("a", latency=ms(20)),
            MockProvider("b", latency=ms(30)),
            MockProvider("c", latency=ms(40)),
        ],
        gateway=EmbeddedGateway(
            # Not "fastest": it would keep away from `a` after the first sign, and only the mildest step be felt.
            strategy="latency_weighted",
            latency_window=seconds(5),
            # Five failures in a row come by chance when every third answer is one, and an open breaker asks nobody.
            breaker=Breaker(failure_threshold=10, open_for=seconds(1)),
            failover=failover,
        ),
        workloads=[
            HttpConstant({"eth_getBalance": 2, "eth_call": 1}, rate=80, duration=duration, name="reads")
        ],
        chaos=[decline],
        slo=Slo(
            success_rate=0.999,
            p95_latency_ms=300,
            max_failover_latency_ms=1000,
            min_failovers=1,
            max_attempts_per_request=2,
            max_wrong_answers=0,
        ),
        healing=Healing(duration=calm, within=calm // 2, p95_slack=ms(100)),
        tags=(tag,),
    )


scenario = provider_degradation(
    Ramp(
        Degrade("a", at=seconds(4), duration=seconds(6), added_latency=ms(400), error_ratio=0.3),
        rise=seconds(10),
        fall=seconds(10),
        steps=5,
    ),
    duration=seconds(38),
    calm=seconds(8),
    tag="slow",
)
short = provider_degradation(
    Ramp(
        # A worse provider gets fewer requests: in fewer and milder steps each still has some to be noticed by.
        Degrade("a", at=seconds(2), duration=seconds(4), added_latency=ms(200), error_ratio=0.3),
        rise=seconds(5),
        fall=seconds(5),
        steps=2,
    ),
    duration=seconds(20),
    calm=seconds(4),
    tag="fast",
)
