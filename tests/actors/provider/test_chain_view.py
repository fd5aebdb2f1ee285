"""Which fault decides what a call is told: the last one that changed it, and never one that changed nothing."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.chain.generated_params import params_for
from battle.actors.chain.methods import METHODS
from battle.actors.chain.model import ChainModel
from battle.actors.chain.oracle import judge
from battle.actors.provider.chain_view import (
    ChainViewer,
    InForce,
    answer_under,
    in_order,
)
from battle.actors.rng import Draws
from battle.actors.spec.chain import Chain
from battle.actors.spec.faults.behaviour import (
    Degrade,
    MissingData,
    Reorg,
    StaleHead,
    WrongAnswer,
    WrongChain,
)
from battle.actors.wire.jsonrpc import Call

HEAD = 1000
MODEL = ChainModel(Chain(start_height=900))
SEER = ChainViewer(MODEL)
DRAWS = Draws(1, "sight")

STALE = InForce("stale", StaleHead("a", blocks=3))
REORG = InForce("reorg", Reorg("a", depth=2)).begun(HEAD)
WRONG_CHAIN = InForce("chain", WrongChain("a", chain_id=7))
MISSING = InForce("missing", MissingData("a"))
WRONG = InForce("wrong", WrongAnswer("a"))
ALL = (WRONG_CHAIN, REORG, STALE, MISSING, WRONG)

methods = st.sampled_from(sorted(METHODS))
numbers = st.integers(0, 2**40)
faults = st.lists(st.sampled_from(ALL), unique=True).map(in_order)


def call(method, params=()):
    return Call("2.0", method, list(params), msgspec.Raw(b"1"))


def question(method, number):
    return call(method, params_for(MODEL, method, 1, number, HEAD, DRAWS))


def answer_of(asked, *several, canned=None):
    return answer_under(SEER, asked, HEAD, in_order(several), canned)


@pytest.mark.parametrize(
    ("fault", "method", "params", "answer"),
    [
        (STALE, "eth_blockNumber", [], hex(HEAD - 3)),
        (STALE, "eth_getBlockByNumber", [hex(HEAD - 2), False], None),
        (WRONG_CHAIN, "eth_chainId", [], "0x7"),
        (WRONG_CHAIN, "eth_getBlockByHash", [MODEL.block_hash(HEAD - 9), False], None),
        (REORG, "eth_getBlockByHash", [MODEL.block_hash(HEAD - 1), False], None),
        (MISSING, "eth_getBlockByNumber", ["latest", False], None),
        (WRONG, "eth_syncing", [], True),
    ],
)
def test_a_fault_changes_what_is_told_and_signs_for_it(fault, method, params, answer):
    found = answer_of(call(method, params), fault)
    assert (found.result, found.error, found.fault_id) == (answer, None, fault.fault_id)


@given(methods, numbers, faults)
def test_a_fault_signs_exactly_when_the_answer_is_another_without_any(method, number, several):
    asked = question(method, number)
    calm, shaken = answer_of(asked), answer_of(asked, *several)
    assert calm.fault_id is None
    if not shaken.looks_like(calm):
        assert shaken.fault_id in [one.fault_id for one in several]
    if len(several) == 1:
        assert (shaken.fault_id is not None) == (not shaken.looks_like(calm))


@given(methods, numbers, faults)
def test_faults_that_do_not_sign_could_as_well_not_be_there_after_the_one_that_does(method, number, several):
    asked = question(method, number)
    found = answer_of(asked, *several)
    names = [one.fault_id for one in several]
    until = several[: names.index(found.fault_id) + 1] if found.fault_id else ()
    assert answer_of(asked, *until).looks_like(found)
    assert found.fault_id is None or not answer_of(asked, *until[:-1]).looks_like(found)


@given(methods, numbers, st.permutations(ALL))
def test_the_order_in_which_faults_were_applied_changes_nothing(method, number, several):
    asked = question(method, number)
    one, other = answer_of(asked, *several), answer_of(asked, *ALL)
    assert one.looks_like(other)
    assert one.fault_id == other.fault_id


@given(methods, numbers)
def test_a_stale_providers_answers_are_stale_or_right_and_a_liars_are_wrong(method, number):
    asked = question(method, number)
    for fault, expected in ((STALE, {"right", "stale"}), (REORG, {"right", "stale"}), (WRONG, {"wrong"})):
        found = answer_of(asked, fault)
        if found.error is None and (
            fault is not WRONG or found.result != []
        ):  # of nothing nothing false is said
            text = msgspec.json.encode(found.result)
            judged = judge(MODEL, method, asked.params, text, HEAD, HEAD).answer
            assert judged in expected
            assert (found.fault_id is None) == (judged == "right")


def test_what_is_told_falsely_twice_is_not_true_again():
    twice = answer_of(call("eth_syncing"), WRONG, InForce("again", WrongAnswer("a")))
    assert (twice.result, twice.fault_id) == (True, "wrong")


def test_errors_are_told_as_they_are_and_state_that_is_not_seen_is_one():
    assert answer_of(call("eth_mine"), *ALL).error.code == -32601
    assert answer_of(call("eth_mine"), *ALL).fault_id is None
    unseen = answer_of(call("eth_getBalance", ["0x" + "12" * 20, hex(HEAD)]), STALE)
    assert (unseen.error.code, unseen.fault_id) == (-32000, "stale")


def test_canned_results_do_not_age_but_can_be_lost_or_false():
    block, flag = call("eth_getBlockByNumber", ["latest", False]), call("custom")
    assert answer_of(block, STALE, REORG, WRONG_CHAIN, canned=msgspec.Raw(b"[1]")).fault_id is None
    assert answer_of(block, MISSING, canned=msgspec.Raw(b"[1]")).fault_id == "missing"
    assert answer_of(flag, WRONG, canned=msgspec.Raw(b"true")).result is False
    assert answer_of(flag, WRONG, canned=msgspec.Raw(b"null")).fault_id is None


# Views


def test_a_view_is_what_is_left_of_the_chain():
    assert (SEER.view(HEAD, ()).model, SEER.view(HEAD, ()).head) == (MODEL, HEAD)
    seen = SEER.view(HEAD, in_order([STALE, InForce("f", Degrade("a", added_latency=1)), REORG]))
    assert (seen.head, seen.model.fork_height) == (HEAD - 3, HEAD - 1)
    oldest = MODEL.spec.oldest_height
    assert SEER.view(oldest + 1, [STALE]).head == oldest


def test_a_wrong_chain_is_another_even_if_its_id_is_right():
    seen = SEER.view(HEAD, [InForce("f", WrongChain("a", chain_id=1))])
    assert seen.model.spec.chain_id == MODEL.spec.chain_id
    assert seen.model.block_hash(HEAD) != MODEL.block_hash(HEAD)


def test_however_many_wrong_chains_each_has_answers_of_its_own():
    wrong = [InForce("f", WrongChain("a", chain_id=number)) for number in range(1, 10)]
    hashes = [SEER.view(HEAD, [one]).model.block_hash(HEAD) for one in (*wrong, *wrong)]
    assert len(set(hashes)) == 9
    assert hashes[:9] == hashes[9:]


@pytest.mark.parametrize(("head", "depth", "fork"), [(100, 1, 100), (100, 5, 96), (3, 9, 1)])
def test_a_reorg_replaces_the_newest_blocks_of_its_beginning_but_never_the_first(head, depth, fork):
    begun = InForce("f", Reorg("a", depth=depth)).begun(head)
    assert begun.fork_height == fork
    assert begun.begun(head + 50) == begun
    assert STALE.begun(head) == STALE
    assert InForce("f", Reorg("a", depth=9)).begun(head, oldest=head - 2).fork_height == head - 1
