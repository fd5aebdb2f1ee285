"""Faults of what a provider says of the chain: stale, reorganised, wrong, missing."""

from typing import Any

import msgspec

from battle.actors.chain.oracle import judge
from battle.actors.roles import ApplyFault, ChainPaces, RevertFault
from battle.actors.spec.chain import Chain, Pace
from battle.actors.spec.faults.behaviour import (
    MissingData,
    Reorg,
    StaleHead,
    WrongAnswer,
    WrongChain,
)
from battle.actors.spec.faults.kinds.ahead_head import AheadHead
from battle.actors.spec.faults.kinds.chain_pace import ChainHalt
from battle.actors.units import ms
from battle.store.events import FaultActed
from tests.actors.provider.fault_stage import (
    BALANCE,
    BLOCK_NUMBER,
    CHAIN_ID,
    HEAD,
    MODEL,
    NEWEST,
    TRANSACTION,
    answer,
    before_under_after,
    call,
    deliver,
    signs,
)
from tests.actors.provider.stage import CHAIN, facts, play
from tests.actors.worlds import simulated

HALT: Any = ChainHalt()
"""A type checker does not know which faults are in a folder."""


def judged(method, params, met):
    return judge(MODEL, method, params, msgspec.json.encode(met["result"]), HEAD, HEAD).answer


def test_a_stale_head_lags_in_all_that_depends_on_it(either_world):
    fault = StaleHead("a", blocks=4)
    met, signed, log = before_under_after(either_world, fault, CHAIN_ID, BLOCK_NUMBER, NEWEST, BALANCE)
    before, under, after = met
    assert before == after
    assert under[0] == before[0]
    assert under[1]["result"] == under[2]["result"]["number"] == hex(HEAD - 4)
    assert judged("eth_getBlockByNumber", ["latest", False], under[2]) == "stale"
    assert judged("eth_getBalance", ["0x" + "12" * 20, "latest"], under[3]) == "stale"
    assert signed == [[None] * 4, [None, "f1", "f1", "f1"], [None] * 4]
    assert {event.outcome for event in log} == {"ok"}


def test_a_provider_that_is_ahead_says_what_the_others_will_say(either_world):
    fault = AheadHead("a", blocks=4)
    ahead = call("eth_getBlockByNumber", hex(HEAD + 4), False)
    met, signed, log = before_under_after(either_world, fault, CHAIN_ID, BLOCK_NUMBER, NEWEST, ahead)
    before, under, after = met
    assert before == after
    assert before[3]["result"] is None
    assert under[1]["result"] == hex(HEAD + 4)
    assert (
        under[2]["result"]
        == under[3]["result"]
        == MODEL.answer("eth_getBlockByNumber", [hex(HEAD + 4), False], HEAD + 4)
    )
    assert signed == [[None] * 4, [None, "f1", "f1", "f1"], [None] * 4]
    assert {event.outcome for event in log} == {"ok"}


def test_a_chain_that_halts_stands_still_for_its_provider_and_goes_on(either_world):
    block_time = ms(100)

    async def script(stage, provider):
        now_ns = stage.client.now_ns()
        at_ns = (now_ns // block_time + 3) * block_time - ms(30)
        provider.tell(ChainPaces((Pace(at_ns, 0), Pace(at_ns + 3 * block_time, 1))))
        await stage.sleep(at_ns - now_ns)
        await deliver(stage, provider, ApplyFault("f1", HALT))
        heads = []
        for _ in range(3):
            heads.append(int((await answer(provider, BLOCK_NUMBER))["result"], 16))
            await stage.sleep(block_time)
        await deliver(stage, provider, RevertFault("f1"))
        await stage.sleep(block_time)
        later = int((await answer(provider, BLOCK_NUMBER))["result"], 16)
        acted = [event for event in provider.log if isinstance(event, FaultActed)]
        halted = at_ns // block_time + CHAIN.start_height
        return (
            [head - halted for head in heads],
            later - halted,
            [(one.fault_id, one.action) for one in acted],
        )

    heads, later, acted = play(either_world, script, chain=Chain(start_height=500, block_time=block_time))
    assert heads == [0, 0, 0]
    assert later > 0
    assert acted == [("f1", "withheld")]


def test_a_fault_of_the_chain_that_holds_no_block_back_is_not_noted():
    async def script(stage, provider):
        await deliver(stage, provider, ApplyFault("f1", HALT))
        await stage.sleep(3 * CHAIN.block_time)
        await deliver(stage, provider, RevertFault("f1"))
        return provider.log

    assert list(play(simulated, script)) == []


def test_a_reorg_replaces_the_newest_blocks_until_its_end(either_world):
    heights = [HEAD - 2, HEAD - 1, HEAD]
    bodies = [call("eth_getBlockByNumber", hex(height), False) for height in heights]
    bodies.append(call("eth_getBlockByHash", MODEL.block_hash(HEAD), False))
    met, signed, _ = before_under_after(either_world, Reorg("a", depth=2), *bodies)
    before, under, after = ([one["result"] for one in part] for part in met)
    assert before == after
    assert under[0] == before[0]
    assert under[1]["parentHash"] == under[0]["hash"]
    assert under[2]["parentHash"] == under[1]["hash"] != before[1]["hash"]
    assert under[2]["hash"] != before[2]["hash"]
    assert under[3] is None
    assert signed == [[None] * 4, [None, "f1", "f1", "f1"], [None] * 4]
    MODEL.branched(HEAD - 1)  # as it knows from the journal
    assert judged("eth_getBlockByNumber", ["latest", False], {"result": under[2]}) == "stale"


def test_blocks_after_a_reorg_build_on_the_new_branch_and_end_with_it():
    async def script(stage, provider):
        await deliver(stage, provider, ApplyFault("f1", Reorg("a", depth=2)))
        fork = (await answer(provider, call("eth_getBlockByNumber", hex(HEAD - 1), False)))["result"]
        await stage.sleep(3 * CHAIN.block_time)
        later = [
            (await answer(provider, call("eth_getBlockByNumber", hex(height), False)))["result"]
            for height in range(HEAD - 2, HEAD + 4)
        ]
        orphan = call("eth_getBlockByHash", later[-1]["hash"], False)
        known = (await answer(provider, orphan))["result"]
        await deliver(stage, provider, RevertFault("f1"))
        return fork, later, known, (await answer(provider, orphan))["result"]

    fork, later, known, gone = play(simulated, script)
    assert later[1] == fork
    assert [one["parentHash"] for one in later[1:]] == [one["hash"] for one in later[:-1]]
    assert later[0]["hash"] == MODEL.block_hash(HEAD - 2)
    assert [int(one["number"], 16) for one in later] == list(range(HEAD - 2, HEAD + 4))
    assert known == later[-1]
    assert gone is None


def test_a_reorg_goes_back_from_the_head_that_the_provider_sees():
    async def script(stage, provider):
        await deliver(stage, provider, ApplyFault("stale", StaleHead("a", blocks=5)))
        await deliver(stage, provider, ApplyFault("f1", Reorg("a", depth=2)))
        hashes = [
            (await answer(provider, call("eth_getBlockByNumber", hex(HEAD - back), False)))["result"]["hash"]
            for back in (7, 6, 5)
        ]
        return [one == MODEL.block_hash(HEAD - back) for one, back in zip(hashes, (7, 6, 5), strict=True)]

    assert play(simulated, script) == [True, False, False]


def test_a_wrong_chain_has_another_id_and_other_blocks(either_world):
    met, signed, _ = before_under_after(
        either_world, WrongChain("a", chain_id=77), CHAIN_ID, NEWEST, BLOCK_NUMBER, BALANCE
    )
    before, under, after = met
    assert before == after
    assert under[0]["result"] == "0x4d"
    assert under[2] == before[2]
    assert judged("eth_getBlockByNumber", ["latest", False], under[1]) == "wrong"
    assert judged("eth_getBalance", ["0x" + "12" * 20, "latest"], under[3]) == "wrong"
    assert signed == [[None] * 4, ["f1", "f1", None, "f1"], [None] * 4]


def test_missing_data_is_null_or_empty(either_world):
    bodies = [
        NEWEST,
        call("eth_getBlockByHash", MODEL.block_hash(HEAD), True),
        call("eth_getTransactionByHash", TRANSACTION),
        call("eth_getTransactionReceipt", TRANSACTION),
        call("eth_getLogs", {"fromBlock": hex(HEAD - 9), "toBlock": hex(HEAD)}),
        call("eth_getBlockByHash", "0x" + "34" * 32, True),
        BALANCE,
    ]
    met, signed, _ = before_under_after(either_world, MissingData("a"), *bodies)
    before, under, after = ([one["result"] for one in part] for part in met)
    assert before == after
    assert all(before[:5])
    assert under == [None, None, None, None, [], None, before[-1]]
    assert signed == [[None] * 7, [*["f1"] * 5, None, None], [None] * 7]


def test_wrong_answers_are_well_formed_and_wrong(either_world):
    met, signed, log = before_under_after(
        either_world, WrongAnswer("a"), CHAIN_ID, BLOCK_NUMBER, NEWEST, BALANCE
    )
    before, under, after = met
    assert before == after
    assert [type(one["result"]) for one in under] == [str, str, dict, str]
    for method, params, one in (
        ("eth_chainId", [], under[0]),
        ("eth_blockNumber", [], under[1]),
        ("eth_getBlockByNumber", ["latest", False], under[2]),
        ("eth_getBalance", ["0x" + "12" * 20, "latest"], under[3]),
    ):
        assert judged(method, params, one) == "wrong"
    assert signed == signs(4)
    assert {event.outcome for event in log} == {"ok"}


def test_the_calls_of_a_batch_are_told_apart(either_world):
    batch = b"[%b,%b]" % (CHAIN_ID, BLOCK_NUMBER)

    async def script(stage, provider):
        await deliver(stage, provider, ApplyFault("f1", StaleHead("a")))
        await provider.ask(batch)
        return [facts(event, "method", "fault_id") for event in await provider.logged(2)]

    assert play(either_world, script) == [("eth_chainId", None), ("eth_blockNumber", "f1")]
