"""A transaction that is sent: what a node answers to it, where it appears, and what the oracle says of that."""

from typing import Any

import pytest
from eth_account import Account

from battle.actors.chain.model import ChainModel
from battle.actors.chain.oracle import judge
from battle.actors.shared_lines import LinesInMemory
from battle.actors.spec.chain import Chain
from battle.actors.wire.jsonrpc import INVALID_PARAMS, SERVER_ERROR, ErrorObject, RpcError
from tests.actors.chain.chains import as_json, ask

CHAIN = Chain(seed=21, chain_id=5, start_height=1000, history=128)
HEAD = 1003
SENDER = Account.from_key(b"\x07" * 32)
TO = "0x" + "12" * 20
SEND = "eth_sendRawTransaction"


def signed(nonce=0, key=SENDER, **more):
    fields = {"chainId": 5, "gas": 21_000, "to": TO, "value": 1, "nonce": nonce}
    price = {} if "gasPrice" in more else {"maxFeePerGas": 10**11, "maxPriorityFeePerGas": 10**9}
    done = key.sign_transaction({**fields, **price, **more})
    return "0x" + bytes(done.raw_transaction).hex(), "0x" + bytes(done.hash).hex()


def send(model, raw, head=HEAD):
    """As a provider does."""
    answer = ask(SEND, raw, model=model, head=head)
    model.accept([raw], head)
    return answer


def refused(model, raw, head=HEAD) -> str:
    with pytest.raises(RpcError) as raised:
        send(model, raw, head)
    assert raised.value.code == SERVER_ERROR
    return raised.value.message


@pytest.fixture
def nodes():
    """Two providers and an oracle of one run."""
    lines = LinesInMemory()
    return ChainModel(CHAIN, lines), ChainModel(CHAIN, lines), ChainModel(CHAIN, lines)


def count(model, tag="latest", head=HEAD):
    return ask("eth_getTransactionCount", SENDER.address, tag, model=model, head=head)


def test_it_waits_at_once_and_two_blocks_later_it_is_there_for_everybody(nodes):
    raw, name = signed()
    assert send(nodes[0], raw) == name
    for model in nodes:
        waiting = ask("eth_getTransactionByHash", name, model=model, head=HEAD)
        assert [waiting[one] for one in ("blockHash", "blockNumber", "transactionIndex")] == [None] * 3
        assert waiting["from"] == SENDER.address.lower()
        assert ask("eth_getTransactionReceipt", name, model=model, head=HEAD + 1) is None
        assert (count(model, "pending"), count(model), count(model, head=HEAD + 2)) == ("0x1", "0x0", "0x1")
        block = ask("eth_getBlockByNumber", hex(HEAD + 2), True, model=model, head=HEAD + 2)
        assert block["transactions"][-1]["hash"] == name
        assert ask("eth_getTransactionByHash", name, model=model, head=HEAD + 2) == block["transactions"][-1]
        receipt = ask("eth_getTransactionReceipt", name, model=model, head=HEAD + 2)
        assert (receipt["status"], receipt["gasUsed"], receipt["blockHash"]) == (
            "0x1",
            "0x5208",
            block["hash"],
        )
    assert len({model.block_hash(HEAD + 2) for model in nodes}) == 1
    assert ChainModel(CHAIN).block_hash(HEAD + 2) != nodes[0].block_hash(HEAD + 2)


@pytest.mark.parametrize(
    ("price", "tip_of"),
    [
        ({"gasPrice": 10**11}, lambda base_fee_wei: 10**11 - base_fee_wei),
        (
            {"maxFeePerGas": 10**11, "maxPriorityFeePerGas": 9 * 10**10},
            lambda base: min(9 * 10**10, 10**11 - base),
        ),
    ],
    ids=["legacy", "capped"],
)
def test_fee_histories_have_what_its_block_got_for_it(nodes, price, tip_of):
    raw, _ = signed(**price)
    send(nodes[0], raw)
    history = ask("eth_feeHistory", "0x1", "latest", [100], model=nodes[0], head=HEAD + 2)
    base_fee_wei = int(history["baseFeePerGas"][0], 16)
    assert int(history["reward"][0][0], 16) == tip_of(base_fee_wei)


def test_a_node_that_starts_again_knows_it(nodes):
    raw, name = signed()
    send(nodes[0], raw)
    built = nodes[0].block_hash(HEAD + 3)
    again = ChainModel(CHAIN, nodes[0]._facts.journal._lines)
    assert again.block_hash(HEAD + 3) == built
    assert ask("eth_getTransactionReceipt", name, model=again, head=HEAD + 3)["transactionHash"] == name


def test_a_branch_has_it_too(nodes):
    raw, name = signed()
    send(nodes[0], raw)
    branch = nodes[1].branched(HEAD + 1)
    receipts = [
        ask("eth_getTransactionReceipt", name, model=model, head=HEAD + 2) for model in (nodes[0], branch)
    ]
    assert receipts[0]["blockHash"] != receipts[1]["blockHash"]
    assert receipts[1]["blockHash"] == branch.block_hash(HEAD + 2)


def test_sent_again_it_is_known_already_and_later_its_nonce_is_too_low(nodes):
    raw, _ = signed()
    send(nodes[0], raw)
    assert refused(nodes[1], raw) == "already known"
    assert refused(nodes[1], raw, HEAD + 2) == "nonce too low: next nonce 1, tx nonce 0"


def test_what_a_node_refuses_it_refuses_in_geths_words(nodes):
    model = nodes[0]
    send(model, signed()[0])
    other_chain = signed(chainId=6)[0]
    assert refused(model, other_chain) == "invalid chain id for signer: have 6 want 5"
    assert refused(model, signed(value=2)[0]) == "replacement transaction underpriced"
    assert refused(model, signed(value=2)[0], HEAD + 2) == "nonce too low: next nonce 1, tx nonce 0"
    assert (
        refused(model, signed(1, gas=20_999)[0]) == "intrinsic gas too low: gas 20999, minimum needed 21000"
    )
    assert refused(model, signed(1, gas=30_000_001)[0]) == "exceeds block gas limit"
    assert refused(model, signed(1, gasPrice=10**9)[0]).startswith("transaction underpriced")
    assert refused(model, "0x03" + signed(1)[0][4:]) == "transaction type not supported"
    assert refused(model, signed(1)[0][:-2]).startswith("rlp: ")
    assert refused(model, "0x") == "typed transaction too short"
    assert refused(model, "0x02" + "c0" * 140_000).startswith("oversized data")
    forged = signed(1)[0][:-64] + "f" * 64
    assert refused(model, forged) == "invalid transaction v, r, s values"
    unprotected = SENDER.sign_transaction(
        {"gas": 21_000, "to": TO, "value": 1, "nonce": 1, "gasPrice": 10**11}
    )
    assert "replay-protected" in refused(model, "0x" + bytes(unprotected.raw_transaction).hex())
    with pytest.raises(RpcError) as raised:
        send(model, "0x123")
    assert raised.value.code == INVALID_PARAMS


def test_what_was_refused_changes_nothing(nodes):
    for raw in (signed(chainId=6)[0], signed(gas=20_999)[0]):
        refused(nodes[0], raw)
    assert nodes[0]._facts.journal._lines.read(0) == ([], 0)


def test_gas_is_counted_as_geth_counts_it(nodes):
    data = b"\x00\x00\x01"
    access = [{"address": TO, "storageKeys": ["0x" + "22" * 32]}]
    cases: list[tuple[dict[str, Any], int]] = [
        ({"data": data}, 21_000 + 4 + 4 + 16),
        ({"accessList": access}, 21_000 + 2_400 + 1_900),
        ({"to": "", "data": data}, 53_000 + 24 + 2),
    ]
    for nonce, (more, gas) in enumerate(cases):
        head = HEAD + 2 * nonce
        assert "intrinsic gas too low" in refused(nodes[0], signed(nonce, gas=gas - 1, **more)[0], head)
        name = send(nodes[0], signed(nonce, gas=gas + 5, **more)[0], head)
        receipt = ask("eth_getTransactionReceipt", name, model=nodes[1], head=head + 2)
        assert int(receipt["gasUsed"], 16) == gas


# What the oracle says


def judged(oracle, method, params, result, head_from=HEAD, head_to=HEAD):
    received = result if isinstance(result, ErrorObject) else as_json(result)
    return judge(oracle, method, params, received, head_from, head_to).answer


def test_the_hash_is_the_right_answer_and_so_is_that_it_is_known_once_it_was_sent(nodes):
    raw, name = signed()
    known, other = ErrorObject(SERVER_ERROR, "already known"), ErrorObject(SERVER_ERROR, "no")
    assert judged(nodes[2], SEND, [raw], name) == "right"
    assert judged(nodes[2], SEND, [raw], known) == "none", "nobody has sent it"
    send(nodes[0], raw)
    assert judged(nodes[2], SEND, [raw], name) == "right"
    assert judged(nodes[2], SEND, [raw], known) == "right"
    assert judged(nodes[2], SEND, [raw], other) == "none"
    assert judged(nodes[2], SEND, [raw], "0x" + "77" * 32) == "wrong"
    late = ErrorObject(SERVER_ERROR, "nonce too low: next nonce 1, tx nonce 0")
    assert judged(nodes[2], SEND, [raw], late, HEAD + 2, HEAD + 2) == "right"


def test_what_waits_may_be_known_or_not_and_what_is_in_a_block_must_be(nodes):
    raw, name = signed()
    assert judged(nodes[2], "eth_getTransactionByHash", [name], None) == "right"
    send(nodes[0], raw)
    waiting = ask("eth_getTransactionByHash", name, model=nodes[1], head=HEAD)
    for head in (HEAD, HEAD + 1):
        for answer in (waiting, None):
            assert judged(nodes[2], "eth_getTransactionByHash", [name], answer, head, head) == "right"
    included = ask("eth_getTransactionByHash", name, model=nodes[1], head=HEAD + 2)
    there = HEAD + 2
    assert judged(nodes[2], "eth_getTransactionByHash", [name], included, there, there) == "right"
    assert judged(nodes[2], "eth_getTransactionByHash", [name], waiting, there, there) == "stale"
    assert judged(nodes[2], "eth_getTransactionByHash", [name], None, there, there) == "stale"
    assert judged(nodes[2], "eth_getTransactionReceipt", [name], None, there, there) == "stale"
    assert judged(nodes[2], "eth_getTransactionByHash", [name], {**waiting, "value": "0x2"}) == "wrong"


def test_any_count_of_those_that_wait_is_right_and_none_beyond(nodes):
    for nonce in range(3):
        send(nodes[0], signed(nonce)[0])
    params = [SENDER.address, "pending"]
    found = [judged(nodes[2], "eth_getTransactionCount", params, hex(number)) for number in range(5)]
    assert found == ["right"] * 4 + ["wrong"]
    params = [SENDER.address, "latest"]
    found = [judged(nodes[2], "eth_getTransactionCount", params, hex(number)) for number in range(2)]
    assert found == ["right", "wrong"]


def test_a_count_of_before_is_stale(nodes):
    send(nodes[0], signed()[0])
    params = [SENDER.address, "latest"]
    there = HEAD + 2
    assert [
        judged(nodes[2], "eth_getTransactionCount", params, hex(number), there, there) for number in range(3)
    ] == [
        "stale",
        "right",
        "wrong",
    ]
    long_after = HEAD + 300
    assert judged(nodes[2], "eth_getTransactionCount", params, "0x0", long_after, long_after) == "wrong"
