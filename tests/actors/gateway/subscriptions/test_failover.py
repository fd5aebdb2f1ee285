"""Subscriptions outlive their upstreams: no head is missed or seen twice, and the log says what was filled."""

import pytest

from battle.actors.spec.continuity import Continuity
from battle.actors.spec.gateways import Breaker
from battle.actors.units import ms
from battle.store.events import GapFilled, SubscriptionChanged
from tests.actors.gateway.stage import simulated
from tests.actors.gateway.ws_stage import (
    ADDRESSES,
    BLOCK,
    START,
    breakers,
    chain_provider,
    gaps,
    life,
    unbroken,
    ws_client,
    ws_gateway,
)

pytestmark = pytest.mark.alone  # its live tests measure how late they are


async def two_providers(stage, a_traits=None, b_traits=None, **settings):
    a = await chain_provider(stage, "a", **(a_traits or {}))
    b = await chain_provider(stage, "b", **(b_traits or {}))
    gateway = await ws_gateway(stage, a, b, **settings)
    return a, b, await ws_client(stage, gateway), gateway


def test_an_upstream_that_dies_in_mid_stream_costs_nobody_a_head(either_world):
    async def main(stage):
        a, b, first, gateway = await two_providers(stage)
        clients = [first] + [await ws_client(stage, gateway) for _ in range(49)]
        names = [await client.subscribe("newHeads") for client in clients]
        await first.heads(names[0], 3)
        a.stop()
        got = [await client.heads(name, 8) for client, name in zip(clients, names, strict=True)]
        return got, gaps(stage.log), life(stage.log, "a"), b.upgrades, b.subscribed("newHeads")

    got, filled, life_of_a, upgrades, upstream = either_world(main)
    assert all(unbroken(numbers) for numbers in got)
    assert [it[:3] for it in filled] == [("newHeads", "failover", "nothing_missing")]
    assert life_of_a == [("connected", None), ("subscribed", "newHeads"), ("closed", None)]
    assert (upgrades, len(upstream)) == (1, 1)


def test_what_was_published_between_is_filled_over_http(either_world):
    """The next provider takes its time to let us in: meanwhile there are blocks nobody tells us of."""

    async def main(stage):
        a, b, client, _ = await two_providers(stage, b_traits={"silent_answers": True})
        name = await client.subscribe("newHeads")
        last = (await client.heads(name, 3))[-1]
        a.stop()
        await stage.sleep(3 * BLOCK)
        b.silent_answers = False
        numbers = await client.heads(name, 12)
        return last, numbers, stage.log.of(GapFilled), b.calls, client.notes[name]

    last, numbers, [gap], calls, notes = either_world(main)
    assert unbroken(numbers)
    assert (gap.reason, gap.outcome, gap.from_provider, gap.to_provider) == ("failover", "filled", "a", "b")
    assert gap.first_number == last + 1
    assert gap.last_number is not None
    assert gap.filled == gap.last_number - gap.first_number + 1 >= 2
    assert gap.ended_ns - gap.began_ns >= 2 * BLOCK
    asked = [call for batch in calls if isinstance(batch, list) for call in batch]
    assert {call["method"] for call in asked} == {"eth_getBlockByNumber"}
    assert int(asked[0]["params"][0], 16) == last + 1
    assert all(note.keys() == notes[0].keys() for note in notes), "a filled head looks like a published one"


def test_silence_is_a_failure_of_the_provider(either_world):
    async def main(stage):
        a, _, client, _ = await two_providers(stage)
        name = await client.subscribe("newHeads")
        await client.heads(name, 2)
        a.stalled = True
        numbers = await client.heads(name, 8)
        return numbers, gaps(stage.log), stage.log.of(SubscriptionChanged)

    numbers, [gap], changes = either_world(main)
    assert unbroken(numbers)
    assert gap[:6] == ("newHeads", "failover", "filled", gap[3], "a", "b")
    assert gap[6:] == (numbers[2], numbers[2] + gap[3] - 1)
    assert gap[3] >= 3
    assert [(it.name, it.detail) for it in changes if it.change == "stale"] == [("a", "silent")]


def test_one_silent_provider_is_one_failure_however_many_streams_it_carries():
    async def main(stage):
        a, _, client, _ = await two_providers(stage, breaker=Breaker(failure_threshold=2))
        names = [
            await client.subscribe(*params) for params in (["newHeads"], ["logs"], ["newPendingTransactions"])
        ]
        await client.heads(names[0], 2)
        a.stalled = True
        await client.heads(names[0], 8)
        return breakers(stage.log), {it.to_provider for it in stage.log.of(GapFilled)}

    assert simulated(main) == ([], {"b"})


def test_a_successor_that_lags_brings_nothing_twice():
    async def main(stage):
        a, b, client, _ = await two_providers(stage, b_traits={"lag": 2})
        name = await client.subscribe("newHeads")
        await client.heads(name, 4)
        a.stop()
        return await client.heads(name, 10), b.upgrades

    numbers, upgrades = simulated(main)
    assert upgrades == 1
    assert unbroken(numbers)


def test_a_provider_stuck_in_the_past_is_left():
    async def main(stage):
        a, _, client, _ = await two_providers(stage, b_traits={"lag": 500})
        name = await client.subscribe("newHeads")
        await client.heads(name, 4)
        a.stop()
        await stage.sleep(5 * BLOCK)
        return stage.log.of(SubscriptionChanged), client.numbers(name)

    changes, numbers = simulated(main)
    assert ("b", "lagging") in [(it.name, it.detail) for it in changes if it.change == "stale"]
    assert unbroken(numbers)


@pytest.mark.parametrize("trait", ["missed", "twice", "late"])
def test_heads_missed_doubled_or_reordered_by_the_provider_do_not_show(either_world, trait):
    async def main(stage):
        a, _, client, _ = await two_providers(stage)
        now = START + stage.now_ns() // BLOCK
        setattr(a, trait, set(range(now + 3, now + 30, 3)))
        name = await client.subscribe("newHeads")
        numbers = await client.heads(name, 8)
        return numbers, gaps(stage.log), a.upgrades

    numbers, filled, upgrades = either_world(main)
    assert unbroken(numbers)
    assert upgrades == 1
    if trait == "missed":
        assert filled
        assert all(it[1:4] == ("missed", "filled", 1) for it in filled)
        assert all(it[6] == it[7] and it[6] % 3 == filled[0][6] % 3 for it in filled)
    elif trait == "twice":
        assert filled == []


@pytest.mark.parametrize(
    "trait", [{"refuses_upgrade": 403}, {"rejects": {"newHeads"}}, {"silent_answers": True}]
)
def test_a_provider_that_will_not_have_us_is_passed_over(either_world, trait):
    async def main(stage):
        _, _, client, _ = await two_providers(stage, a_traits=trait)
        name = await client.subscribe("newHeads")
        return await client.heads(name, 3), life(stage.log, "a"), life(stage.log, "b")

    numbers, life_of_a, life_of_b = either_world(main)
    assert unbroken(numbers)
    assert (
        life_of_a[:2]
        == {
            "refuses_upgrade": [("refused", None)],
            "rejects": [("connected", None), ("rejected", "newHeads")],
            "silent_answers": [("connected", None), ("rejected", "newHeads")],
        }[next(iter(trait))]
    )
    assert life_of_b == [("connected", None), ("subscribed", "newHeads")]


def test_a_provider_that_rejects_one_kind_keeps_the_others():
    async def main(stage):
        a, b, client, _ = await two_providers(stage, a_traits={"rejects": {"logs"}})
        heads = await client.subscribe("newHeads")
        logs = await client.subscribe("logs")
        await client.heads(logs, 4)
        await client.heads(heads, 3)
        return a.subscribed("newHeads"), b.subscribed("logs"), life(stage.log, "a")

    heads_at_a, logs_at_b, life_of_a = simulated(main)
    assert (len(heads_at_a), len(logs_at_b)) == (1, 1)
    assert life_of_a == [("connected", None), ("subscribed", "newHeads"), ("rejected", "logs")]


def test_all_providers_are_tried_before_one_is_tried_again():
    async def main(stage):
        a = await chain_provider(stage, "a", refuses_upgrade=403)
        b = await chain_provider(stage, "b", refuses_upgrade=403)
        c = await chain_provider(stage, "c")
        client = await ws_client(stage, await ws_gateway(stage, a, b, c))
        await client.subscribe("newHeads")
        return a.upgrades, b.upgrades, c.upgrades

    assert simulated(main) == (1, 1, 1)


def test_what_failed_before_the_last_news_is_forgiven():
    async def main(stage):
        providers = [await chain_provider(stage, name) for name in ("a", "b", "c")]
        a, b, c = providers
        client = await ws_client(stage, await ws_gateway(stage, *providers))
        name = await client.subscribe("newHeads")
        await client.heads(name, 2)
        a.stop()
        await client.heads(name, 4)
        await stage.start(a)
        b.stop()
        await client.heads(name, 6)
        return len(a.sockets), len(c.sockets)

    assert simulated(main) == (1, 0)


def test_logs_go_on_filtered_and_whole_across_a_failover(either_world):
    async def main(stage):
        a, b, client, _ = await two_providers(stage, b_traits={"silent_answers": True})
        name = await client.subscribe("logs", {"address": ADDRESSES[1]})
        last = (await client.heads(name, 3))[-1]
        a.stop()
        await stage.sleep(3 * BLOCK)
        b.silent_answers = False
        numbers = await client.heads(name, 12)
        return last, numbers, client.notes[name], stage.log.of(GapFilled), b.calls

    last, numbers, notes, [gap], calls = either_world(main)
    assert unbroken(numbers)
    assert {log["address"] for log in notes} == {ADDRESSES[1]}
    assert (gap.kind, gap.reason, gap.outcome, gap.first_number) == ("logs", "failover", "filled", last + 1)
    assert gap.filled == gap.last_number - last >= 2
    asked = [call for call in calls if call["method"] == "eth_getLogs"]
    assert asked[0]["params"][0]["address"] == [ADDRESSES[1]]
    assert calls[0]["method"] == "eth_blockNumber", "how far it is, before what it has"


def test_pending_transactions_go_on_and_the_gap_is_owned_up_to():
    async def main(stage):
        a, _, client, _ = await two_providers(stage)
        name = await client.subscribe("newPendingTransactions")
        await client.until(lambda: len(client.notes.get(name, ())) >= 2)
        a.stop()
        await client.until(lambda: len(client.notes[name]) >= 6)
        return client.notes[name], gaps(stage.log)

    hashes, [gap] = simulated(main)
    assert len(set(hashes)) == len(hashes)
    assert gap == ("newPendingTransactions", "failover", "failed", 0, "a", "b", None, None)


def test_what_cannot_be_filled_is_left_out_and_logged(either_world):
    async def main(stage):
        a, b, client, _ = await two_providers(stage, b_traits={"silent_answers": True, "fails_fills": True})
        name = await client.subscribe("newHeads")
        last = (await client.heads(name, 3))[-1]
        a.stop()
        await stage.sleep(3 * BLOCK)
        b.silent_answers = False
        return last, await client.heads(name, 6), gaps(stage.log)

    last, numbers, filled = either_world(main)
    assert unbroken(numbers[:3])
    assert unbroken(numbers[3:])
    assert ("newHeads", "failover", "failed", 0, "a", "b", last + 1, numbers[3] - 1) in filled
    assert numbers[3] > last + 1


def test_a_fill_that_fails_is_tried_at_another_provider():
    async def main(stage):
        a = await chain_provider(stage, "a")
        b = await chain_provider(stage, "b", silent_answers=True)
        c = await chain_provider(stage, "c", rejects={"newHeads"})
        client = await ws_client(stage, await ws_gateway(stage, a, b, c))
        name = await client.subscribe("newHeads")
        await client.heads(name, 3)
        a.stop()
        await stage.sleep(3 * BLOCK)
        b.silent_answers, b.fails_fills = False, True
        numbers = await client.heads(name, 10)
        return numbers, gaps(stage.log), len(c.calls)

    numbers, [gap], asked = simulated(main)
    assert unbroken(numbers)
    assert gap[2] == "filled"
    assert asked > 0


def test_a_gap_over_the_limit_is_left_out_at_once():
    async def main(stage):
        settings = Continuity(max_gap_blocks=2)
        a, b, client, _ = await two_providers(stage, b_traits={"silent_answers": True}, continuity=settings)
        name = await client.subscribe("newHeads")
        last = (await client.heads(name, 3))[-1]
        a.stop()
        await stage.sleep(6 * BLOCK)
        b.silent_answers = False
        return last, await client.heads(name, 6), gaps(stage.log), b.calls

    last, numbers, [gap], calls = simulated(main)
    assert gap == ("newHeads", "failover", "failed", 0, "a", "b", last + 1, numbers[3] - 1)
    assert calls == []


def test_without_failover_a_subscription_dies_with_its_provider(either_world):
    async def main(stage):
        a, b, client, _ = await two_providers(stage, failover=False)
        name = await client.subscribe("newHeads")
        await client.heads(name, 3)
        a.stop()
        await stage.sleep(BLOCK)
        refused = await client.call("eth_subscribe", "newHeads")
        await stage.start(a)
        await stage.sleep(4 * BLOCK)
        gone = await client.call("eth_unsubscribe", name)
        return len(client.notes[name]), b.upgrades, gone, refused, list(client.ends)

    heads, upgrades, gone, refused, ends = either_world(main)
    assert (heads, upgrades, ends) == (3, 0, [])
    assert gone["result"] is True
    assert refused["error"]["code"] == -32000


def test_a_total_outage_is_caught_up_with_afterwards(either_world):
    async def main(stage):
        a, b, client, _ = await two_providers(stage)
        name = await client.subscribe("newHeads")
        await client.heads(name, 3)
        a.stop()
        b.stop()
        await stage.sleep(4 * BLOCK)
        await stage.start(b)
        numbers = await client.heads(name, 12)
        return numbers, gaps(stage.log)

    numbers, [gap] = either_world(main)
    assert unbroken(numbers)
    assert gap[:3] == ("newHeads", "failover", "filled")
    assert (gap[4:6], gap[6]) == (("a", "b"), numbers[3])


def test_a_half_open_upstream_is_noticed_by_its_pings():
    """A chain so slow that silence proves nothing: only the pings tell."""

    async def main(stage):
        a, _, client, _ = await two_providers(stage, continuity=Continuity(stale_after_blocks=1000))
        name = await client.subscribe("newHeads")
        await client.heads(name, 2)
        a.stalled = True
        for socket in a.sockets:
            socket.websocket.answers_pings = False
        began_ns = stage.now_ns()
        await client.heads(name, 3)
        return stage.now_ns() - began_ns, await client.heads(name, 8)

    took_ns, numbers = simulated(main)
    assert took_ns <= ms(11_000)
    assert unbroken(numbers)


def test_two_runs_of_one_seed_write_the_same_log():
    async def main(stage):
        a, b, client, gateway = await two_providers(stage, strategy="random")
        others = [await ws_client(stage, gateway) for _ in range(5)]
        for peer in (client, *others):
            await peer.subscribe("newHeads")
            await peer.subscribe("logs", {"address": ADDRESSES[0]})
            await peer.subscribe("newPendingTransactions")
        await stage.sleep(4 * BLOCK)
        a.stop()
        await stage.sleep(4 * BLOCK)
        await stage.start(a)
        b.stalled = True
        await stage.sleep(10 * BLOCK)
        return list(stage.log), [peer.notes for peer in (client, *others)]

    first, second = simulated(main, seed=5), simulated(main, seed=5)
    assert len(first[0]) > 10
    assert first == second
