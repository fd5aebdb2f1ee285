"""Mailboxes: the bound, the policies, what death does to messages, and asking."""

from collections.abc import Callable
from typing import Any

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.system import (
    ActorDeadError,
    AskTimeoutError,
    Envelope,
    Inbox,
    Mailbox,
    MailboxFullError,
    MailboxSpec,
)
from battle.actors.units import ms, seconds

Run = Callable[..., Any]


async def read(box: Mailbox, inbox: Inbox) -> list[Any]:
    """All that is there, without waiting for more."""
    messages = []
    while box.statistics().queued:
        messages.append(await inbox.receive())
    return messages


async def echo(inbox: Inbox, delay: float = 0) -> None:
    async for question in inbox:
        await trio.sleep(delay)
        question.reply(("echo", question.message))


def test_messages_come_in_the_order_they_were_told(run: Run) -> None:
    async def main() -> None:
        box = Mailbox("a")
        inbox = box.open()
        assert await box.ref.tell(1)
        assert box.ref.tell_nowait(2)
        assert [await inbox.receive(), await inbox.receive()] == [1, 2]
        assert box.ref.statistics().received == 2
        box.close()

    run(main)


@pytest.mark.parametrize("wait", [True, False])
def test_under_drop_a_full_mailbox_drops_what_is_new_and_counts(run: Run, wait: bool) -> None:
    async def main() -> None:
        box = Mailbox("a", MailboxSpec(2, "drop"))
        inbox = box.open()
        told = [(await box.ref.tell(n)) if wait else box.ref.tell_nowait(n) for n in range(4)]
        assert told == [True, True, False, False]
        assert box.statistics().dropped_overflow == 2
        assert await read(box, inbox) == [0, 1]
        box.close()

    run(main)


def test_under_wait_the_sender_waits_for_room_and_nothing_is_lost(run: Run) -> None:
    async def main() -> None:
        box = Mailbox("a", MailboxSpec(1))
        inbox = box.open()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(box.ref.tell, 1)
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(box.ref.tell, 2)
            await trio.testing.wait_all_tasks_blocked()
            assert (box.statistics().queued, box.statistics().senders_waiting) == (1, 1)
            assert await read(box, inbox) == [1, 2]
        assert box.statistics().dropped_overflow == 0
        box.close()

    run(main)


def test_under_wait_a_sender_that_cannot_wait_is_told_that_its_message_was_dropped(run: Run) -> None:
    async def main() -> None:
        box = Mailbox("a", MailboxSpec(1))
        inbox = box.open()
        assert [box.ref.tell_nowait(n) for n in range(3)] == [True, False, False]
        assert box.statistics().dropped_overflow == 2
        assert await read(box, inbox) == [0]
        box.close()

    run(main)


def test_a_waiting_sender_that_is_cancelled_has_sent_nothing(run: Run) -> None:
    async def main() -> None:
        box = Mailbox("a", MailboxSpec(1))
        inbox = box.open()
        await box.ref.tell(1)
        with trio.move_on_after(1) as scope:
            await box.ref.tell(2)
        assert scope.cancelled_caught
        assert await read(box, inbox) == [1]
        box.close()

    run(main)


@pytest.mark.parametrize("overflow", ["wait", "drop"])
def test_tell_is_a_checkpoint_before_it_sends(run: Run, overflow: Any) -> None:
    async def main() -> None:
        box = Mailbox("a", MailboxSpec(1, overflow))
        inbox = box.open()
        with trio.CancelScope() as scope:
            scope.cancel()
            await box.ref.tell(1)
        assert scope.cancelled_caught
        assert await read(box, inbox) == []
        with trio.testing.assert_checkpoints():
            await box.ref.tell(2)
        box.close()

    run(main)


def test_the_ref_means_the_current_incarnation_and_the_unread_is_dropped_and_counted(run: Run) -> None:
    async def main() -> None:
        box = Mailbox("a")
        first = box.open()
        for n in range(3):
            await box.ref.tell(n)
        assert await first.receive() == 0
        box.close()
        assert await box.ref.tell("to nobody") is False
        assert box.ref.tell_nowait("to nobody") is False
        second = box.open()
        await box.ref.tell("hello")
        assert await read(box, second) == ["hello"]
        counts = box.statistics()
        assert (counts.received, counts.dropped_dead, counts.dropped_overflow) == (2, 4, 0)
        box.close()

    run(main)


@pytest.mark.parametrize("death", [Mailbox.end, Mailbox.close])
def test_a_sender_that_waits_for_room_is_freed_by_the_actors_death(
    run: Run, death: Callable[[Mailbox], None]
) -> None:
    async def main() -> None:
        box = Mailbox("a", MailboxSpec(1))
        box.open()
        await box.ref.tell(1)
        entered = []

        async def tell() -> None:
            entered.append(await box.ref.tell(2))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(tell)
            await trio.testing.wait_all_tasks_blocked()
            death(box)
        box.close()
        assert entered == [False]
        assert box.statistics().dropped_dead == 2

    run(main)


def test_an_ended_mailbox_can_be_read_to_its_end_and_takes_nothing_more(run: Run) -> None:
    async def main() -> None:
        box = Mailbox("a")
        inbox = box.open()
        await box.ref.tell(1)
        box.end()
        assert await box.ref.tell(2) is False
        assert [message async for message in inbox] == [1]
        with pytest.raises(trio.EndOfChannel):
            await inbox.receive()
        box.close()
        with pytest.raises(trio.ClosedResourceError):
            await inbox.receive()

    run(main)


def test_ask_returns_the_answer(run: Run) -> None:
    async def main() -> None:
        box = Mailbox("a")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(echo, box.open(), 2)
            assert await box.ref.ask("hi", timeout=seconds(3)) == ("echo", "hi")
            assert trio.current_time() == pytest.approx(2)
            box.end()
        box.close()

    run(main)


def test_ask_gives_up_in_time_and_the_late_answer_is_ignored(run: Run) -> None:
    async def main() -> None:
        box = Mailbox("a")
        inbox = box.open()
        with pytest.raises(AskTimeoutError, match="a did not answer within 50 ms"):
            await box.ref.ask("hi", timeout=ms(50))
        assert trio.current_time() == pytest.approx(0.05)
        question = await inbox.receive()
        question.reply("too late")
        box.close()

    run(main)


def test_the_timeout_of_ask_includes_the_wait_for_room(run: Run) -> None:
    async def main() -> None:
        box = Mailbox("a", MailboxSpec(1))
        box.open()
        await box.ref.tell("full")
        with pytest.raises(AskTimeoutError):
            await box.ref.ask("hi", timeout=seconds(1))
        assert box.statistics().queued == 1
        box.close()

    run(main)


def test_asking_the_dead_fails_at_once(run: Run) -> None:
    async def main() -> None:
        box = Mailbox("a")
        with pytest.raises(ActorDeadError, match="a is not running"):
            await box.ref.ask("before its first incarnation")
        box.open()
        box.end()
        with pytest.raises(ActorDeadError):
            await box.ref.ask("while it is stopping")
        box.close()
        with pytest.raises(ActorDeadError):
            await box.ref.ask("after")
        assert trio.current_time() == 0
        assert box.statistics().dropped_dead == 3

    run(main)


@pytest.mark.parametrize("was_read", [True, False])
def test_an_actor_that_dies_before_it_answers_fails_its_askers_at_once(run: Run, was_read: bool) -> None:
    async def main() -> None:
        box = Mailbox("a")
        inbox = box.open()

        async def ask() -> None:
            with pytest.raises(ActorDeadError):
                await box.ref.ask("hi", timeout=seconds(100))
            assert trio.current_time() == 0

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await trio.testing.wait_all_tasks_blocked()
            questions = await read(box, inbox) if was_read else []
            box.close()
            for question in questions:
                question.reply("from a helper that lived on")
        assert box.statistics().dropped_dead == (0 if was_read else 1)

    run(main)


def test_an_answer_given_just_before_the_end_still_counts(run: Run) -> None:
    async def main() -> None:
        box = Mailbox("a")
        inbox = box.open()

        async def answer_and_die() -> None:
            question = await inbox.receive()
            question.reply(42)
            box.close()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer_and_die)
            assert await box.ref.ask("hi") == 42

    run(main)


def test_a_question_that_the_policy_drops_fails_at_once(run: Run) -> None:
    async def main() -> None:
        box = Mailbox("a", MailboxSpec(1, "drop"))
        box.open()
        await box.ref.tell("in its way")
        with pytest.raises(MailboxFullError):
            await box.ref.ask("hi")
        assert trio.current_time() == 0
        box.close()

    run(main)


def test_an_asker_that_is_cancelled_leaves_nothing_behind(run: Run) -> None:
    async def main() -> None:
        box = Mailbox("a", MailboxSpec(1))
        inbox = box.open()
        for _ in range(2):  # the first waits for its answer; the second, in the full mailbox, for room
            with trio.move_on_after(1) as scope:
                await box.ref.ask("hi", timeout=seconds(100))
            assert scope.cancelled_caught
        assert box._unanswered == {}
        assert len(await read(box, inbox)) == 1
        box.close()

    run(main)


def test_a_question_is_answered_once() -> None:
    question = Envelope("hi")
    question.reply(1)
    with pytest.raises(RuntimeError, match="once"):
        question.reply(2)


def test_an_actor_has_one_inbox_at_a_time(run: Run) -> None:
    async def main() -> None:
        box = Mailbox("a")
        box.open()
        with pytest.raises(AssertionError):
            box.open()
        box.close()
        box.close()

    run(main)


def test_a_mailbox_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        MailboxSpec(0)


actions = st.lists(st.sampled_from(["tell", "read", "close", "open"]), max_size=40)


@given(actions, st.integers(1, 3), st.sampled_from(["wait", "drop"]))
def test_every_message_is_accounted_for(script: list[str], capacity: int, overflow: Any) -> None:
    async def main() -> None:
        box = Mailbox("a", MailboxSpec(capacity, overflow))
        inbox: Inbox | None = None
        told = 0
        for action in script:
            if action == "tell":
                box.ref.tell_nowait(told)
                told += 1
            elif action == "close":
                box.close()
                inbox = None
            elif action == "open" and inbox is None:
                inbox = box.open()
            elif action == "read" and inbox is not None and box.statistics().queued:
                await inbox.receive()
            now = box.statistics()
            assert now.queued <= capacity
            assert told == now.queued + now.received + now.dropped_overflow + now.dropped_dead
        box.close()

    trio.run(main)
