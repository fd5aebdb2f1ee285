"""Samples once a second, and the choice of what is kept."""

import pytest

from actors.collector.sampler import sample_system
from actors.collector.selection import COLLECTED, selected
from actors.units import seconds
from actors.world.seam import Usage
from store.events import ActorChanged, BreakerRejected, RunChanged, SystemSampled
from tests.actors.worlds import live, simulated


def test_a_node_is_sampled_every_second():
    async def main(stage):
        stage.nursery.start_soon(sample_system, stage.client)
        await stage.sleep(seconds(3.5))
        return stage.client.log

    log = simulated(main)
    assert [event.at_ns for event in log] == [seconds(1), seconds(2), seconds(3)]
    assert {event.node for event in log} == {"client"}
    assert all(event.rss_bytes is None and event.loop_lag_ns is None for event in log)


def test_another_node_is_sampled_while_it_runs():
    readings = iter([Usage(1, 2, pid=7, rss_bytes=10), None, Usage(1, 2, pid=7, rss_bytes=20)])

    async def main(stage):
        stage.nursery.start_soon(sample_system, stage.client, "gateway", lambda: next(readings))
        await stage.sleep(seconds(3.5))
        return stage.client.log

    assert [(event.node, event.rss_bytes, event.loop_lag_ns) for event in simulated(main)] == [
        ("gateway", 10, None),
        ("gateway", 20, None),
    ]


@pytest.mark.live
def test_a_live_node_knows_its_memory_and_descriptors():
    async def main(stage):
        return stage.client.usage()

    usage = live(main)
    assert usage.rss_bytes > 10_000_000
    assert usage.open_fds > 3
    assert usage.tasks > 0
    assert usage.cpu_percent >= 0


EVENTS = [
    SystemSampled(at_ns=1, node="a", tasks=1, open_fds=1),
    BreakerRejected(at_ns=1, provider="a", transport="http"),
    RunChanged(at_ns=1, phase="started"),
    ActorChanged(at_ns=1, actor="a", node="a", change="started", incarnation=1),
]


@pytest.mark.parametrize(
    ("collect", "kept"),
    [
        (COLLECTED, [0, 1, 2, 3]),
        (("requests", "circuit_breaker"), [1, 2, 3]),
        (("system",), [0, 2, 3]),
        ((), [2, 3]),
    ],
)
def test_only_what_is_collected_is_kept_and_what_the_verdict_needs_always(collect, kept):
    log = []
    chosen = selected(_Log(log), collect)
    for event in EVENTS:
        chosen.append(event)
    assert log == [EVENTS[number] for number in kept]


class _Log:
    def __init__(self, events):
        self.append = events.append
