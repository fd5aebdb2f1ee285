"""All who read the journal know the same, whoever was late."""

from itertools import pairwise

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.chain.journal import SENT_TRANSACTIONS_MAX, Journal, Sent
from battle.actors.shared_lines import LinesInMemory

FIRST = 5
ALICE, BOB = b"a" * 20, b"b" * 20


def sent(sender, nonce, height, *, gas=21_000, name=None, raw=b"raw"):
    return Sent(height, sender, nonce, gas, name or b"%s:%d" % (sender[:1], nonce), raw)


def names(journal, height):
    return [one.hash for one in journal.transactions_in(height)]


def sealed(journal, height):
    journal.sealed_up_to(height)
    return names(journal, height)


def test_a_transaction_is_in_the_block_for_which_it_was_accepted():
    lines = LinesInMemory()
    mine, others = Journal(lines), Journal(lines)
    mine.add(sent(ALICE, 0, 12))
    for journal in (mine, others):
        assert sealed(journal, 11) == []
        assert sealed(journal, 12) == [b"a:0"]
        assert journal.sent(b"a:0").accepted_at == 10
    assert [others.transaction_count(ALICE, height) for height in (11, 12, 13)] == [0, 1, 1]


def test_what_is_written_after_a_block_was_sealed_is_in_the_next_one_for_everybody():
    """As when the node that accepted it was stopped before it wrote."""
    lines = LinesInMemory()
    quick, late = Journal(lines), Journal(lines)
    assert sealed(quick, 12) == []
    late.add(sent(ALICE, 0, 12))
    assert [sealed(journal, 12) for journal in (quick, late, Journal(lines))] == [[], [], []]
    assert [sealed(journal, 13) for journal in (quick, late, Journal(lines))] == [[b"a:0"]] * 3


def test_the_first_of_two_with_one_nonce_counts():
    journal = Journal(LinesInMemory())
    journal.add(sent(ALICE, 0, 12, name=b"first"))
    journal.add(sent(ALICE, 0, 12, name=b"second"))
    journal.add(sent(ALICE, 0, 12, name=b"first"))
    assert sealed(journal, 12) == [b"first"]
    assert journal.sent(b"second") is None
    assert journal.is_taken(ALICE, 0)
    assert not journal.is_taken(ALICE, 1)


def test_a_nonce_that_is_too_high_waits_for_those_before_it():
    journal = Journal(LinesInMemory())
    journal.add(sent(ALICE, 1, 12))
    journal.add(sent(ALICE, 2, 13))
    assert sealed(journal, 14) == []
    assert (journal.waiting_count(ALICE), journal.is_taken(ALICE, 2)) == (0, True)
    journal.add(sent(ALICE, 0, 12))
    assert sealed(journal, 15) == [b"a:0", b"a:1", b"a:2"]


def test_a_full_block_leaves_the_rest_to_the_next_and_keeps_each_senders_order():
    journal = Journal(LinesInMemory())
    for nonce in range(SENT_TRANSACTIONS_MAX + 2):
        journal.add(sent(ALICE, nonce, 12))
    journal.add(sent(BOB, 0, 12, gas=24_990_000))
    journal.add(sent(BOB, 1, 12))
    assert len(sealed(journal, 12)) == SENT_TRANSACTIONS_MAX
    assert sealed(journal, 13) == [b"a:150", b"a:151"]
    assert sealed(journal, 14) == [b"b:0"], "block 13 has no room for so much gas"
    assert sealed(journal, 15) == [b"b:1"], "neither has block 14, and 13 is before that of its predecessor"


def test_as_many_may_wait_as_there_is_room_for(monkeypatch):
    monkeypatch.setattr("battle.actors.chain.journal.WAITING_MAX", 2)
    journal = Journal(LinesInMemory())
    journal.add(sent(ALICE, 0, 12))
    assert not journal.is_full()
    journal.add(sent(ALICE, 1, 12))
    assert journal.is_full()
    journal.sealed_up_to(12)
    assert not journal.is_full()


def test_what_waits_takes_no_more_memory_than_a_node_has(monkeypatch):
    monkeypatch.setattr("battle.actors.chain.journal.WAITING_BYTES_MAX", 100)
    journal = Journal(LinesInMemory())
    journal.add(sent(ALICE, 0, 12, raw=b"r" * 99))
    assert not journal.is_full()
    journal.add(sent(ALICE, 1, 13, raw=b"r"))
    assert journal.is_full()
    journal.sealed_up_to(12)
    assert not journal.is_full()
    journal.add(sent(ALICE, 2, 13, raw=b"r" * 99))
    assert journal.is_full()


def test_a_line_that_was_cut_off_counts_for_nothing():
    lines = LinesInMemory()
    whole = msgspec.json.encode(sent(ALICE, 0, 12))
    for end in range(len(whole)):
        lines.append(whole[:end])
    journal = Journal(lines)
    assert sealed(journal, 12) == []
    lines.append(msgspec.json.encode(sent(ALICE, 0, 14)))
    assert sealed(journal, 14) == [b"a:0"]


def test_forks_are_known_to_everybody_and_written_once():
    lines = LinesInMemory()
    for journal in (Journal(lines), Journal(lines)):
        journal.fork(5)
        journal.fork(9)
    assert Journal(lines).forks() == [9, 5]
    assert len(lines.read(0)[0]) == 2


@given(st.data())
def test_however_nodes_take_turns_they_agree_and_no_block_ever_changes(data):
    lines = LinesInMemory()
    journals = [Journal(lines) for _ in range(3)]
    known: dict[int, list[bytes]] = {}
    head = 10
    for step in range(data.draw(st.integers(5, 40))):
        journal = data.draw(st.sampled_from(journals))
        match data.draw(st.sampled_from(["send", "build", "next"])):
            case "send":  # perhaps late: with the height of a head of before
                late = data.draw(st.integers(0, 3))
                sender = data.draw(st.sampled_from([ALICE, BOB]))
                nonce = data.draw(st.integers(0, 3))
                journal.add(sent(sender, nonce, head - late + 2, name=b"%d" % step))
            case "build":
                height = data.draw(st.integers(10, head))
                assert known.setdefault(height, sealed(journal, height)) == sealed(journal, height)
            case _:
                head += 1
    everything = [[sealed(journal, height) for height in range(FIRST, head + 8)] for journal in journals]
    assert everything[0] == everything[1] == everything[2]
    for height, found in known.items():
        assert everything[0][height - FIRST] == found
    placed = [name for block in everything[0] for name in block]
    assert len(placed) == len(set(placed))
    for sender in (ALICE, BOB):
        nonces = [journals[0].sent(name).nonce for name in placed if journals[0].sent(name).sender == sender]
        assert nonces == [*range(len(nonces))]
        heights = [journals[0].transaction_count(sender, height) for height in range(FIRST, head + 8)]
        assert all(before <= after for before, after in pairwise(heights))
