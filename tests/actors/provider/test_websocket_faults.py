"""What faults do to a provider's WebSocket connections, its heads and its logs."""

from itertools import pairwise

import pytest

from battle.actors.roles import ApplyFault, NodeFault, RevertFault
from battle.actors.spec.faults.behaviour import Reorg, StaleHead
from battle.actors.spec.faults.websocket import (
    DropConnections,
    DuplicateHeads,
    IgnorePings,
    MissHeads,
    RefuseSubscriptions,
    ReorderHeads,
    SilentStall,
)
from battle.actors.units import ms, seconds
from battle.store.events import AttemptServed, HeadPublished, SubscriptionChanged
from tests.actors.provider.websocket_stage import MODEL, QUICK, acted, apply, client_of, of, talk
from tests.actors.worlds import simulated


@pytest.mark.parametrize(("code", "seen", "action"), [(1012, 1012, "closed"), (None, 1006, "reset")])
def test_connections_are_dropped_and_new_ones_at_their_first_subscription(either_world, code, seen, action):
    async def script(stage, provider, client):
        await client.subscribe()
        apply(provider, DropConnections("a", close_code=code))
        first = await client.ended()
        async with client_of(stage, provider) as other:
            await other.ask("eth_chainId")
            other.post("eth_subscribe", "newHeads")
            second = await other.ended()
        provider.tell(RevertFault("f1"))
        await stage.sleep(ms(5))
        async with client_of(stage, provider) as third:
            subscription = await third.subscribe()
            await third.heads(subscription, 1)
        changes = of(provider, SubscriptionChanged)
        closed = [one.fault_id for one in changes if one.change == "closed"]
        subscribed = [one.change for one in changes].count("subscribed")
        return first.code, second.code, closed[:2], subscribed, acted(provider)

    assert talk(either_world, script) == (seen, seen, ["f1", "f1"], 2, [("f1", action)] * 2)


def test_a_stalled_provider_answers_and_tells_nothing(either_world):
    async def script(stage, provider, client):
        subscription = await client.subscribe()
        await client.heads(subscription, 1)
        apply(provider, SilentStall("a"))
        await stage.sleep(ms(5))
        notified = len(client.notified(subscription))
        await stage.sleep(3 * QUICK.block_time)
        silent = len(client.notified(subscription)) == notified
        alive = (await client.ask("eth_chainId"))["result"]
        provider.tell(RevertFault("f1"))
        await client.heads(subscription, notified + 1)
        return silent, alive, acted(provider)

    assert talk(either_world, script) == (True, "0x1", [("f1", "silenced")])


def heads_under(fault, blocks=40):
    async def script(stage, provider, client):
        subscription = await client.subscribe()
        apply(provider, fault)
        await stage.sleep(blocks * QUICK.block_time)
        provider.tell(RevertFault("f1"))
        await stage.sleep(3 * QUICK.block_time + ms(1))
        return client.numbers(subscription), acted(provider), of(provider, HeadPublished)

    return talk(simulated, script)


def test_missed_heads_are_never_published():
    numbers, actions, published = heads_under(MissHeads("a", ratio=0.5))
    missing = set(range(numbers[0], numbers[-1] + 1)) - set(numbers)
    assert 5 < len(missing) < 35
    assert len([one for one in actions if one == ("f1", "missed")]) >= len(missing)
    assert sorted(numbers) == numbers
    assert numbers == [event.number for event in published]


def test_duplicated_heads_come_twice():
    numbers, actions, published = heads_under(DuplicateHeads("a", ratio=0.5))
    twice = len(numbers) - len(set(numbers))
    assert 5 < twice < 35
    assert actions == [("f1", "duplicated")] * twice
    assert sorted(numbers) == numbers
    assert sum(event.fault_id == "f1" for event in published) == twice


def test_reordered_heads_come_after_the_next_and_none_is_lost():
    numbers, actions, _ = heads_under(ReorderHeads("a", ratio=0.5))
    assert numbers != sorted(numbers)
    assert sorted(numbers) == list(range(min(numbers), max(numbers) + 1))
    assert set(actions) == {("f1", "reordered")}


def test_subscriptions_are_refused(either_world):
    async def script(stage, provider, client):
        apply(provider, RefuseSubscriptions("a", rpc_code=-32601))
        await stage.sleep(ms(5))
        refused = await client.ask("eth_subscribe", "newHeads")
        provider.tell(RevertFault("f1"))
        await stage.sleep(ms(5))
        after = await client.subscribe()
        rejected = [one.fault_id for one in of(provider, SubscriptionChanged) if one.change == "rejected"]
        attempts = [it.fault_id for it in of(provider, AttemptServed)]
        return refused["error"]["code"], after[:2], rejected, acted(provider), attempts

    assert talk(either_world, script) == (-32601, "0x", ["f1"], [("f1", "refused")], ["f1", None])


def test_pings_are_ignored_and_answered_again(either_world):
    async def script(stage, provider, client):
        apply(provider, IgnorePings("a"))
        await stage.sleep(ms(5))
        client.websocket.ping(b"1")
        await stage.sleep(ms(30))
        during = list(client.pongs)
        provider.tell(RevertFault("f1"))
        await stage.sleep(ms(5))
        client.websocket.ping(b"2")
        await client.until(lambda: client.pongs)
        return during, client.pongs, acted(provider)

    assert talk(either_world, script) == ([], [b"2"], [("f1", "ignored")])


def test_a_fault_that_met_nobody_leaves_no_trace():
    async def script(stage, provider, client):
        faults: list[NodeFault] = [
            SilentStall("a"),
            MissHeads("a", ratio=1.0),
            IgnorePings("a"),
            StaleHead("a"),
        ]
        for number, fault in enumerate(faults):
            provider.tell(ApplyFault(f"f{number}", fault))
        await stage.sleep(seconds(1))
        return acted(provider)

    assert talk(simulated, script) == []


def test_a_stale_provider_publishes_late_and_catches_up():
    async def script(stage, provider, client):
        subscription = await client.subscribe()
        await client.heads(subscription, 2)
        apply(provider, StaleHead("a", blocks=5))
        await stage.sleep(3 * QUICK.block_time)
        held = len(client.notified(subscription))
        await stage.sleep(7 * QUICK.block_time + ms(1))
        behind = MODEL.head_at(stage.now_ns()) - client.numbers(subscription)[-1]
        provider.tell(RevertFault("f1"))
        await stage.sleep(2 * QUICK.block_time)
        return held, behind, client.numbers(subscription), acted(provider)

    held, behind, numbers, actions = talk(simulated, script)
    assert (held, behind) == (2, 5)
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert actions == [("f1", "delayed")]


def test_a_reorg_tells_the_new_heads_and_takes_logs_back():
    async def script(stage, provider, client):
        heads, logs = await client.subscribe(), await client.subscribe("logs")
        await client.heads(heads, 5)
        apply(provider, Reorg("a", depth=3))
        await client.heads(heads, 10)
        return client.notified(heads), client.notified(logs), acted(provider)

    heads, logs, actions = talk(simulated, script)
    numbers = [int(head["number"], 16) for head in heads]
    assert numbers[5:8] == numbers[2:5]
    assert heads[5]["parentHash"] == heads[1]["hash"]
    assert {head["hash"] for head in heads[5:8]}.isdisjoint({head["hash"] for head in heads[:5]})
    assert all(child["parentHash"] == parent["hash"] for parent, child in pairwise(heads[5:]))
    removed = [log for log in logs if log["removed"]]
    assert {log["blockHash"] for log in removed} <= {head["hash"] for head in heads[2:5]}
    assert set(actions) == {("f1", "reorganised")}


def test_the_same_seed_tells_the_same_story():
    def story():
        return heads_under(MissHeads("a", ratio=0.3))

    assert story() == story()
