"""What is asked of a log: all that is near a request, and nothing else; ids that are not there are told so."""

import msgspec
import pytest

from battle.analysis.explain.history import PaceRow
from battle.analysis.explain.reader import UnknownRequestError, read_histories
from battle.analysis.explain.selection import selected_requests
from battle.analysis.explain.story import story_of
from battle.errors import BattleError
from battle.store.database import open_run
from battle.store.events import BreakerRejected, Event, FaultActed
from tests.battle.analysis.explain.rows import history
from tests.battle.histories import (
    MS,
    S,
    breaker,
    connection_changed,
    failed,
    fault,
    life,
    node_sample,
    phases,
    request,
    sample,
    served,
    tried,
    write_run,
)

WORKLOADS = [
    {"type": "http_constant", "name": "load"},
    {"type": "ws_requests", "name": "calls"},
    {"type": "http_constant", "name": "batches", "batch": 3},
]

NEAR = [
    life(
        "load-load.0", "started", 0
    ),  # what a node was when the span began is as near as what happened in it
    request(1, 5 * S, 100 * MS, sent_ns=5 * S),
    tried(1, "a", 5 * S + 2 * MS, 5 * S + 20 * MS, "error", failure="http_status", http_status=503),
    tried(1, "b", 5 * S + 21 * MS, 5 * S + 98 * MS, attempt=2, http_status=200),
    served(1, "a", 5 * S + 3 * MS, outcome="error", http_status=503, fault_id="slow-a.1"),
    served(1, "b", 5 * S + 22 * MS, 70 * MS),
    BreakerRejected(at_ns=5 * S + MS, provider="c", transport="http", request_id="r1"),
    breaker(4 * S, "closed", "open", provider="c"),
    breaker(5 * S + 10 * MS, "half_open", "closed"),
    breaker(5 * S + 20 * MS, "closed", "open"),
    *fault("slow-a.1", 4 * S, 5 * S + 50 * MS, kind="degrade"),
    *fault("kill-c.1", 3 * S, None, target="c"),
    FaultActed(at_ns=5 * S + 5 * MS, fault_id="slow-a.1", node="a", action="delayed"),
    FaultActed(at_ns=5 * S + 6 * MS, fault_id="slow-a.1", node="a", action="delayed"),
]

FAR = [
    *phases(),
    breaker(3 * S, "half_open", "closed", provider="c"),
    breaker(6 * S, "open", "half_open"),
    *fault("slow-a.0", 1 * S, 2 * S, kind="degrade"),
    *fault("slow-a.2", 7 * S, 8 * S, kind="degrade"),
    life("c", "started", 0),
    life("a", "crashed", 5 * S, actor="a.pool"),
    FaultActed(at_ns=4 * S, fault_id="slow-a.1", node="a", action="cut"),
    request(2, 5 * S, 900 * MS),
    tried(2, "a", 5 * S, 6 * S),
    failed(3, 6 * S),
    failed(4, 7 * S),
    failed(5, 8 * S, failure="timeout", outcome="unknown", http_status=None),
    request(6, 8 * S, answer="stale"),
    request(7, 9 * S, answer="wrong"),
    BreakerRejected(at_ns=5 * S + MS, provider="a", transport="http", request_id="r2"),
    request(8, 2 * S, workload="calls", request_id="w1-8"),
    connection_changed("closed", 2 * S + MS, "0.1", name="calls", close_code=1006),
    connection_changed("closed", 2 * S + MS, "1.1", name="calls", close_code=1006),
    connection_changed("closed", 2 * S + MS, "0.1", name="others", close_code=1006),
    request(9, 2 * S, workload="batches", request_id="w2-3", method="batch"),
    *(served(0, "a", 2 * S + MS, request_id=f"w2-{number}") for number in (2, 3, 4, 5, 6)),
]

PACE = [sample(4 * S, 50), sample(6 * S, 50, backlog=7, lateness_p99_ns=5 * MS), sample(7 * S, 50)]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    clients = [event for event in [*NEAR, *FAR] if type(event).__name__ == "RequestEnded"]
    segments = {
        "coordinator": [event for event in [*NEAR, *FAR] if type(event).__name__ != "RequestEnded"],
        "load-load.0": [*clients, *PACE, node_sample(5 * S, "load-load.0", loop_lag_ns=3 * MS)],
    }
    directory = tmp_path_factory.mktemp("explained") / "run"
    scenario = {"name": "scripted", "workloads": WORKLOADS}
    with open_run(write_run(directory, segments, sealed=False, scenario=scenario)) as opened:
        yield opened


def test_all_that_is_near_and_nothing_else(run):
    [found] = read_histories(run, ["r1"])
    pace = PaceRow(at_ns=6 * S, backlog=7, in_flight=1, dropped=0, lateness_p99_ns=5 * MS, loop_lag_ns=3 * MS)
    expected = history(*NEAR, pace=pace)
    assert found == msgspec.structs.replace(
        expected,
        run=msgspec.structs.replace(expected.run, load_began_ns=0),
        faults=tuple(sorted(expected.faults, key=lambda fault: fault.applied_ns)),
    )


def test_a_call_is_of_its_batch(run):
    [found] = read_histories(run, ["w2-4"])
    assert (found.request_id, found.calls, found.asked_for) == ("w2-3", 3, "w2-4")
    assert [row.request_id for row in found.served] == ["w2-3", "w2-4", "w2-5"]
    assert read_histories(run, ["w2-3"])[0].asked_for is None


def test_a_websocket_request_comes_with_the_connections_its_workload_lost(run):
    [found] = read_histories(run, ["w1-8"])
    assert found.transport == "ws"
    assert [(row.change, row.close_code, row.connections) for row in found.connections] == [
        ("closed", 1006, 2)
    ]


def test_several_come_in_the_order_asked(run):
    assert [one.request_id for one in read_histories(run, ["r3", "r1"])] == ["r3", "r1"]


def test_one_that_only_a_provider_knows(run):
    [found] = read_histories(run, ["w2-2"])
    assert found.client is None
    assert [row.request_id for row in found.served] == ["w2-2"]


def test_an_unknown_id_is_told_with_its_neighbours(run):
    with pytest.raises(
        UnknownRequestError, match=r"no request 'r0': the nearest ids are r1, r2, r3; --worst"
    ):
        read_histories(run, ["r1", "r0"])


def test_a_run_that_was_cut_off_is_told_as_far_as_it_goes(tmp_path):
    segments: dict[str, list[Event]] = {
        "coordinator": phases("started", "load_began"),
        "gateway": [tried(1, "a", 4 * S, 4 * S + 40 * MS)],
        "a": [served(1, "a", 4 * S + MS)],
    }
    with open_run(write_run(tmp_path / "run", segments, sealed=False)) as cut_off:
        found = story_of(read_histories(cut_off, ["r1"])[0])
    assert found.title == "its end is not in the log"
    assert [note[:40] for note in found.notes] == [
        "The client's log does not show its end: ",
        "The run did not end cleanly: some of wha",
    ]


@pytest.mark.parametrize(
    ("pick", "ids"),
    [
        ("worst", ["r2", "r1", "w1-8"]),
        ("errors", ["r3", "r5", "r4"]),  # one of each kind first
        ("wrong", ["r7", "r6"]),
    ],
)
def test_those_worth_a_story_are_picked(run, pick, ids):
    assert selected_requests(run, pick, 3) == ids


@pytest.mark.parametrize("limit", [0, 101])
def test_only_so_many_are_picked(run, limit):
    with pytest.raises(BattleError, match=f"--worst takes 1 to 100, not {limit}"):
        selected_requests(run, "worst", limit)
