"""An upstream goes silent: its connection stays open and answers pings and calls, but no head comes any more.

Nothing fails, so nobody who waits for a failure will notice. A gateway has to know how often heads are due.
`silent_stall:short` takes 15 seconds.
"""

from battle import (
    Chain,
    EmbeddedGateway,
    MockProvider,
    Scenario,
    SilentStall,
    Slo,
    WsRequests,
    WsSubscribe,
    ms,
    seconds,
)


def silent_stall(stall: SilentStall, *, duration: int, tag: str, failover: bool = True) -> Scenario:
    """The battle with the given stall; with `failover` off, to see that it can be lost."""
    return Scenario(
        "Silent stall",
        proves="a stream that just stops is noticed within a few blocks, and what it withheld is delivered",
        providers=[
            MockProvider("a", latency=ms(10)),
            MockProvider("b", latency=ms(20)),
            MockProvider("c", latency=ms(30)),
        ],
        gateway=EmbeddedGateway(strategy="priority", failover=failover),
        workloads=[
            WsSubscribe(connections=20, duration=duration, name="heads"),
            WsRequests("eth_getBalance", rate=20, connections=4, duration=duration, name="calls"),
        ],
        chain=Chain(block_time=seconds(1)),
        chaos=[stall],
        # Three blocks that did not come are a stall; the fourth is on its way while the gateway fills the gap.
        slo=Slo(max_missed_heads=0, max_duplicate_heads=0, max_silence_ms=5000, max_wrong_answers=0),
        workload_slos={"calls": Slo(success_rate=0.99, p95_latency_ms=200)},
        tags=(tag,),
    )


scenario = silent_stall(
    SilentStall("a", at=seconds(8), duration=seconds(12)), duration=seconds(30), tag="slow"
)
short = silent_stall(SilentStall("a", at=seconds(3), duration=seconds(7)), duration=seconds(15), tag="fast")
