"""Stories of scripted requests: what each side did stands there, in order, with whose fault it was."""

import json
from typing import Any

import msgspec
import pytest

from battle.analysis.explain.history import GatewayEndRow, LogCoverage, PaceRow, RunContext
from battle.analysis.explain.lines import WIDTH, story_lines
from battle.analysis.explain.story import Story, story_of
from battle.store.events import BreakerChanged, BreakerRejected, Event, FaultActed
from battle.terminal_text import escaped
from tests.battle.analysis.explain.rows import history
from tests.battle.histories import (
    MS,
    S,
    breaker,
    connection_changed,
    failed,
    fault,
    life,
    request,
    served,
    tried,
)


def story(*events: Event, **changes) -> Story:
    return story_of(history(*events, **changes))


def listed(found: Story) -> list[tuple[float, str, str]]:
    """The steps, with their times in milliseconds since the due time."""
    return [((step.at_ns - found.origin_ns) / MS, step.who, step.text) for step in found.steps]


def shares(found: Story) -> dict[str, float]:
    return {share.what: share.spent_ns / MS for share in found.shares}


def passed_over(at_ns: int, provider: str, number: int = 1) -> BreakerRejected:
    return BreakerRejected(at_ns=at_ns, provider=provider, transport="http", request_id=f"r{number}")


FAILOVER = [
    request(1, 4 * S, 140 * MS),
    tried(1, "a", 4 * S + 2 * MS, 4 * S + 40 * MS, "unknown", failure="closed"),
    tried(1, "b", 4 * S + 41 * MS, 4 * S + 138 * MS, attempt=2, http_status=200),
    served(1, "b", 4 * S + 42 * MS, 95 * MS),
    *fault("kill-a.1", 4 * S + 30 * MS, 6 * S),
]


def test_a_failover_is_told_from_the_due_time_to_the_answer():
    assert listed(story(*FAILOVER)) == [
        (0, "client", "scheduled: eth_blockNumber"),
        (1, "client", "sent, 1 ms late"),
        (2, "gateway", "attempt 1 goes to a: the first choice"),
        (30, "chaos", "fault kill-a.1 (kill at a) begins"),
        (32, "chaos", "a died: killed by SIGKILL (fault kill-a.1)"),
        (40, "gateway", "attempt 1 to a failed after 38 ms: the connection was closed before an answer came"),
        (41, "gateway", "attempt 2 goes to b: a retry, because attempt 1 failed"),
        (42, "provider b", "received it"),
        (137, "provider b", "replied: HTTP 200"),
        (138, "gateway", "attempt 2: b answered with HTTP 200, after 97 ms"),
        (140, "client", "got the right answer (HTTP 200)"),
    ]


def test_it_begins_with_what_it_comes_to():
    found = story(*FAILOVER)
    assert found.title == "the right answer, 140 ms after its scheduled time (eth_blockNumber, workload load)"
    assert found.summary == (
        "a failed after 38 ms: the connection was closed before an answer came (while fault "
        "kill-a.1 was in force). Then b answered in 97 ms."
    )
    assert found.situation == ()
    assert found.notes == (
        "a died before attempt 1 ended, so its log does not show it: it may have started on it.",
    )


def test_each_moment_is_put_down_to_one_thing():
    assert shares(story(*FAILOVER)) == {
        "waiting to be sent": 1,
        "in the gateway, and between it and the client": 1 + 1 + 2,
        "waiting for a (wasted)": 38,
        "between the gateway and b": 1 + 1,
        "provider b at work": 95,
    }


def test_what_was_the_case_when_it_was_due():
    found = story(
        request(1, 5 * S),
        *fault("kill-a.1", 4 * S, 6 * S),
        breaker(4 * S + 500 * MS, "closed", "open"),
        passed_over(5 * S + 2 * MS, "a"),
        tried(1, "b", 5 * S + 2 * MS, 5 * S + 45 * MS),
        life("a", "started", 0),
    )
    assert found.situation == (
        "fault kill-a.1 (kill at a) had been in force for 1 s",
        "a had been down for 998 ms",
        "the breaker of a had been open for 500 ms",
    )
    assert [text for _, who, text in listed(found) if who == "gateway"][:2] == [
        "skips a: its breaker is open",
        "attempt 1 goes to b: the first choice of the others",
    ]
    assert found.summary.startswith("a was skipped because of its breaker.")


def test_a_breaker_that_changes_with_an_attempt_is_told_after_it():
    found = story(
        failed(1, 4 * S, 60 * MS),
        breaker(4 * S - 10 * MS, "open", "half_open"),
        tried(1, "a", 4 * S + 2 * MS, 4 * S + 50 * MS, "error", failure="http_status", http_status=503),
        BreakerChanged(
            at_ns=4 * S + 50 * MS - 3000, provider="a", transport="http", from_state="half_open",
            to_state="open", reason="probe_failed",
        ),
        breaker(4 * S + 55 * MS, "open", "half_open", provider="c"),
        served(1, "a", 4 * S + 3 * MS, 46 * MS, outcome="error", http_status=503, fault_id="error_rate-a.1"),
    )  # fmt: skip
    assert listed(found)[2:] == [
        (
            2,
            "gateway",
            "attempt 1 goes to a: the first choice, and a probe, for the breaker of a is half open",
        ),
        (3, "provider a", "received it"),
        (49, "provider a", "replied: HTTP 503, because of fault error_rate-a.1"),
        (50, "gateway", "attempt 1 to a failed after 48 ms: HTTP 503"),
        (
            50,
            "gateway",
            "the breaker of a goes from half open to open: the probe failed, as attempt 1 fails",
        ),
        (55, "gateway", "the breaker of c goes from open to half open: scripted"),
        (60, "client", "ended in an error: HTTP 503"),
    ]
    assert "(fault error_rate-a.1). The gateway tried no further." in found.summary


def test_a_race_is_told_and_its_time_is_the_winners():
    found = story(
        request(1, 4 * S, 100 * MS, sent_ns=4 * S),
        tried(1, "a", 4 * S, 4 * S + 100 * MS, "unknown", failure="cancelled", hedged=True),
        tried(1, "b", 4 * S + 60 * MS, 4 * S + 100 * MS, attempt=2, reason="hedge", hedged=True),
        served(1, "a", 4 * S + 10 * MS, 200 * MS),
        served(1, "b", 4 * S + 70 * MS, 20 * MS),
    )
    assert found.summary == "b answered in 40 ms, sooner than a."
    assert "attempt 2 goes to b: a hedge, because attempt 1 had no answer for 60 ms" in _texts(found)
    assert "attempt 1 to a is cancelled after 100 ms" in _texts(found)
    assert shares(found) == {
        "waiting for a (wasted)": 60,
        "between the gateway and b": 20,
        "provider b at work": 20,
    }
    assert listed(found)[-1] == (210, "provider a", "replied: HTTP 200")  # for nobody
    assert found.notes == ("Attempts raced: the time belongs to the one that answered.",)


def _texts(found: Story) -> list[str]:
    return [step.text for step in found.steps]


def test_a_request_that_was_never_sent():
    unsent = failed(1, 4 * S, 500 * MS, sent_ns=None, failure="unsent", http_status=None)
    found = story(unsent, tried(2, "a", 4 * S, 5 * S))
    assert found.summary == "It was not sent: no connection was free in time."
    assert listed(found) == [
        (0, "client", "scheduled: eth_blockNumber"),
        (500, "client", "not sent: no connection was free in time"),
    ]
    assert shares(found) == {"waiting to be sent (wasted)": 500}


def test_why_a_request_was_late():
    pace = PaceRow(
        at_ns=5 * S, backlog=12, in_flight=64, dropped=0, lateness_p99_ns=800 * MS, loop_lag_ns=90 * MS
    )
    assert listed(story(request(1, 4 * S, 900 * MS, sent_ns=4 * S + 700 * MS), pace=pace))[1] == (
        700,
        "client",
        "sent, 700 ms late: at the end of that second 12 were queued, and 64 were in flight; 99 % of the "
        "requests sent in it were at most 800 ms late; the generator itself was stalled for up to 90 ms",
    )


ALL = LogCoverage(clients=True, gateway=True, breakers=True, providers=True)


def test_a_run_without_its_end_is_told_as_far_as_it_goes():
    partial = RunContext(world="live", ended=False, coverage=ALL)
    found = story(tried(1, "a", 4 * S, 4 * S + 40 * MS), served(1, "a", 4 * S + MS), run=partial)
    assert found.title == "its end is not in the log"
    assert [step.who for step in found.steps] == ["gateway", "provider a", "provider a", "gateway"]
    assert "The client's log does not show its end" in found.notes[0]
    assert "did not end cleanly" in found.notes[1]


def test_a_gateway_that_tells_nothing_is_known_from_the_providers_side():
    found = story(
        request(1, 4 * S, 60 * MS, sent_ns=4 * S, provider="b"),
        served(1, "a", 4 * S + 5 * MS, 10 * MS, outcome="error", http_status=503),
        served(1, "b", 4 * S + 20 * MS, 30 * MS),
    )
    assert found.summary == "a replied HTTP 503. b replied HTTP 200 in 30 ms."
    assert shares(found) == {
        "in the gateway, or on the way (not visible from outside)": 5 + 5 + 10,
        "provider a at work, and failed": 10,
        "provider b at work": 30,
    }
    assert "does not report its attempts" in found.notes[0]
    text = " ".join(" ".join(story_lines(found)).split())
    assert "no fault was in force and no node down (whether a breaker was open is not visible)." in text


def test_a_request_that_hung_at_a_provider_is_not_put_down_to_the_way():
    found = story(
        request(1, 4 * S, 60 * MS, sent_ns=4 * S, provider="b"),
        served(
            1, "a", 4 * S + 5 * MS, replied_ns=None, outcome="error", http_status=None, fault_id="hang-a.1"
        ),
        served(1, "b", 4 * S + 45 * MS, 10 * MS),
    )
    assert shares(found) == {
        "in the gateway, or on the way (not visible from outside)": 5 + 5,
        "provider a had it and did not reply, or in the gateway (not visible from outside)": 40,
        "provider b at work": 10,
    }


def test_providers_that_were_down_or_died_may_have_had_it():
    found = story(
        failed(1, 4 * S, 60 * MS, sent_ns=4 * S),
        served(2, "c", 0),
        life("a", "crashed", 3 * S, reason="killed"),
        life("b", "crashed", 4 * S + 5 * MS, reason="killed"),
    )
    assert found.summary == "It is in no provider's log: a was down, b died meanwhile and may have had it."


def test_nobody_saw_it():
    silent = failed(1, 4 * S, 60 * MS, sent_ns=4 * S, failure="refused", outcome="error", http_status=None)
    found = story(silent, served(2, "a", 0))
    assert found.summary == "It is in no provider's log."
    assert found.title.startswith("an error, 60 ms after its scheduled time: the connection was refused")


def test_what_is_not_known_to_have_taken_effect():
    lost = request(1, 4 * S, S, outcome="unknown", answer="none", failure="timeout", http_status=None)
    found = story(lost, served(1, "a", 4 * S + 5 * MS, replied_ns=None, fault_id="hang-a.1"))
    assert found.title.startswith(
        "unknown whether it took effect, 1 s after its scheduled time: timed out, no answer came"
    )
    assert "did not reply, because of fault hang-a.1" in _texts(found)
    assert found.summary == "a did not reply (fault hang-a.1)."


def gateway_end(how: Any = "killed", **changes: Any) -> GatewayEndRow:
    """It ends 12 ms after 4 s, may start again at 5 s, and is ready at 8 s."""
    fields = {
        "fault_id": None if how == "crashed" else "kill-gateway.1",
        "begun_ns": 4 * S + 12 * MS,
        "gone_ns": 4 * S + 14 * MS,
        "forced": False,
        "restarted_ns": 5 * S,
        "back_ns": 8 * S,
        "reason": "exit status 3",
    }
    return GatewayEndRow(how=how, **{**fields, **changes})


LOST = request(1, 4 * S, 20 * MS, outcome="unknown", answer="none", failure="reset", http_status=None)


@pytest.mark.parametrize(
    ("how", "cause"),
    [
        ("killed", "fault kill-gateway.1 had killed the gateway"),
        ("stopped", "fault kill-gateway.1 had asked the gateway to stop"),
        ("crashed", "the gateway had crashed (exit status 3)"),
    ],
)
def test_that_the_gateway_ended_comes_before_what_a_provider_had_not_done_by_then(how: str, cause: str):
    silent = served(1, "b", 4 * S + 2 * MS, replied_ns=None)
    found = story(LOST, silent, gateway_ends=(gateway_end(how),))
    assert found.summary == (
        f"The gateway dropped it in flight: {cause}. b had it, and had not replied by then."
    )
    assert "did not reply before the gateway ended" in _texts(found)


def test_what_a_gateway_that_ended_had_under_way_is_not_in_its_log():
    mine = tried(1, "a", 4 * S + 2 * MS, 4 * S + 5 * MS, "error", failure="refused")
    found = story(LOST, mine, gateway_ends=(gateway_end(),))
    assert found.summary == (
        "The gateway dropped it in flight: fault kill-gateway.1 had killed the gateway. a failed after 3 ms: the "
        "connection was refused, nothing listened. Attempts that were under way when the gateway ended are not in "
        "its log."
    )


def test_a_request_that_was_answered_or_over_before_was_not_dropped():
    answered = request(
        1, 4 * S, 13 * MS, outcome="error", answer="none", failure="http_status", http_status=503
    )
    before = request(1, 4 * S, 11 * MS, outcome="unknown", answer="none", failure="reset", http_status=None)
    after = request(
        1, 4 * S + 20 * MS, 9 * MS, outcome="unknown", answer="none", failure="reset", http_status=None
    )
    for one in (answered, before, after):
        assert "dropped" not in story(one, served(1, "b", 4 * S), gateway_ends=(gateway_end(),)).summary


@pytest.mark.parametrize(
    ("due_ns", "state"), [(4500 * MS, "down"), (6 * S, "starting again, and not ready yet")]
)
def test_a_gateway_that_was_started_again_and_is_not_ready_is_not_called_down(due_ns: int, state: str):
    refused = failed(1, due_ns, MS, sent_ns=None, failure="refused", http_status=None)
    found = story(refused, served(2, "a", 0), gateway_ends=(gateway_end(),))
    assert found.summary == (
        "It was not sent: the connection was refused, nothing listened. "
        f"The gateway was {state}: fault kill-gateway.1 had killed the gateway."
    )


@pytest.mark.parametrize(
    ("answer", "fault_id", "said"),
    [
        (
            "stale",
            "stale_head-a.1",
            "under fault stale_head-a.1, and the gateway passed it on. It was right at an older",
        ),
        (
            "wrong",
            "wrong_answer-a.1",
            "under fault wrong_answer-a.1, and the gateway passed it on. It is right at no",
        ),
        ("wrong", None, "No fault touched its providers' answers. It is right at no block"),
    ],
)
def test_where_an_untrue_answer_may_come_from(answer, fault_id, said):
    found = story(
        request(1, 4 * S, answer=answer),
        tried(1, "a", 4 * S + 2 * MS, 4 * S + 48 * MS),
        served(1, "a", 4 * S + 3 * MS, fault_id=fault_id),
    )
    assert said in found.summary
    assert answer.upper() in found.title
    assert found.steps[-1].tone == "bad"


@pytest.mark.parametrize("asked", ["w0-3", "w0-5"])
def test_a_batch_is_told_with_all_its_calls(asked):
    calls = [
        served(0, "a", 4 * S + 3 * MS, 10 * MS, request_id="w0-3", method=method)
        for method in ("eth_call", "eth_call", "eth_chainId")
    ]
    found = story(
        request(1, 4 * S, request_id="w0-3", method="batch"),
        tried(1, "a", 4 * S + 2 * MS, 4 * S + 48 * MS, request_id="w0-3"),
        *calls,
        request_id="w0-3",
        calls=3,
        asked_for=None if asked == "w0-3" else asked,
    )
    assert found.request_id == "w0-3"
    assert [text for _, who, text in listed(found) if who == "provider a"] == [
        "received 2 × eth_call",
        "received 1 × eth_chainId",
        "replied to 3 of 3 calls: HTTP 200",
    ]
    assert "scheduled: batch, 3 calls" in _texts(found)
    assert found.notes == (() if asked == "w0-3" else ("w0-5 is one of the 3 calls of this batch.",))


def test_a_request_over_a_websocket_is_told_with_the_connections_that_broke():
    found = story(
        request(1, 4 * S, S, outcome="unknown", answer="none", failure="closed", http_status=None),
        connection_changed("closed", 5 * S - MS, "0.1", name="load", close_code=1006),
        connection_changed("closed", 5 * S - MS, "1.1", name="load", close_code=1006),
        transport="ws",
    )
    assert listed(found)[1:3] == [
        (1, "client", "sent over a WebSocket, 1 ms late"),
        (999, "client", "2 WebSocket connections of its workload closed with code 1006"),
    ]


def test_what_faults_did_to_connections_is_told_once_for_each():
    held = [
        FaultActed(at_ns=4 * S + at * MS, fault_id="partition-a.1", node="a", action="held") for at in (5, 9)
    ]
    paused = FaultActed(at_ns=4 * S + 20 * MS, fault_id="pause-b.1", node="b", action="paused")
    found = story(request(1, 4 * S), *held, paused)
    assert [text for _, who, text in listed(found) if who == "chaos"] == [
        "fault partition-a.1 at a: a connection held, 2 times",
        "fault pause-b.1: b paused",
    ]


def test_the_parameters_of_a_fault_are_told_but_for_its_times():
    fault_events = [
        msgspec.structs.replace(
            one, parameters={"at": S, "added_latency": 300 * MS, "ratio": 0.5, "kinds": ["x"]}
        )
        for one in fault("degrade-a.1", 1 * S, 9 * S, kind="degrade")
    ]
    assert story(request(1, 4 * S), *fault_events).situation == (
        "fault degrade-a.1 (degrade at a: added_latency=300 ms, ratio=0.5) had been in force for 3 s",
    )


# Lines

HOSTILE = "evil\x1b[31m\r\n\u202e\u2028\x00"


def test_what_came_from_the_wire_is_spelled_out():
    found = story(
        request(1, 4 * S, method=HOSTILE, workload=HOSTILE, provider=HOSTILE),
        tried(1, HOSTILE, 4 * S, 4 * S + MS, "error", failure=HOSTILE),
        served(1, HOSTILE, 4 * S, fault_id=HOSTILE),
        *fault(HOSTILE, 3 * S, 4 * S + MS, target=HOSTILE),
    )
    text = "\n".join(story_lines(found))
    assert "evil\\x1b[31m\\x0d\\x0a\\u202e\\u2028\\x00" in text
    assert not set(text) & set("\x1b\r\u202e\u2028\x00")
    assert json.loads(msgspec.json.encode(found))["workload"] == HOSTILE


def test_no_line_is_wider_than_a_terminal():
    long = "x" * 400
    found = story(
        *FAILOVER,
        tried(1, long, 4 * S, 4 * S + MS, "error", failure=long),
        request(1, 4 * S, workload=long),
    )
    assert max(map(len, story_lines(found))) <= WIDTH
    assert len(escaped("y" * 10_000)) < 1_000


def test_the_text_of_a_story():
    assert "\n".join(story_lines(story(*FAILOVER))) == STORY


STORY = """\
r1: the right answer, 140 ms after its scheduled time (eth_blockNumber, workload load)

  In short: a failed after 38 ms: the connection was closed before an answer came (while fault kill-a.1 was in
    force). Then b answered in 97 ms.
  It was scheduled at 4.000 s of the run; no fault was in force, no node down, and no breaker open.

    +0.00 ms  client        scheduled: eth_blockNumber
    +1.00 ms  client        sent, 1 ms late
    +2.00 ms  gateway       attempt 1 goes to a: the first choice
   +30.00 ms  chaos       · fault kill-a.1 (kill at a) begins
   +32.00 ms  chaos       · a died: killed by SIGKILL (fault kill-a.1)
   +40.00 ms  gateway     ✗ attempt 1 to a failed after 38 ms: the connection was closed before an answer came
   +41.00 ms  gateway       attempt 2 goes to b: a retry, because attempt 1 failed
   +42.00 ms  provider b    received it
  +137.00 ms  provider b    replied: HTTP 200
  +138.00 ms  gateway       attempt 2: b answered with HTTP 200, after 97 ms
  +140.00 ms  client      ✓ got the right answer (HTTP 200)

  Where the 140 ms went
   1.00 ms    1 %                        waiting to be sent
   4.00 ms    3 %  █                     in the gateway, and between it and the client
  38.00 ms   27 %  █████                 waiting for a (wasted)
   2.00 ms    1 %                        between the gateway and b
  95.00 ms   68 %  ██████████████        provider b at work

  Note: a died before attempt 1 ended, so its log does not show it: it may have started on it."""
