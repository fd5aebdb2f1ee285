"""Workloads over WebSockets against Battle's own provider, in both worlds: all heads are heard, all answers right."""

from itertools import pairwise

import msgspec
import pytest

from battle.actors.chain.invented_transactions import TRANSFER
from battle.actors.roles import ApplyFault, RevertFault
from battle.actors.spec.faults.behaviour import Malformed, Reorg
from battle.actors.spec.faults.websocket import DropConnections, RefuseSubscriptions
from battle.actors.spec.workloads import LogFilter, Reconnect
from battle.actors.units import ms, seconds
from battle.store.events import AttemptServed, HeadPublished
from tests.actors.provider.stage import providing
from tests.actors.workload.ws.stage import (
    CHAIN,
    play,
    requests,
    subscribe,
)
from tests.actors.worlds import simulated

pytestmark = pytest.mark.alone  # its live tests measure how late they are

QUICK = Reconnect(first_pause=ms(20), max_pause=ms(100))


def against_provider(world, spec, *, during=None, seed=0, **options):
    async def main(stage):
        async with providing(stage, chain=CHAIN, **options) as provider:
            if during is not None:
                stage.nursery.start_soon(during, stage, provider)
            return await play(stage, spec, provider.address), list(provider.log)

    return world(main, seed)


def published(provider):
    return [event.number for event in provider if isinstance(event, HeadPublished)]


def test_all_heads_are_heard(either_world):
    spec = subscribe(5, subscriptions=2, duration=seconds(1), timeout=seconds(2))
    log, provider = against_provider(either_world, spec)
    assert {one.answer for one in log.news} == {"right"}
    came = {}
    for one in log.news:
        came.setdefault((one.connection, one.subscription), []).append(one.number)
    assert len(came) == 10
    heights = published(provider)
    for numbers in came.values():
        assert numbers == [height for height in heights if height >= numbers[0]][: len(numbers)]
        assert len(numbers) >= len(heights) - 2
    assert [one.change for one in log.changes].count("unsubscribed") == 10


def test_all_kinds_are_right(either_world):
    kinds = ("newHeads", "logs", LogFilter(topics=(TRANSFER,)), "newPendingTransactions")
    spec = subscribe(2, subscriptions=4, kinds=kinds, duration=seconds(2), timeout=seconds(2))
    log, _ = against_provider(either_world, spec)
    assert {(one.kind, one.answer) for one in log.news} == {
        ("newHeads", "right"),
        ("logs", "right"),
        ("newPendingTransactions", "right"),
    }


def test_all_answers_are_right(either_world):
    mix = {"eth_getBalance": 1, "eth_blockNumber": 1, "eth_getLogs": 1, "eth_getBlockByNumber": 1}
    spec = requests(mix, rate=200, connections=4, timeout=seconds(2))
    log, provider = against_provider(either_world, spec, latency=ms(5))
    assert log.endings() == [("ok", "right", None)] * 100
    attempts = [event for event in provider if isinstance(event, AttemptServed)]
    assert sorted(str(one.request_id) for one in attempts) == sorted(one.request_id for one in log.requests)
    assert {one.transport for one in attempts} == {"ws"}


def test_clients_that_a_provider_drops_come_back(either_world):
    async def drop(stage, provider):
        await stage.sleep(ms(400))
        provider.tell(ApplyFault("f1", DropConnections("a", close_code=1012)))
        await stage.sleep(ms(1))
        provider.tell(RevertFault("f1"))

    spec = subscribe(5, duration=seconds(1), timeout=seconds(2), reconnect=QUICK)
    log, _ = against_provider(either_world, spec, during=drop)
    closed = [one.close_code for one in log.changes if one.change == "closed"]
    assert closed.count(1012) >= 5
    assert closed[-5:] == [1000] * 5
    last = {one.connection: one.number for one in log.news}
    assert len({name.split(".")[0] for name in last}) == 5
    assert {one.answer for one in log.news} == {"right"}


def test_a_provider_that_refuses_subscriptions_is_asked_again(either_world):
    async def refuse(stage, provider):
        provider.tell(ApplyFault("f1", RefuseSubscriptions("a")))
        await stage.sleep(ms(300))
        provider.tell(RevertFault("f1"))

    log, _ = against_provider(either_world, subscribe(reconnect=QUICK, timeout=seconds(2)), during=refuse)
    changes = [one.change for one in log.changes]
    assert changes[0] == "connected"
    assert changes.count("rejected") >= 2
    assert changes[-3:] == ["subscribed", "unsubscribed", "closed"]


def test_a_reorg_is_heard_as_stale_and_its_end_as_right():
    async def reorganise(stage, provider):
        await stage.sleep(ms(450))
        provider.tell(ApplyFault("f1", Reorg("a", depth=3)))
        await stage.sleep(ms(200))
        provider.tell(RevertFault("f1"))

    log, _ = against_provider(simulated, subscribe(duration=seconds(1)), during=reorganise)
    told = [(one.number, one.answer) for one in log.news]
    assert told == [
        *((height, "right") for height in range(501, 505)),
        *((height, "stale") for height in (502, 503, 504, 505, 506)),
        *((height, "right") for height in range(502, 511)),
    ]
    stale = [one for one in log.news if one.answer == "stale"]
    assert all(after.parent_hash == before.hash for before, after in pairwise(stale))


def test_malformed_answers_are_told_apart(either_world):
    async def spoil(stage, provider):
        provider.tell(
            ApplyFault(
                "f1", Malformed("a", ratio=1.0, forms=("invalid_json", "empty_body", "html_error_page"))
            )
        )
        await stage.sleep(0)

    log, _ = against_provider(either_world, requests(rate=40, timeout=seconds(2)), during=spoil)
    assert set(log.endings()[5:]) == {("error", "wrong", "not_json_rpc")}


def test_the_same_seed_gives_the_same_log():
    async def drop(stage, provider):
        await stage.sleep(ms(400))
        provider.tell(ApplyFault("f1", DropConnections("a")))
        await stage.sleep(ms(50))
        provider.tell(RevertFault("f1"))

    def logs(seed):
        spec = subscribe(30, connect_over=ms(200), duration=seconds(1), reconnect=QUICK)
        log, provider = against_provider(simulated, spec, during=drop, seed=seed)
        return msgspec.json.encode([log.events, provider])

    assert logs(1) == logs(1)
