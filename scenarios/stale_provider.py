"""The favourite provider falls behind the chain: alive, quick, well-formed, and ten blocks old.

Its answers and its heads are true, only not any more. A gateway that compares what providers report with the time
that passes sends its subscribers elsewhere; `stale_provider:short` takes 18 seconds.

`stale_provider:reads` asks the same of answers over HTTP. The embedded gateway loses that battle: it cannot know
how high a provider's chain is, so it passes old answers on. That variant carries no tag, and belongs to no suite.
"""

from battle import (
    Chain,
    EmbeddedGateway,
    HttpConstant,
    MockProvider,
    Scenario,
    Slo,
    StaleHead,
    WsSubscribe,
    ms,
    seconds,
)

LOAD = seconds(35)
STALE = StaleHead("a", at=seconds(8), duration=seconds(15), blocks=10)
HEADS = Slo(max_missed_heads=0, max_duplicate_heads=0, max_silence_ms=5000, max_wrong_answers=0)
"""Three blocks that did not come are a stall; the fourth is on its way while the gateway fills the gap."""

PROVES = "subscribers are not held back by a provider that falls behind the chain"


def stale_provider(
    load: HttpConstant | WsSubscribe,
    slo: Slo,
    *,
    proves: str,
    stale: StaleHead = STALE,
    tags: tuple[str, ...] = (),
    failover: bool = True,
) -> Scenario:
    """The battle under the given load; with `failover` off, to see that it can be lost."""
    return Scenario(
        "Stale provider",
        proves=proves,
        providers=[
            MockProvider("a", latency=ms(10)),
            MockProvider("b", latency=ms(20)),
            MockProvider("c", latency=ms(30)),
        ],
        gateway=EmbeddedGateway(strategy="priority", failover=failover),
        workloads=[load],
        chain=Chain(block_time=seconds(1)),
        chaos=[stale],
        slo=slo,
        tags=tags,
    )


scenario = stale_provider(
    WsSubscribe(connections=20, duration=LOAD, name="heads"), HEADS, proves=PROVES, tags=("slow",)
)
short = stale_provider(
    WsSubscribe(connections=20, duration=seconds(18), name="heads"),
    HEADS,
    proves=PROVES,
    stale=StaleHead("a", at=seconds(4), duration=seconds(8), blocks=10),
    tags=("fast",),
)
reads = stale_provider(
    HttpConstant({"eth_blockNumber": 1, "eth_getBalance": 2}, rate=30, duration=LOAD, name="reads"),
    Slo(success_rate=0.99, max_stale_answers=10, max_wrong_answers=0),
    proves="readers get no old answers from a provider that falls behind the chain",
)
