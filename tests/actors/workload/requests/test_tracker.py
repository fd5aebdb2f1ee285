"""What the log is told of a request that ended."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.units import seconds
from battle.actors.wire.http.messages import HttpResponse
from battle.actors.workload.requests.outcome import Ending
from battle.actors.workload.requests.request import Request
from battle.actors.workload.requests.tracker import RequestTracker
from battle.actors.world.interfaces import World
from battle.store.events import RequestEnded

NOW_NS = seconds(3)

maybe = st.none() | st.integers(0, 2**63 - 1)
ages = st.just((None, None)) | st.tuples(st.integers(0, 300), st.integers(0, 10**12))

ENDINGS = st.builds(
    lambda outcome, answer, failure, code, height, age, expected: Ending(
        outcome, answer, failure, code, height, age[0], age[1], expected
    ),
    st.sampled_from(["ok", "error", "unknown"]),
    st.sampled_from(["right", "wrong", "stale", "none"]),
    st.none() | st.sampled_from(["timeout", "rpc_error"]),
    maybe, maybe, ages, maybe,
)  # fmt: skip


def logged(ending: Ending, response: HttpResponse | bytes | None, *, sent: bool) -> RequestEnded:
    events: list[Any] = []
    world = SimpleNamespace(
        now_ns=lambda: NOW_NS,
        log=SimpleNamespace(append=events.append),
        call_at=lambda *_: SimpleNamespace(cancel=lambda: None),
    )
    tracker = RequestTracker(cast(World, world), "load", seconds(10), closed_loop=False)
    request = Request("w0-4", "eth_blockNumber", [], seconds(1), b"")
    tracker.due(request)
    if sent:
        tracker.sent(request, cast(Any, SimpleNamespace()))
    tracker.end(request, ending, NOW_NS + 5, response)
    [event] = events
    assert isinstance(event, RequestEnded)
    return event


@given(ENDINGS)
def test_the_log_has_all_of_an_ending(ending: Ending) -> None:
    event = logged(ending, None, sent=True)
    assert Ending(
        event.outcome, event.answer, event.failure, event.rpc_code, event.height, event.blocks_behind,
        event.stale_ns, event.expected_rpc_code,
    ) == ending  # fmt: skip
    assert (event.request_id, event.workload, event.method) == ("w0-4", "load", "eth_blockNumber")
    assert (event.scheduled_ns, event.sent_ns, event.ended_ns) == (seconds(1), NOW_NS, NOW_NS + 5)


@pytest.mark.parametrize("ending", [Ending("ok", "right"), Ending("error", "none", "rpc_error", -32000)])
@pytest.mark.parametrize(
    ("response", "told"),
    [
        (HttpResponse(201, {b"x-battle-provider": b"a"}, b"body", True), (201, "a", 4)),
        (HttpResponse(500, {}, b"", True), (500, None, 0)),
        (b"message", (None, None, 7)),
        (None, (None, None, None)),
    ],
)
def test_the_log_says_what_came(ending: Ending, response: Any, told: Any) -> None:
    event = logged(ending, response, sent=True)
    assert (event.http_status, event.provider, event.response_bytes) == told


def test_what_never_left_was_not_sent() -> None:
    assert logged(Ending("error", failure="unsent"), None, sent=False).sent_ns is None
