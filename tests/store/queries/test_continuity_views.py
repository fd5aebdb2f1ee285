"""What WebSocket clients got, on histories of a few lines with known answers."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from battle.store.database import open_run
from battle.store.events import Event
from tests.asking import asked
from tests.battle.histories import (
    MS,
    S,
    connection_changed,
    fault,
    gap,
    notified,
    open_history,
    phases,
    published,
    subscribed,
    write_run,
)

WORKLOADS = {"scenario": {"name": "scripted", "workloads": [{"type": "ws_subscribe", "name": "heads"}]}}


def chain(first: int = 1, last: int = 8, provider: str = "a", **changes: Any) -> list[Event]:
    """Head n is published at n seconds."""
    return [published(number, number * S, provider, **changes) for number in range(first, last + 1)]


def got(numbers: Iterable[int], connection: str = "1", late_ns: int = 5 * MS) -> list[Event]:
    return [notified(number, number * S + late_ns, connection) for number in numbers]


def moment_of(event: Event) -> int:
    return int(getattr(event, "at_ns", getattr(event, "began_ns", 0)))


def view(tmp_path: Path, *events: Event, **header: Any) -> list[dict[str, Any]]:
    in_time = sorted(events, key=moment_of)
    with open_history(tmp_path, *phases(), *in_time, **(header or WORKLOADS)) as run:
        result = asked(run, "FROM head_continuity ORDER BY connection")
        return [dict(zip(result.columns, values, strict=True)) for values in result.rows]


def only(tmp_path: Path, *events: Event, **header: Any) -> dict[str, Any]:
    (row,) = view(tmp_path, *events, **header)
    return row


def ask(tmp_path: Path, query: str, *events: Event, **parameters: Any) -> list[dict[str, Any]]:
    with open_history(tmp_path, *phases(), *events, **WORKLOADS) as run:
        return [row._asdict() for row in run.query(query, **parameters)]


FLAWS = ("missed", "duplicated", "out_of_order", "went_back", "reorged", "parent_breaks")


def flaws(row: dict[str, Any]) -> dict[str, int]:
    return {name: row[name] for name in FLAWS if row[name]}


def test_a_client_that_got_every_head_once_has_no_flaw(tmp_path: Path) -> None:
    row = only(tmp_path, *chain(), *subscribed(2500 * MS), *got(range(3, 9)))
    assert (row["first_due"], row["last_due"], row["due"], row["received"]) == (3, 8, 6, 6)
    assert flaws(row) == {}
    assert (row["interrupted"], row["delay_max_ns"], row["blocks_behind_max"]) == (False, 5 * MS, 0)
    assert row["longest_silence_ns"] == S  # after the last one nothing was due


def test_a_head_that_never_came_was_missed(tmp_path: Path) -> None:
    row = only(tmp_path, *chain(), *subscribed(), *got([1, 2, 3, 6, 7, 8]))
    assert flaws(row) == {"missed": 2, "parent_breaks": 1}
    assert (row["longest_silence_ns"], row["blocks_behind_max"]) == (3 * S, 2)


def test_a_head_that_nobody_was_subscribed_to_was_due_all_the_same(tmp_path: Path) -> None:
    """After a failover the new provider publishes from its subscription on; what lies between must be filled."""
    events = [*chain(1, 3, "a"), *chain(6, 8, "b"), *subscribed()]
    assert only(tmp_path / "1", *events, *got([1, 2, 3, 6, 7, 8]))["missed"] == 2
    assert only(tmp_path / "2", *events, *got(range(1, 9)))["missed"] == 0


def test_a_client_that_got_nothing_missed_everything(tmp_path: Path) -> None:
    row = only(tmp_path, *chain(), *subscribed())
    assert (row["due"], row["missed"], row["received"], row["delay_max_ns"]) == (8, 8, 0, None)
    assert row["longest_silence_ns"] == 10 * S


def test_what_was_published_in_the_last_second_may_still_be_under_way(tmp_path: Path) -> None:
    events = [*chain(1, 9), published(10, 9500 * MS), *subscribed()]
    assert only(tmp_path, *events, *got(range(1, 9)))["missed"] == 0


def test_a_head_that_came_again_was_duplicated(tmp_path: Path) -> None:
    again = notified(3, 3500 * MS)
    assert flaws(only(tmp_path, *chain(), *subscribed(), *got(range(1, 9)), again)) == {"duplicated": 1}


def test_old_heads_that_come_again_go_back(tmp_path: Path) -> None:
    again = [notified(3, 5500 * MS), notified(4, 5600 * MS)]
    row = only(tmp_path, *chain(), *subscribed(), *got(range(1, 9)), *again)
    assert flaws(row) == {"duplicated": 2, "went_back": 1}


def test_a_head_after_its_child_is_out_of_order(tmp_path: Path) -> None:
    events = [*got([1, 2, 3]), notified(5, 5 * S), notified(4, 5100 * MS), *got([6, 7, 8])]
    row = only(tmp_path, *chain(), *subscribed(), *events)
    assert flaws(row) == {"out_of_order": 1, "went_back": 1}


def test_what_came_in_one_piece_keeps_the_order_of_the_log(tmp_path: Path) -> None:
    filled = [notified(number, 6 * S) for number in (4, 5, 6)]
    swapped = [filled[1], filled[0], filled[2]]
    rest = [*chain(), *subscribed(), *got([1, 2, 3, 7, 8])]
    assert flaws(only(tmp_path / "1", *rest, *filled)) == {}
    assert flaws(only(tmp_path / "2", *rest, *swapped)) == {"out_of_order": 1, "went_back": 1}


def reorg(at_ns: int) -> list[Event]:
    """Heads 4 and 5 are replaced by others; 4x follows 3."""
    return [
        notified(4, at_ns, branch="x", parent="0x3"),
        notified(5, at_ns, branch="x"),
        notified(6, at_ns + S, branch="x"),
    ]


def test_a_reorg_is_neither_a_step_back_nor_a_duplicate(tmp_path: Path) -> None:
    events = [
        *chain(1, 5),
        *chain(4, 8, "b", branch="x"),
        *subscribed(),
        *got(range(1, 6)),
        *reorg(5500 * MS),
    ]
    row = only(tmp_path, *events, *(notified(number, number * S, branch="x") for number in (7, 8)))
    assert flaws(row) == {"reorged": 2}


def test_heads_that_return_after_a_reorg_are_no_duplicates(tmp_path: Path) -> None:
    back = [notified(number, 6700 * MS) for number in (4, 5, 6)]
    events = [*chain(), *subscribed(), *got(range(1, 6)), *reorg(5500 * MS), *back, *got([7, 8])]
    assert flaws(only(tmp_path, *events)) == {"reorged": 5}


def test_a_reorg_below_the_first_head_is_no_step_back(tmp_path: Path) -> None:
    below = [notified(4, 5500 * MS, branch="x", parent="0x3"), notified(5, 5500 * MS, branch="x")]
    events = [*chain(), *subscribed(4500 * MS), *got([5]), *below, *got([6, 7, 8])]
    assert flaws(only(tmp_path, *events)) == {"reorged": 1}


def test_a_wrong_chain_is_not_due_to_anybody(tmp_path: Path) -> None:
    wrong = [published(900, 4 * S, "b", fault_id="wrong_chain-b.1")]
    other = fault("wrong_chain-b.1", 3 * S, 5 * S, kind="wrong_chain", target="b")
    assert only(tmp_path, *chain(), *wrong, *other, *subscribed(), *got(range(1, 9)))["due"] == 8


def test_a_stale_provider_makes_heads_late_when_another_had_them(tmp_path: Path) -> None:
    events = [*chain(), *(published(n, (n + 3) * S, "b") for n in range(1, 6)), *subscribed()]
    row = only(tmp_path, *events, *got(range(1, 6), late_ns=3 * S))
    assert (row["missed"], row["delay_max_ns"], row["blocks_behind_max"]) == (3, 3 * S, 3)


def test_an_interrupted_client_misses_what_comes_until_it_is_back(tmp_path: Path) -> None:
    first, second = subscribed(0, 3500 * MS, "1"), subscribed(5500 * MS, 10 * S, "2")
    events = [*chain(), *first, *second, *got([1, 2, 3], "1"), *got([6, 7, 8], "2")]
    one, two = view(tmp_path, *events)
    assert (one["interrupted"], one["due"], one["missed"]) == (True, 5, 2)
    assert (two["interrupted"], two["due"], two["missed"]) == (False, 3, 0)


def test_an_interrupted_client_that_never_comes_back_misses_the_rest(tmp_path: Path) -> None:
    row = only(tmp_path, *chain(), *subscribed(0, 3500 * MS), *got([1, 2, 3]))
    assert (row["interrupted"], row["missed"], row["longest_silence_ns"]) == (True, 5, 10 * S - 3005 * MS)


def test_each_interruption_is_followed_by_one_return(tmp_path: Path) -> None:
    lost = [subscribed(0, at_ns, name) for name, at_ns in (("1", 2500 * MS), ("2", 3500 * MS))]
    back = [subscribed(at_ns, 10 * S, name) for name, at_ns in (("3", 4500 * MS), ("4", 5500 * MS))]
    rows = view(tmp_path, *chain(), *(event for each in (*lost, *back) for event in each))
    with open_history(
        tmp_path / "2", *phases(), *(event for each in (*lost, *back) for event in each), **WORKLOADS
    ) as run:
        found = asked(run, "SELECT connection, resumed_ns FROM head_subscriptions ORDER BY connection").rows
    assert found == [("1", 4500 * MS), ("2", 5500 * MS), ("3", None), ("4", None)]
    assert [row["interrupted"] for row in rows] == [True, True, False, False]


def test_a_client_that_leaves_when_its_time_is_over_was_not_interrupted(tmp_path: Path) -> None:
    workloads = [{"type": "ws_subscribe", "name": "heads", "duration": 5 * S}]
    events = [*chain(), *subscribed(0, 5 * S), *got(range(1, 5))]
    row = only(tmp_path / "1", *events, scenario={"name": "scripted", "workloads": workloads})
    assert (row["interrupted"], row["missed"]) == (False, 0)
    left = [*events[:-4], connection_changed("unsubscribed", 4 * S - 1), *events[-4:]]
    assert only(tmp_path / "2", *left)["interrupted"] is False


def test_other_segments_have_other_clients(tmp_path: Path) -> None:
    """Connections are numbered per node: two shards have a connection 1 each."""
    segments: dict[str, list[Event]] = {
        "coordinator": phases(),
        "a": chain(),
        "load-heads.0": [*subscribed(), *got(range(1, 9))],
        "load-heads.1": [*subscribed(), *got(range(1, 8))],
    }
    with open_run(write_run(tmp_path / "run", segments, sealed=False, **WORKLOADS)) as run:
        found = asked(run, "SELECT segment, missed, duplicated FROM head_continuity ORDER BY 1").rows
        missed = asked(run, "SELECT segment, number, published_ns FROM missed_heads").rows
    assert found == [("load-heads.0.1", 0, 0), ("load-heads.1.1", 1, 0)]
    assert missed == [("load-heads.1.1", 8, 8 * S)]


# queries


def test_websocket_continuity_adds_up_and_lists_the_worst(tmp_path: Path) -> None:
    clients = [event for name in "123" for event in subscribed(connection=name)]
    events = [
        *chain(),
        *clients,
        *got(range(1, 9), "1"),
        *got([1, 2, 5, 6, 7, 8], "2"),
        *got(range(1, 8), "3"),
    ]
    (row,) = ask(tmp_path, "websocket_continuity", *events, limit=1)
    assert (row["subscriptions"], row["due"], row["missed"]) == (3, 24, 3)
    assert [(one["connection"], one["missed"]) for one in row["worst"]] == [("2", 2)]


def test_head_delays_are_exact_and_per_workload(tmp_path: Path) -> None:
    events = [*chain(), *subscribed(), *(notified(n, n * S + n * MS) for n in range(1, 9))]
    overall, own = ask(tmp_path, "head_delays", *events)
    assert (overall["workload"], own["workload"], own["heads"]) == (None, "heads", 8)
    assert (own["p50_ns"], own["p99_ns"], own["max_ns"]) == (4 * MS, 8 * MS, 8 * MS)


def test_a_head_from_before_the_subscription_has_no_delay(tmp_path: Path) -> None:
    events = [*chain(1, 2), *subscribed(5 * S), notified(2, 5100 * MS)]
    assert ask(tmp_path, "head_delays", *events) == []


def test_the_next_head_after_each_fault(tmp_path: Path) -> None:
    faults = [*fault("kill-a.1", 3500 * MS, 5 * S), *fault("kill-a.2", 8500 * MS, 9 * S)]
    clients = [*subscribed(connection="1"), *subscribed(connection="2")]
    events = [*chain(1, 9), *clients, *faults, *got(range(1, 9), "1"), *got([1, 2, 3, 6], "2")]
    first, second = ask(tmp_path, "heads_after_faults", *events)
    assert (first["fault_id"], first["subscriptions"], first["never"]) == ("kill-a.1", 2, 0)
    assert (first["p50_ns"], first["max_ns"]) == (505 * MS, 2505 * MS)
    assert (second["p50_ns"], second["max_ns"], second["never"]) == (None, None, 2)


def test_after_a_fault_behind_which_no_head_was_due_nobody_waits(tmp_path: Path) -> None:
    events = [*chain(), *subscribed(), *got(range(1, 9)), *fault("kill-a.1", 8500 * MS, 9 * S)]
    assert ask(tmp_path, "heads_after_faults", *events) == []


CUT: dict[str, Any] = {"close_code": 1006, "closed_by": "peer"}


def cuts(tmp_path: Path, *events: Event, **header: Any) -> list[tuple[str, str | None]]:
    with open_history(tmp_path, *phases(), *events, **(header or WORKLOADS)) as run:
        return asked(run, "SELECT made_by, fault_id FROM client_disconnects ORDER BY at_ns").rows


def test_a_cut_counts_for_the_side_that_made_it(tmp_path: Path) -> None:
    ends = [
        connection_changed("closed", 2 * S, "1.1", **CUT),
        connection_changed("closed", 3 * S, "2.1", close_code=1006, closed_by="us", detail="ping timeout"),
        connection_changed("closed", 4 * S, "3.1", close_code=1001, closed_by="peer"),
    ]
    assert cuts(tmp_path, *ends) == [("gateway", None), ("client", None), ("gateway", None)]


def test_the_end_of_the_load_and_an_interruption_cut_nothing(tmp_path: Path) -> None:
    workloads = [{"type": "ws_subscribe", "name": "heads", "duration": 5 * S}]
    ends = [
        connection_changed("closed", 5 * S, "1.1", close_code=1000, closed_by="us"),
        connection_changed("closed", 2 * S, "2.1", close_code=1006, closed_by="us", detail="interrupted"),
        connection_changed("closed", 2 * S, "1", side="provider", name="a", **CUT),
        connection_changed("refused", 2 * S, "3.1"),
    ]
    assert cuts(tmp_path, *ends, scenario={"name": "scripted", "workloads": workloads}) == []


@pytest.mark.parametrize(("peer", "made_by"), [("load", "bench"), ("heads", "bench"), ("others", "gateway")])
def test_what_a_fault_before_the_gateway_cuts_is_the_benchs(tmp_path: Path, peer: str, made_by: str) -> None:
    planned = fault("partition-gateway.1", 2 * S, 4 * S, kind="partition", target="gateway")
    parted = [msgspec.structs.replace(event, parameters={"peer": peer}) for event in planned]
    moments = (1900 * MS, 3 * S, 4500 * MS, 6 * S)
    ends = [connection_changed("closed", at_ns, f"{n}.1", **CUT) for n, at_ns in enumerate(moments)]
    assert [side for side, _ in cuts(tmp_path, *parted, *ends)] == ["gateway", made_by, made_by, "gateway"]


def test_disconnects_are_counted_per_workload_and_window(tmp_path: Path) -> None:
    events = [
        connection_changed("connected", 0, "1.1"),
        connection_changed("connected", 0, "1.1", name="asks"),
        connection_changed("closed", 2 * S, "1.1", **CUT),
        connection_changed("closed", 3 * S, "2.1", **CUT),
        connection_changed("closed", 6 * S, "3.1", close_code=1006, closed_by="us", detail="ping timeout"),
    ]
    asks, heads = ask(tmp_path / "1", "disconnects", *events, starts_ns=[0], ends_ns=[10 * S])
    assert (asks["workload"], asks["gateway"], asks["client"], asks["close_codes"]) == ("asks", 0, 0, [])
    assert (heads["connections"], heads["gateway"], heads["client"], heads["bench"]) == (1, 2, 1, 0)
    assert heads["close_codes"] == [1006]
    _, later = ask(tmp_path / "2", "disconnects", *events, starts_ns=[5 * S], ends_ns=[10 * S])
    assert (later["gateway"], later["client"]) == (0, 1)


def test_gap_fills_belong_to_the_fault_before_them(tmp_path: Path) -> None:
    events = [
        *fault("kill-a.1", 3 * S, 5 * S),
        *fault("kill-b.1", 4 * S, 5 * S, target="b"),
        gap(3200 * MS, 4, 6),
        gap(7 * S, 8, 8, outcome="partly", filled=0),
        gap(S, None, None, reason="missed", from_provider=None, outcome="nothing_missing"),
    ]
    rows = ask(tmp_path, "gap_fills_summary", *events)
    assert [(row["fault_id"], row["reason"], row["gaps"], row["heights"], row["found"]) for row in rows] == [
        (None, "missed", 1, 0, 0),
        ("kill-a.1", "failover", 2, 4, 3),
    ]
    assert (rows[1]["heights_max"], rows[1]["filled_gaps"], rows[1]["partly_gaps"]) == (3, 1, 1)


# heights that nobody published


def on_chain(providers: str = "ab", kind: str = "mock") -> dict[str, Any]:
    """Head n comes about at n seconds, as with `chain`; these are the providers."""
    scenario = {
        "name": "scripted",
        "workloads": [{"type": "ws_subscribe", "name": "heads"}],
        "chain": {"block_time": S, "start_height": 0},
        "providers": [{"type": kind, "name": name} for name in providers],
    }
    return {"scenario": scenario}


LOST = [*chain(1, 3), *subscribed(500 * MS), *got([1, 2, 3]), *fault("kill-a.1", 3500 * MS, None)]


def test_a_gateway_that_subscribes_nowhere_else_does_not_hide_what_its_clients_missed(tmp_path: Path) -> None:
    row = only(tmp_path / "1", *LOST, **on_chain("ab"))
    assert (row["last_due"], row["missed"]) == (8, 5)
    assert only(tmp_path / "2", *LOST, **on_chain("ab", kind="real"))["missed"] == 0


def test_what_no_provider_could_give_was_not_due(tmp_path: Path) -> None:
    assert only(tmp_path / "1", *LOST, **on_chain("a"))["missed"] == 0
    other = fault("kill-b.1", 5500 * MS, None, target="b")
    assert only(tmp_path / "2", *LOST, *other, **on_chain("ab"))["missed"] == 2


def test_what_came_about_in_an_outage_is_due_when_it_is_over(tmp_path: Path) -> None:
    other = fault("kill-b.1", 3500 * MS, 6500 * MS, target="b")
    events = [*LOST, *other, *(notified(n, 6600 * MS) for n in (4, 5, 6))]
    row = only(tmp_path, *events, **on_chain("ab"))
    assert (row["last_due"], row["missed"], row["blocks_behind_max"]) == (8, 2, 2)


def test_two_faults_of_one_provider_are_no_outage_of_two(tmp_path: Path) -> None:
    again = fault("latency-a.1", 3500 * MS, None, kind="latency")
    assert only(tmp_path, *LOST, *again, **on_chain("ab"))["missed"] == 5


def test_heights_and_when_they_could_be_had(tmp_path: Path) -> None:
    held = [*fault("kill-a.1", 2500 * MS, 4500 * MS), *fault("kill-b.1", 3500 * MS, 5500 * MS, target="b")]
    with open_history(tmp_path, *phases(end_ns=6 * S), *held, published(4, 4200 * MS), **on_chain()) as run:
        found = asked(run, "FROM chain_heights ORDER BY number").rows
    first_ns = [0, S, 2 * S, 3 * S, 4200 * MS, 5 * S, 6 * S]
    assert found == [(number, at_ns, number * S) for number, at_ns in enumerate(first_ns)]


# delays, by the chain's clock


def delays(tmp_path: Path, *events: Event, **header: Any) -> list[tuple[int, int]]:
    with open_history(tmp_path, *phases(), *sorted(events, key=moment_of), **(header or on_chain())) as run:
        return asked(run, "SELECT number, delay_ns FROM head_arrivals ORDER BY at_ns, number").rows


def test_a_head_fetched_before_its_provider_publishes_it_is_not_early(tmp_path: Path) -> None:
    late = [published(4, 6 * S), notified(4, 4300 * MS)]
    assert delays(tmp_path, *subscribed(), *late) == [(4, 300 * MS)]


def test_a_head_that_no_provider_published_has_a_delay(tmp_path: Path) -> None:
    events = [*subscribed(), published(4, 4 * S), notified(4, 4 * S + MS), notified(5, 7800 * MS)]
    assert delays(tmp_path / "1", *events) == [(4, MS), (5, 2800 * MS)]
    with open_history(tmp_path / "2", *phases(), *events, **on_chain()) as run:
        assert asked(run, "SELECT delay_max_ns FROM head_continuity").rows == [(2800 * MS,)]
        assert asked(run, "SELECT value FROM slo WHERE metric = 'head_delay_p99_ns'").rows == [(2800 * MS,)]
        (scoped,) = run.query("head_measures", starts_ns=[0], ends_ns=[10 * S], workload=None)
        assert scoped.delay_p99_ns == 2800 * MS
        cells = run.query("head_delays_over_time", from_ns=0, to_ns=10 * S, cell_ns=S)
        assert [(cell.at_ns, cell.max_ms) for cell in cells] == [(4 * S, 1.0), (5 * S, 2800.0)]


def test_what_a_provider_lags_counts(tmp_path: Path) -> None:
    events = [published(4, 6 * S, fault_id="stale_head-a.1"), notified(4, 6001 * MS)]
    assert delays(tmp_path, *subscribed(), *events) == [(4, 2001 * MS)]


def test_without_the_chains_clock_a_head_counts_from_its_publication(tmp_path: Path) -> None:
    events = [*subscribed(), published(4, 4500 * MS), notified(4, 4600 * MS), notified(5, 5 * S)]
    assert delays(tmp_path, *events, **on_chain(kind="real")) == [(4, 100 * MS)]


def test_a_head_that_came_again_or_is_wrong_has_no_delay(tmp_path: Path) -> None:
    events = [notified(4, 4001 * MS), notified(4, 9 * S), notified(5, 5 * S, branch="no", answer="wrong")]
    assert delays(tmp_path, *subscribed(), *events) == [(4, MS)]


def test_blocks_that_a_reorg_replaces_are_as_old_as_their_branch(tmp_path: Path) -> None:
    reorg = fault("reorg-a.1", 4500 * MS, 6500 * MS, kind="reorg")
    branch = [notified(n, 4510 * MS, branch="x", answer="stale") for n in (3, 4)]
    on_it = [notified(n, n * S + 5 * MS, branch="x", answer="stale") for n in (5, 6)]
    back = [notified(n, 6520 * MS) for n in (3, 4, 5, 6)]
    events = [*subscribed(), *got([3, 4]), *reorg, *branch, *on_it, *back, *got([7])]
    assert delays(tmp_path, *events) == [
        (3, 5 * MS),
        (4, 5 * MS),
        (3, 10 * MS),
        (4, 10 * MS),
        (5, 5 * MS),
        (6, 5 * MS),
        (5, 20 * MS),
        (6, 20 * MS),
        (7, 5 * MS),
    ]


# silence


def silence(tmp_path: Path, *events: Event, block_ns: int = S) -> int:
    header = on_chain("a")
    header["scenario"]["chain"]["block_time"] = block_ns
    return int(only(tmp_path, *events, **header)["longest_silence_ns"])


def test_a_chain_that_has_nothing_new_is_not_silent(tmp_path: Path) -> None:
    client = subscribed(500 * MS)
    assert silence(tmp_path / "1", *client, block_ns=3600 * S) == 0
    assert silence(tmp_path / "2", *client, notified(1, 8010 * MS), block_ns=8 * S) == 7510 * MS
    assert silence(tmp_path / "3", *client, block_ns=8 * S) == 9500 * MS


def test_a_silence_begins_at_most_a_block_time_before_what_was_due(tmp_path: Path) -> None:
    outage = fault("kill-a.1", 3500 * MS, 7500 * MS)
    events = [*subscribed(500 * MS), *got([1, 2, 3]), *outage]
    # From 7.5 s on 4 to 7 can be had: a block time before it begins what clients wait.
    back = [notified(n, 7600 * MS) for n in (4, 5, 6, 7)]
    assert silence(tmp_path / "1", *events, *back, *got([8, 9], late_ns=MS)) == 1100 * MS
    assert silence(tmp_path / "2", *events) == 3500 * MS
