"""What a node says of being behind, and which methods it has only when it is capable of them."""

import msgspec
import pytest

from battle.actors.chain.oracle import judge
from battle.actors.roles import ApplyFault
from battle.actors.spec.faults.behaviour import StaleHead, WrongAnswer
from battle.actors.units import ms
from tests.actors.provider.fault_stage import HEAD, MODEL, TRANSACTION, call
from tests.actors.provider.stage import decoded, play
from tests.actors.worlds import simulated

SYNCING = call("eth_syncing")


def asked(body, *faults, world=simulated, **spec):
    """The answer under these faults, and the event that logs it."""

    async def script(stage, provider):
        for number, fault in enumerate(faults):
            provider.tell(ApplyFault(f"f{number}", fault))
        await stage.sleep(ms(10))
        return decoded(await provider.ask(body)), (await provider.logged(1))[0]

    return play(world, script, **spec)


def test_a_node_that_is_behind_says_that_it_is_syncing(either_world):
    answer, event = asked(SYNCING, world=either_world)
    assert (answer["result"], event.fault_id) == (False, None)
    answer, event = asked(SYNCING, StaleHead("a", blocks=3), world=either_world)
    where = {"startingBlock": hex(HEAD - 3), "currentBlock": hex(HEAD - 3), "highestBlock": hex(HEAD)}
    assert (answer["result"], event.fault_id, event.outcome) == (where, "f0", "ok")


@pytest.mark.parametrize(("blocks", "says"), [(8, False), (9, True)])
def test_nethermind_calls_itself_synced_up_to_eight_blocks(blocks, says):
    answer, event = asked(SYNCING, StaleHead("a", blocks=blocks), health="nethermind")
    assert (answer["result"] is not False, event.fault_id) == (says, "f0" if says else None)


def test_syncing_is_as_stale_as_the_node_and_lies_about_it_are_wrong():
    for faults, wanted in (
        ([StaleHead("a", blocks=3)], ("stale", 3)),
        ([StaleHead("a", blocks=3), WrongAnswer("a")], ("wrong", None)),
        ([WrongAnswer("a")], ("wrong", None)),
    ):
        text = msgspec.json.encode(asked(SYNCING, *faults)[0]["result"])
        found = judge(MODEL, "eth_syncing", [], text, HEAD, HEAD)
        assert (found.answer, found.blocks_behind) == wanted


TRACED = {
    "debug": ("debug_traceTransaction", [TRANSACTION, {"tracer": "callTracer"}]),
    "trace": ("trace_transaction", [TRANSACTION]),
}


@pytest.mark.parametrize("capability", TRACED)
def test_traces_need_a_node_that_is_capable_of_them(capability):
    method, params = TRACED[capability]
    refused, event = asked(call(method, *params), capabilities=[one for one in TRACED if one != capability])
    assert refused["error"]["code"] == -32601
    assert refused["error"]["message"] == f"the method {method} does not exist/is not available"
    assert (event.outcome, event.rpc_code) == ("ok", -32601)
    answer, _ = asked(call(method, *params), capabilities=[capability])
    assert answer["result"] == MODEL.answer(method, params, HEAD)


def test_a_canned_answer_comes_before_a_lack_of_capability_and_before_filters():
    canned = {"trace_transaction": 1, "eth_newBlockFilter": 2}
    for method, wanted in canned.items():
        assert asked(call(method), canned=canned)[0]["result"] == wanted
