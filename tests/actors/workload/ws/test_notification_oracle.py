"""What notifications are worth: true ones on the main branch, on others, of another chain, changed, early, late."""

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from battle.actors.chain.generated_params import params_for
from battle.actors.chain.invented_transactions import TRANSFER
from battle.actors.chain.model import ChainModel
from battle.actors.chain.notifications import (
    header,
    logs_of_block,
    pending_transactions,
    read_pattern,
    reorg_heads,
    reorg_logs,
)
from battle.actors.rng import Draws
from battle.actors.spec.chain import Chain
from battle.actors.spec.workloads import LogFilter
from battle.actors.units import seconds
from battle.actors.workload.ws.notification_oracle import REORG_BLOCKS, NotificationOracle

CHAIN = Chain(seed=3, start_height=500, block_time=seconds(1))
MODEL = ChainModel(CHAIN)
OTHER = ChainModel(Chain(seed=4, start_height=500, block_time=seconds(1)))
KINDS = ("newHeads", "logs", "newPendingTransactions")
ANYTHING = read_pattern({})

heights = st.integers(501, 560)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=70),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["number", "hash", "parentHash", "blockNumber", "blockHash", "logIndex", "removed"]
            ),
            inner,
            max_size=7,
        )
    ),
    max_leaves=12,
)


def judge(kind="newHeads", checks=True, model=MODEL):
    return NotificationOracle(model, kind, checks=checks)


def at(height):
    """Just when the block at `height` is the newest."""
    return (height - 500) * seconds(1)


def worth(told, kind="newHeads", *, now=560, newest=0, by=None):
    answer, _ = (by or judge(kind)).judged(msgspec.json.encode(told), at(now), newest)
    return answer


def published(kind, height, model=MODEL):
    """What is published of a block, as results of notifications."""
    if kind == "newHeads":
        return [header(model, height)]
    if kind == "logs":
        return logs_of_block(model, ANYTHING, height)
    return pending_transactions(model, height - 1)


@given(st.sampled_from(KINDS), heights)
def test_what_the_chain_publishes_is_right(kind, height):
    for told in published(kind, height):
        assert worth(told, kind, now=height) == "right"


@given(st.sampled_from(KINDS), heights)
def test_what_another_chain_publishes_is_wrong(kind, height):
    for told in published(kind, height, OTHER):
        assert worth(told, kind) == "wrong"


@given(st.sampled_from(KINDS), heights)
def test_what_is_not_there_yet_is_wrong(kind, height):
    early = 2 if kind == "newPendingTransactions" else 1
    for told in published(kind, height):
        assert worth(told, kind, now=height - early) == "wrong"


@given(st.sampled_from(KINDS), heights, st.integers(0, 200))
def test_what_is_older_than_a_reorg_is_stale(kind, height, ahead):
    for told in published(kind, height):
        expected = "stale" if ahead > REORG_BLOCKS else "right"
        assert worth(told, kind, now=900, newest=height + ahead) == expected


@given(st.integers(505, 540), st.integers(0, 20), st.integers(0, 20))
def test_heads_of_a_reorg_are_stale_and_those_after_its_end_right(fork, beyond, depth):
    branch, head = MODEL.branched(fork), fork + beyond
    came = reorg_heads(MODEL, branch, head)
    assert [worth(told, now=head) for told in came] == ["stale"] * (beyond + 1)
    back = reorg_heads(branch, MODEL, head)
    assert [worth(told, now=head, newest=head) for told in back] == ["right"] * (beyond + 1)


@given(st.integers(505, 540), st.integers(0, 10))
def test_logs_of_a_reorg(fork, beyond):
    branch, head = MODEL.branched(fork), fork + beyond
    begun = [
        (log["removed"], worth(log, "logs", now=head)) for log in reorg_logs(MODEL, branch, head, ANYTHING)
    ]
    assert {answer for _, answer in begun} <= {"stale"}
    ended = [
        (log["removed"], worth(log, "logs", now=head)) for log in reorg_logs(branch, MODEL, head, ANYTHING)
    ]
    assert {answer for _, answer in ended} <= {"right"}
    assert [removed for removed, _ in begun] == [removed for removed, _ in ended]


@given(st.sampled_from(("newHeads", "logs")), heights, st.data())
def test_one_changed_member_makes_it_wrong(kind, height, data):
    came = published(kind, height)
    assume(came)
    told = came[0]
    member = data.draw(st.sampled_from(sorted(told)))
    changed = data.draw(JSON)
    assume(msgspec.json.encode(changed) != msgspec.json.encode(told[member]))
    # The block of this log was not removed on the main branch: true of another only.
    expected = "stale" if member == "removed" and changed is True else "wrong"
    assert worth({**told, member: changed}, kind) == expected
    left = {name: value for name, value in told.items() if name != member}
    assert worth(left, kind) == "wrong"


@given(st.sampled_from((*KINDS, LogFilter())), JSON.map(msgspec.json.encode) | st.binary())
def test_nonsense_is_wrong_and_harmless(kind, text):
    answer, reading = judge(kind).judged(text, at(560), 0)
    assert answer == "wrong"
    assert len(reading.key) <= 250


@given(st.integers(0, 2**60), st.sampled_from(["0x%064x", "0x0%063x"]))
def test_any_number_with_any_hash_is_harmless(number, form):
    head = {**header(MODEL, 510), "number": hex(number)}
    assert worth(head) == ("right" if number == 510 else "wrong")
    assert worth({**head, "hash": form % number}) == "wrong"


def test_a_header_may_come_with_size_and_uncles_and_nothing_else():
    whole = MODEL.block_at(510).header
    assert worth(whole) == "right"
    assert worth({**whole, "size": "0x1"}) == "wrong"
    assert worth({**whole, "transactions": []}) == "wrong"


def test_white_space_and_order_do_not_matter():
    told = dict(reversed(header(MODEL, 510).items()))
    text = msgspec.json.format(msgspec.json.encode(told))
    assert judge().judged(text, at(510), 0)[0] == "right"


def test_what_is_logged_of_each_kind():
    head = header(MODEL, 510)
    _, said = judge().judged(msgspec.json.encode(head), at(510), 0)
    assert said == ("main", 510, head["hash"], 510, head["hash"], head["parentHash"])
    log = next(log for height in range(500, 560) for log in logs_of_block(MODEL, ANYTHING, height)[1:2])
    _, said = judge("logs").judged(msgspec.json.encode(log), at(560), 0)
    height, block = int(log["blockNumber"], 16), log["blockHash"]
    assert said == ("main", height, f"{block}:1", height, block, None)
    _, said = judge("logs").judged(msgspec.json.encode({**log, "removed": True}), at(560), 0)
    assert said.key == f"{block}:1:removed"
    (pending, *_) = next(filter(None, (pending_transactions(MODEL, height) for height in range(510, 560))))
    _, said = judge("newPendingTransactions").judged(msgspec.json.encode(pending), at(560), 0)
    assert (said.key, said.number, said.hash, said.parent_hash) == (pending, None, None, None)


def test_logs_must_match_the_filter():
    logs = [log for height in range(500, 560) for log in published("logs", height)]
    token = logs[0]["address"]
    wanted = judge(LogFilter(token, (TRANSFER,)))
    expected = ["right" if log["address"] == token else "wrong" for log in logs]
    assert [worth(log, by=wanted) for log in logs] == expected
    assert set(expected) == {"right", "wrong"}


def test_a_transaction_that_stands_in_no_block_is_wrong():
    assert worth("0x" + "12" * 32, "newPendingTransactions") == "wrong"


def test_what_is_not_true_yet_may_be_so_later():
    for kind in KINDS:
        one = judge(kind)
        told = next(filter(None, (published(kind, height) for height in range(520, 560))))[0]
        answers = [worth(told, kind, now=now, by=one) for now in (510, 560)]
        assert answers == ["wrong", "right"]


def test_a_transaction_that_was_sent_waits_until_it_is_in_a_block():
    model = ChainModel(CHAIN)
    (raw,) = params_for(model, "eth_sendRawTransaction", 0, 1, 510, Draws(1, "sent"))
    name = model.answer("eth_sendRawTransaction", [raw], 510)
    one = judge("newPendingTransactions", model=model)
    assert worth(name, now=510, by=one) == "wrong"
    model.accept([raw], 510)
    assert [worth(name, now=now, by=one) for now in (511, 512, 530)] == ["right"] * 3
    assert pending_transactions(model, 511)[-1] == name


def test_a_chain_that_is_not_the_models_is_not_judged_but_read():
    other = header(OTHER, 510)
    answer, said = judge(checks=False).judged(msgspec.json.encode(other), 0, 0)
    assert (answer, said.number, said.hash, said.parent_hash) == (
        "none",
        510,
        other["hash"],
        other["parentHash"],
    )
    assert judge(checks=False).judged(b"nonsense", 0, 0)[0] == "none"


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_is_worked_out_once_and_the_memory_is_bounded(kind):
    one = judge(kind)
    told = [msgspec.json.encode(told) for height in range(550, 560) for told in published(kind, height)]
    first = [one.judged(text, at(560), 0) for text in told]
    one._read = None
    assert [one.judged(text, at(560), 0) for text in told] == first
    fresh = judge(kind)
    for number in range(3000):
        fresh.judged(b'"%d"' % number, 0, 0)
    fresh.judged(b'"%b"' % (b"x" * 10**6), 0, 0)
    assert len(fresh._readings) <= 256
    assert max(map(len, fresh._readings)) < 20_000
