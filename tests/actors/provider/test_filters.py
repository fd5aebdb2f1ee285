"""Filters as clients poll them at a provider, in both worlds: what they hold, and how long."""

import msgspec
import pytest

from battle.actors.chain.model import ChainModel
from battle.actors.chain.oracle import judge
from battle.actors.provider import filters
from battle.actors.roles import ApplyFault, RevertFault
from battle.actors.spec.chain import Chain
from battle.actors.spec.faults.behaviour import MissingData, Reorg, StaleHead, WrongAnswer
from battle.actors.units import ms, seconds
from battle.actors.wire.jsonrpc import ErrorObject
from tests.actors.provider.stage import decoded, play, providing
from tests.actors.worlds import simulated

CHAIN = Chain(start_height=500, block_time=ms(200))
MODEL = ChainModel(CHAIN)


async def ask(provider, method, *params):
    """The result, or the code and message of the error."""
    answer = decoded(await provider.ask(msgspec.json.encode(_call(method, params))))
    return answer["result"] if "result" in answer else (answer["error"]["code"], answer["error"]["message"])


def _call(method, params):
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


NOT_FOUND = (-32000, "filter not found")


def until_height(stage, height):
    """How long it is until the block of this height is there, and a little more."""
    return max(MODEL.time_of(height) - stage.now_ns(), 0) + ms(20)


def test_a_block_filter_holds_the_blocks_since_the_last_poll(either_world):
    async def script(stage, provider):
        name = await ask(provider, "eth_newBlockFilter")
        none = await ask(provider, "eth_getFilterChanges", name)
        begun = MODEL.head_at(stage.now_ns())
        await stage.sleep(until_height(stage, begun + 2))
        some = await ask(provider, "eth_getFilterChanges", name)
        return begun, none, some, MODEL.head_at(stage.now_ns())

    begun, none, some, ended = play(either_world, script, chain=CHAIN)
    assert none == []
    hashes = [MODEL.block_hash(height) for height in range(begun, ended + 1)]
    assert 2 <= len(some) <= 3
    assert hashes[-len(some) :] == some or hashes[-len(some) - 1 : -1] == some


def changes(kind, *params, blocks=6, before=None, under=None, **spec):
    """What a filter brings after so many blocks in the simulated world; a fault may hold in between."""

    async def script(stage, provider):
        if before is not None:
            provider.tell(ApplyFault("f", before))
            await stage.sleep(ms(1))
        name = await ask(provider, kind, *params)
        if under is not None:
            provider.tell(ApplyFault("g", under))
        await stage.sleep(until_height(stage, 500 + blocks))
        return await ask(provider, "eth_getFilterChanges", name), await provider.logged(2)

    found, log = play(simulated, script, chain=CHAIN, **spec)
    return found, log[-1].fault_id


def test_a_log_filter_holds_the_logs_that_it_wants():
    blocks = [log for height in range(501, 507) for log in _logs(height)]
    assert len(blocks) > 3
    assert changes("eth_newFilter", {})[0] == blocks
    address = blocks[0]["address"]
    assert changes("eth_newFilter", {"address": address})[0] == [
        log for log in blocks if log["address"] == address
    ]


def _logs(height):
    return [log for receipt in MODEL.block_at(height).receipts for log in receipt["logs"]]


def test_a_filter_of_pending_transactions_holds_those_of_the_block_after_each():
    waiting = [one["hash"] for height in range(502, 508) for one in MODEL.block_at(height).transactions]
    assert changes("eth_newPendingTransactionFilter")[0] == waiting


def test_the_logs_of_a_filter_can_be_asked_for_again():
    wanted = {"fromBlock": "0x1ef", "toBlock": "0x1f4"}

    async def script(stage, provider):
        name = await ask(provider, "eth_newFilter", wanted)
        logs = await ask(provider, "eth_getLogs", wanted)
        blocks = await ask(provider, "eth_newBlockFilter")
        return logs, [await ask(provider, "eth_getFilterLogs", one) for one in (name, name, blocks)]

    logs, found = play(simulated, script)
    assert logs
    assert found == [logs, logs, NOT_FOUND]


def test_a_filter_is_gone_once_it_is_uninstalled(either_world):
    async def script(stage, provider):
        name = await ask(provider, "eth_newBlockFilter")
        ended = [await ask(provider, "eth_uninstallFilter", name) for _ in range(2)]
        return ended, await ask(provider, "eth_getFilterChanges", name)

    assert play(either_world, script) == ([True, False], NOT_FOUND)


def test_no_other_node_knows_a_filter_nor_the_same_one_after_a_restart(either_world):
    async def main(stage):
        async with providing(stage) as provider:
            name = await ask(provider, "eth_newBlockFilter")
            await stage.sleep(ms(5))
        async with providing(stage) as again:
            other = await ask(again, "eth_newBlockFilter")
            return name, other, await ask(again, "eth_getFilterChanges", name)

    name, other, found = either_world(main)
    assert found == NOT_FOUND
    assert name != other


def test_a_filter_that_nobody_polls_is_gone_after_five_minutes():
    async def script(stage, provider):
        names = [await ask(provider, "eth_newBlockFilter") for _ in range(2)]
        await stage.sleep(seconds(200))
        await ask(provider, "eth_getFilterChanges", names[0])
        await stage.sleep(seconds(200))
        return [await ask(provider, "eth_getFilterChanges", name) for name in names]

    kept, gone = play(simulated, script)
    assert len(kept) == 100
    assert gone == NOT_FOUND


def test_there_are_not_more_filters_than_a_node_has_room_for(monkeypatch):
    monkeypatch.setattr(filters, "MAX_FILTERS", 2)

    async def script(stage, provider):
        return [await ask(provider, "eth_newBlockFilter") for _ in range(3)]

    *_, refused = play(simulated, script)
    assert refused == (-32005, "too many filters: at most 2")


def test_what_filters_want_takes_no_more_memory_than_a_node_has(monkeypatch):
    monkeypatch.setattr(filters, "MAX_WANTED_BYTES", 1000)

    async def script(stage, provider):
        wanted = {"address": ["0x" + "ab" * 20] * 15}
        logs = [await ask(provider, "eth_newFilter", wanted) for _ in range(3)]
        blocks = await ask(provider, "eth_newBlockFilter")
        await ask(provider, "eth_uninstallFilter", logs[0])
        return logs[2], blocks, await ask(provider, "eth_newFilter", wanted)

    refused, blocks, again = play(simulated, script)
    assert refused == (-32005, "too many filters: they want too many addresses and topics")
    assert blocks.startswith("0x")
    assert again.startswith("0x")


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("eth_newFilter", []),
        ("eth_newFilter", [{"topics": 1}]),
        ("eth_getFilterChanges", []),
        ("eth_getFilterChanges", [1]),
        ("eth_uninstallFilter", ["0x1", 2]),
    ],
)
def test_wrong_parameters_are_refused(method, params):
    async def script(stage, provider):
        return await ask(provider, method, *params), await provider.logged(1)

    (code, _), (event,) = play(simulated, script)
    assert code == -32602
    assert (event.outcome, event.rpc_code) == ("ok", -32602)


# Faults


def test_a_node_that_is_behind_brings_less_and_its_fault_signs():
    assert changes("eth_newBlockFilter") == ([MODEL.block_hash(height) for height in range(501, 507)], None)
    found = changes("eth_newBlockFilter", under=StaleHead("a", blocks=2))
    assert found == ([MODEL.block_hash(height) for height in range(501, 505)], "g")


def test_a_reorg_shows_in_the_changes_though_it_is_over_when_somebody_polls():
    async def script(stage, provider):
        blocks = await ask(provider, "eth_newBlockFilter")
        logs = await ask(provider, "eth_newFilter", {})
        await stage.sleep(until_height(stage, 501))
        provider.tell(ApplyFault("r", Reorg("a", depth=2)))
        await stage.sleep(ms(20))
        provider.tell(RevertFault("r"))
        await stage.sleep(ms(20))
        return [await ask(provider, "eth_getFilterChanges", name) for name in (blocks, logs)]

    blocks, logs = play(simulated, script, chain=CHAIN)
    trunk, branch = (
        [model.block_hash(height) for height in (500, 501)] for model in (MODEL, MODEL.branched(500))
    )
    assert blocks == [trunk[1], *branch, *trunk]
    assert [log["blockHash"] in trunk for log in logs if log["removed"]].count(True) > 0
    for result in (blocks, logs):
        text = msgspec.json.encode(result)
        assert judge(MODEL, "eth_getFilterChanges", ["0x1"], text, 501, 501).answer == "right"


def test_faults_change_what_a_poll_brings_and_sign_for_it():
    assert changes("eth_newBlockFilter", before=MissingData("a")) == ([], "f")
    found, fault_id = changes("eth_newFilter", {}, before=WrongAnswer("a"))
    assert found[0] != _logs(501)[0]
    assert fault_id == "f"


# What clients can check


def judged(method, result, head=500):
    return judge(MODEL, method, ["0x1"], msgspec.json.encode(result), head, head).answer


def test_what_a_node_may_say_of_a_filter_is_right():
    newest, log = MODEL.block_hash(500), _logs(500 if _logs(500) else 499)[0]
    waiting = MODEL.block_at(501).transactions
    assert judged("eth_newFilter", "0x1f") == "right"
    assert judged("eth_uninstallFilter", False) == "right"
    changed = [newest, log, {**log, "removed": True}, *[one["hash"] for one in waiting]]
    assert judged("eth_getFilterChanges", changed) == "right"
    assert judged("eth_getFilterChanges", [MODEL.branched(499).block_hash(500)]) == "right"


@pytest.mark.parametrize("one", ["0x1", "0x" + "77" * 32, 1, None, {}, MODEL.block_hash(502)])
def test_what_is_invented_is_wrong(one):
    assert judged("eth_getFilterChanges", [one]) == "wrong"
    assert judged("eth_getFilterChanges", one) == "wrong"
    assert judged("eth_uninstallFilter", [one]) == "wrong"


def test_a_changed_log_is_wrong():
    log = _logs(500 if _logs(500) else 499)[0]
    assert judged("eth_getFilterChanges", [{**log, "data": "0x"}]) == "wrong"
    assert judged("eth_getFilterChanges", [{**log, "removed": 1}]) == "wrong"


def test_a_lost_filter_is_no_answer():
    lost = ErrorObject(-32000, "filter not found")
    assert judge(MODEL, "eth_getFilterChanges", ["0x1"], lost, 500, 500).answer == "none"
