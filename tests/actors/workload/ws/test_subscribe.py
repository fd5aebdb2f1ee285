"""Subscribers against a server that follows a script, in both worlds: what they log of good and of bad servers."""

import pytest

from battle.actors.chain.model import ChainModel
from battle.actors.chain.notifications import (
    header,
    logs_of_block,
    pending_transactions,
    read_pattern,
)
from battle.actors.spec.workloads import LogFilter, Reconnect
from battle.actors.units import ms
from battle.actors.wire.websocket.endpoints import WebSocket
from tests.actors.workload.ws.stage import (
    CHAIN,
    LEAD,
    MODEL,
    Script,
    against,
    play,
    serving,
    subscribe,
)
from tests.actors.worlds import simulated

QUICK = Reconnect(first_pause=ms(20), max_pause=ms(100), jitter_ratio=0)


def heads(log, connection="0.1"):
    return [one.number for one in log.news if one.connection == connection and one.kind == "newHeads"]


# Good servers


def test_every_subscription_hears_every_head_and_leaves_in_good_order(either_world):
    log, script = against(
        either_world, Script, subscribe(3, subscriptions=2, duration=ms(650)), publishing=True
    )
    assert {one.answer for one in log.news} == {"right"}
    by_subscription = {}
    for one in log.news:
        by_subscription.setdefault((one.connection, one.subscription), []).append(one)
    assert len(by_subscription) == 6
    for came in by_subscription.values():
        numbers = [one.number for one in came]
        assert numbers == [*range(numbers[0], numbers[0] + len(came))]
        assert len(came) in (5, 6, 7)
        assert all(one.key == one.hash == MODEL.block_hash(one.number) for one in came)
        assert all(one.parent_hash == MODEL.block_hash(one.number - 1) for one in came)
    changes = [one.change for one in log.changes]
    assert {change: changes.count(change) for change in changes} == {
        "connected": 3,
        "subscribed": 6,
        "unsubscribed": 6,
        "closed": 3,
    }
    assert {one.close_code for one in log.changes if one.change == "closed"} == {1000}
    assert set(log.details("unsubscribed")) == {None}
    assert {(one.side, one.name) for one in log.changes} == {("client", "subs")}
    assert script.subscriptions == {}
    assert [session.ends[0].clean for session in script.server.sessions] == [True] * 3


def test_no_news_is_older_than_its_block(monkeypatch):
    """An event may be stamped before all that is read for it was sent: a head stays true, and is not early."""
    feed = WebSocket.feed
    monkeypatch.setattr(WebSocket, "feed", lambda self, data, at_ns: feed(self, data, at_ns - ms(30)))
    log, _ = against(simulated, Script, subscribe(duration=ms(450)), publishing=True)
    assert len(log.news) >= 4
    assert {one.answer for one in log.news} == {"right"}
    assert all(one.at_ns == MODEL.time_of(one.number) for one in log.news)


def test_the_moment_of_receipt_is_that_of_arrival():
    log, _ = against(simulated, Script, subscribe(duration=ms(450)), publishing=True)
    published = [(one.number - CHAIN.start_height) * CHAIN.block_time for one in log.news]
    assert {one.at_ns - at for one, at in zip(log.news, published, strict=True)} == {50_000}


OTHERS_LOGS = next(
    height
    for height in range(500, 400, -1)
    if (logs := logs_of_block(MODEL, read_pattern({}), height))
    and all(log["address"] != MODEL.token(1) for log in logs)
)
"""A block with logs, and none of a certain token."""


def test_kinds_are_dealt_out_over_all_subscriptions(either_world):
    filtered = LogFilter(MODEL.token(1))
    kinds = ("newHeads", "newPendingTransactions", "logs", filtered)

    async def publish(stage, script):
        while len(script.subscriptions) < 6:
            await stage.sleep(ms(1))
        await stage.sleep(ms(1))
        head = MODEL.head_at(stage.now_ns())
        script.publish(header(MODEL, head))
        for notified in pending_transactions(MODEL, head):
            script.publish(notified, "newPendingTransactions")
        for log in logs_of_block(MODEL, read_pattern({}), OTHERS_LOGS):
            script.publish(log, "logs")

    spec = subscribe(2, subscriptions=3, kinds=kinds, duration=ms(300))
    log, script = against(either_world, Script, spec, during=publish)
    asked = [call["params"] for call in script.calls if call["method"] == "eth_subscribe"]
    plain = [["newHeads"], ["newPendingTransactions"], ["logs"]]
    mixed = [["logs", {"address": MODEL.token(1)}], ["newHeads"], ["newPendingTransactions"]]
    assert sorted(map(str, asked)) == sorted(map(str, plain + mixed))
    by_kind = {kind: {one.answer for one in log.news if one.kind == kind} for kind in kinds[:3]}
    assert by_kind["newHeads"] == {"right"}
    assert by_kind["newPendingTransactions"] <= {"right"}
    of_logs = {(one.connection, one.answer) for one in log.news if one.kind == "logs"}
    plain_client = next(connection for connection, answer in of_logs if answer == "right")
    assert {answer for connection, answer in of_logs if connection == plain_client} == {"right"}
    assert {answer for connection, answer in of_logs if connection != plain_client} >= {"wrong"}


def test_clients_connect_one_after_the_other():
    log, _ = against(simulated, Script, subscribe(10, connect_over=ms(200)))
    connected = [one.at_ns - LEAD for one in log.changes if one.change == "connected"]
    assert [at // ms(20) for at in connected] == [*range(10)]


def test_shards_share_the_clients_out():
    async def main(stage):
        async with serving(stage) as (_, address):
            spec = subscribe(5, shards=2, subscriptions=2, kinds=("newHeads", "logs"), connect_over=ms(100))
            return [await play(stage, spec, address, shard=shard) for shard in range(2)]

    logs = simulated(main)
    clients = [[one.connection for one in log.changes if one.change == "connected"] for log in logs]
    assert clients == [["0.1", "2.1", "4.1"], ["1.1", "3.1"]]


def test_it_asks_at_the_gateways_path(either_world):
    heard = []

    async def main(stage):
        async def listen(stream):
            heard.append(await stream.receive_some())

        world = stage.world("server")
        address = await stage.nursery.start(world.serve, stage.address("server"), listen)
        await play(stage, subscribe(reconnect=Reconnect(attempts=0)), address, path="/v1/ws?key=1")

    either_world(main)
    assert heard[0].startswith(b"GET /v1/ws?key=1 HTTP/1.1\r\n")


# Bad news


def notified(tell, *, world=simulated, **more):
    """What a client logged when a script told it something, once its subscription stood."""

    async def during(stage, script):
        while not script.subscriptions:
            await stage.sleep(ms(1))
        await stage.sleep(ms(1))
        ((name, (websocket, _)),) = script.subscriptions.items()
        tell(script, websocket, name)

    log, _ = against(world, Script, subscribe(duration=ms(200), **more), during=during)
    return log


def test_news_of_an_orphaned_block_are_stale():
    orphan = header(MODEL.branched(500), 500)

    def tell(script, websocket, name):
        ChainModel(CHAIN, script.world.shared_lines).branched(500)
        script.tell(websocket, name, orphan)

    (one,) = notified(tell).news
    assert (one.answer, one.number, one.key) == ("stale", 500, orphan["hash"])


def test_news_older_than_a_reorg_are_stale_for_who_was_told_of_newer_ones():
    def tell(script, websocket, name):
        for height in (430, 500, 436, 435):
            script.tell(websocket, name, header(MODEL, height))

    assert [(one.number, one.answer) for one in notified(tell).news] == [
        (430, "right"),
        (500, "right"),
        (436, "right"),
        (435, "stale"),
    ]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (b"{nonsense", "{nonsense"),
        (b"", ""),
        (b'{"id":99,"result":true}', '{"id":99,"result":true}'),
        (b'{"jsonrpc":"2.0","method":"eth_other"}', '{"jsonrpc":"2.0","method":"eth_other"}'),
    ],
)
def test_what_nobody_asked_for_counts_as_wrong(text, key, either_world):
    log = notified(lambda script, websocket, name: websocket.send(text), world=either_world)
    (one,) = log.news
    assert (one.answer, one.kind, one.key, one.subscription) == ("wrong", "unknown", key, "")


def test_news_of_an_unknown_subscription_count_as_wrong():
    log = notified(lambda script, websocket, name: script.tell(websocket, "0xother", header(MODEL, 500)))
    (one,) = log.news
    assert (one.answer, one.kind, one.subscription, one.number) == ("wrong", "unknown", "0xother", None)


def test_news_that_are_no_head_count_as_wrong():
    log = notified(lambda script, websocket, name: script.tell(websocket, name, {"number": "0x1"}))
    (one,) = log.news
    assert (one.answer, one.kind, one.key) == ("wrong", "newHeads", '{"number":"0x1"}')


def test_a_chain_that_is_not_the_models_is_only_listened_to():
    def tell(script, websocket, name):
        script.tell(websocket, name, {**header(MODEL, 500), "miner": "somebody"})
        websocket.send(b"nonsense")

    async def main(stage):
        async with serving(stage, publishing=True) as (script, address):
            log = await play(stage, subscribe(), address, checks_answers=False)
            return log, script

    log, _ = simulated(main)
    assert {one.answer for one in log.news} == {"none"}
    assert heads(log) == [501, 502, 503, 504, 505]
