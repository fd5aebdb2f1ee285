"""An upstream dies in mid-stream under 50 subscribers, who must get every head, once and in order, all the same.

Subscriptions die with their connection and nothing replays what was published meanwhile: the gateway has to subscribe
elsewhere, fetch the gap over HTTP, and drop what it has delivered already. In `ws_continuity:dropped` upstreams live
on and close their connections, one politely and one not; `ws_continuity:short` takes eight seconds.
"""

from battle import (
    Chain,
    DropConnections,
    EmbeddedGateway,
    Kill,
    LogFilter,
    MockProvider,
    Scenario,
    Sequence,
    Slo,
    WsSubscribe,
    ms,
    seconds,
)


def ws_continuity(
    outage: Kill | Sequence, *, duration: int = seconds(30), tag: str = "slow", failover: bool = True
) -> Scenario:
    """The battle with the given outage; with `failover` off, to see that it can be lost."""
    return Scenario(
        "WebSocket continuity",
        proves="an upstream can go away in mid-stream, and no subscriber misses a head or sees one twice",
        providers=[
            MockProvider("a", latency=ms(10)),
            # So far away that a block comes while the gateway subscribes there: there is always a gap to fill.
            MockProvider("b", latency=ms(600)),
            MockProvider("c", latency=ms(600)),
        ],
        gateway=EmbeddedGateway(strategy="priority", failover=failover),
        workloads=[
            WsSubscribe(connections=50, duration=duration, name="heads"),
            WsSubscribe(connections=5, kinds=(LogFilter(),), duration=duration, name="logs"),
        ],
        chain=Chain(block_time=ms(500)),
        chaos=[outage],
        slo=Slo(
            max_missed_heads=0,
            max_duplicate_heads=0,
            max_silence_ms=3000,
            max_head_delay_ms=2000,
            max_wrong_answers=0,
        ),
        tags=(tag,),
    )


scenario = ws_continuity(Kill("a", at=seconds(10.2), down=seconds(8)))
dropped = ws_continuity(
    Sequence(
        (
            DropConnections("a", at=seconds(8.2), duration=seconds(3), close_code=1012),
            DropConnections("b", duration=seconds(3)),
        ),
        pause=seconds(5),
    )
)
short = ws_continuity(Kill("a", at=seconds(3.2), down=seconds(2)), duration=seconds(8), tag="fast")
