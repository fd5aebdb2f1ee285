"""The states of a server's connection: what the table allows, and the paths that few clients take."""

from typing import Any

import pytest

from battle.actors.units import ms
from battle.actors.wire.http.server import (
    RECEIVING,
    TRANSITIONS,
    UPGRADED,
    Event,
    HttpServerConnection,
    State,
)
from tests.actors.wire.http.server_stage import HASTY, POST, all_of
from tests.actors.wire.http.test_server_replies import Debtor, owing

CLOSING = POST.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")


def test_each_state_has_its_row_and_can_be_reached():
    assert TRANSITIONS.keys() == set(State)
    reached, fresh = set(), {RECEIVING}
    while fresh:
        reached |= fresh
        fresh = {to for state in fresh for to in TRANSITIONS[state].values()} - reached
    assert reached == set(State)


def test_each_event_can_happen():
    assert {event for row in TRANSITIONS.values() for event in row} == set(Event)


def test_a_client_can_go_at_any_time_but_after_an_upgrade_it_is_not_ours():
    assert {state for state in State if Event.CLIENT_GONE not in TRANSITIONS[state]} == {UPGRADED}
    assert TRANSITIONS[UPGRADED] == {}


def test_what_the_table_does_not_list_is_a_mistake_of_ours():
    class Clock:
        def now_ns(self):
            return 0

        def call_at(self, at_ns, fn, *args):
            return None

    nobody: Any = None
    world: Any = Clock()
    connection = HttpServerConnection(world, nobody, HASTY, Debtor())
    with pytest.raises(AssertionError, match="UPGRADE cannot happen in RECEIVING"):
        connection.upgrade(nobody, nobody)


def test_what_follows_the_last_request_is_ignored(either_world):
    async def script(stage, stream, debtor):
        stream.write(CLOSING + b"{}")
        await stage.sleep(ms(5))
        stream.write(POST + b"{}" + POST[:10])
        await stage.sleep(HASTY.request_timeout + ms(50))
        owed = len(debtor.owed)
        debtor.answer()
        debtor.stream.close()
        return owed, await all_of(stream)

    owed, answer = either_world(owing(script))
    assert owed == 1
    assert answer.count(b"HTTP/1.1 ") == 1


def test_what_follows_the_last_request_in_its_own_bytes_is_refused_once_that_is_answered(either_world):
    async def script(stage, stream, debtor):
        stream.write(CLOSING + b"{}" + POST + b"{}" + POST[:10])
        await stage.sleep(HASTY.request_timeout + ms(50))
        owed = len(debtor.owed)
        debtor.answer()
        return owed, await all_of(stream)

    owed, answer = either_world(owing(script))
    assert owed == 1
    assert [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]] == [b"200", b"400"]
