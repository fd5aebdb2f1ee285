"""What subscribers are told: heads, logs, pending transactions, and reorgs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.chain.model import ChainModel
from battle.actors.chain.notifications import (
    REORG_BLOCKS_MAX,
    fork_between,
    header,
    logs_of_block,
    pending_transactions,
    read_pattern,
    reorg_heads,
    reorg_logs,
)
from battle.actors.spec.chain import Chain
from battle.actors.wire.jsonrpc import INVALID_PARAMS, RpcError
from tests.actors.chain.chains import CHAIN, HEAD, PERSON, ask, block, heights

MODEL = ChainModel(CHAIN)
"""One of its own: it knows all branches that were ever begun on it."""

ANYTHING = read_pattern({})
views = st.one_of(st.none(), st.integers(HEAD - 30, HEAD)).map(
    lambda fork: MODEL if fork is None else MODEL.branched(fork)
)


def keys(logs):
    return [(log["blockHash"], log["logIndex"], log["removed"]) for log in logs]


@given(heights)
def test_a_header_is_the_block_without_what_stands_in_it(height):
    whole = block(height)
    published = header(MODEL, height)
    assert published == {
        name: whole[name] for name in whole if name not in ("transactions", "size", "uncles")
    }


@given(heights)
def test_the_logs_of_a_block_are_those_that_a_query_finds(height):
    here = {"fromBlock": hex(height), "toBlock": hex(height)}
    assert logs_of_block(MODEL, ANYTHING, height) == ask("eth_getLogs", here)
    for log in logs_of_block(MODEL, ANYTHING, height)[:2]:
        wanted = {"address": log["address"], "topics": [None, log["topics"][1]]}
        found = logs_of_block(MODEL, read_pattern(wanted), height)
        assert log in found
        assert found == ask("eth_getLogs", {**here, **wanted})


def test_a_pattern_chooses_and_looks_at_no_range():
    pattern = read_pattern({"address": PERSON, "fromBlock": "nonsense"})
    assert all(not logs_of_block(MODEL, pattern, height) for height in range(1, 30))


@pytest.mark.parametrize("wanted", [None, [], "latest", {"address": 5}, {"topics": ["0x12"]}])
def test_what_is_no_filter_is_refused(wanted):
    with pytest.raises(RpcError) as caught:
        read_pattern(wanted)
    assert caught.value.code == INVALID_PARAMS


@given(heights)
def test_pending_transactions_are_those_of_the_next_block_on_any_branch(height):
    pending = pending_transactions(MODEL, height)
    assert pending == block(height + 1, full=False, head=height + 1)["transactions"]
    assert pending == pending_transactions(MODEL.branched(max(1, height - 3)), height)


# Reorgs


@given(views, views)
def test_a_reorg_publishes_each_changed_height_again_linked_and_in_order(before, after):
    heads = reorg_heads(before, after, HEAD)
    changed = [
        height for height in range(1, HEAD + 1) if before.block_hash(height) != after.block_hash(height)
    ]
    assert [int(head["number"], 16) for head in heads] == changed
    for head in heads:
        height = int(head["number"], 16)
        assert head["hash"] == after.block_hash(height)
        assert head["parentHash"] == after.block_hash(height - 1)
    assert (fork_between(before, after) is None) == (before.fork_height == after.fork_height)


@given(views, views)
def test_a_reorg_takes_back_each_log_and_gives_it_again(before, after):
    published = reorg_logs(before, after, HEAD, ANYTHING)
    removed = [log for log in published if log["removed"]]
    added = [log for log in published if not log["removed"]]
    assert published == removed + added
    fork = fork_between(before, after)
    old = [
        log for height in range(fork or HEAD + 1, HEAD + 1) for log in logs_of_block(before, ANYTHING, height)
    ]
    assert [{**log, "removed": False} for log in removed] == old
    assert len(added) == len(removed)
    assert len(set(keys(published))) == len(published)


@given(views, views)
def test_there_and_back_again_leaves_the_logs_as_they_were(before, after):
    there, back = reorg_logs(before, after, HEAD, ANYTHING), reorg_logs(after, before, HEAD, ANYTHING)
    assert [log for log in there if log["removed"]] == [
        {**log, "removed": True} for log in back if not log["removed"]
    ]


def test_a_reorg_of_a_long_branch_is_told_of_its_newest_blocks():
    model = ChainModel(Chain(start_height=1200, history=1200))
    heads = reorg_heads(model.branched(1), model, 1200)
    assert len(heads) == REORG_BLOCKS_MAX
    assert heads[-1]["number"] == hex(1200)


def test_another_chain_is_no_reorg():
    other = ChainModel(Chain(seed=9))
    assert fork_between(MODEL, other) is None
    assert reorg_heads(MODEL, other, HEAD) == []
