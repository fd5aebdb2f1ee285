"""Short battles for gateways of others, which tell one that fails over from one that does not."""

from battle import (
    Chain,
    EmbeddedGateway,
    HttpConstant,
    Kill,
    MockProvider,
    Scenario,
    Slo,
    WsRequests,
    WsSubscribe,
    ms,
    seconds,
)

CALLS = HttpConstant({"eth_blockNumber": 1, "eth_getBalance": 1}, rate=50, duration=seconds(6), name="calls")
ENDS_FIRST = seconds(2)
"""Of all WebSockets, which a proxy passes through as tunnels: before anything dies, so that none is cut off."""


PROVIDERS = (MockProvider("a", latency=ms(10)), MockProvider("b", latency=ms(20)))
KILL = Kill("a", at=seconds(2.5), down=seconds(2))
SOUND = Slo(success_rate=0.99, max_wrong_answers=0)


def scenario(name: str, *more: WsRequests | WsSubscribe) -> Scenario:
    """One provider of two is away for a third of the time."""
    return Scenario(
        name,
        providers=PROVIDERS,
        gateway=EmbeddedGateway(strategy="round_robin"),
        workloads=[CALLS, *more],
        chain=Chain(block_time=ms(500)),
        chaos=[KILL],
        slo=[
            SOUND,
            *([Slo(max_missed_heads=0, max_duplicate_heads=0)] if more else []),
        ],
    )


both = scenario(
    "HTTP and WebSockets",
    WsRequests("eth_blockNumber", rate=10, connections=2, duration=ENDS_FIRST, name="tickers"),
    WsSubscribe(connections=4, duration=ENDS_FIRST, name="heads"),
)
http = scenario("HTTP")
outvoted = Scenario(
    "One of three",
    providers=[*PROVIDERS, MockProvider("c", latency=ms(30))],
    gateway=EmbeddedGateway(strategy="round_robin"),
    workloads=[HttpConstant("eth_getCode", rate=50, duration=seconds(6))],
    chaos=[KILL],
    slo=SOUND,
)
