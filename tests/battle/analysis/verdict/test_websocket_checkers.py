"""The checkers of WebSocket continuity, on histories of a few lines."""

from pathlib import Path
from typing import Any

import pytest

from battle.analysis.findings import Finding
from battle.analysis.log import Log
from battle.analysis.verdict.checker import Checker
from battle.analysis.verdict.checkers.continuity import heads_monotonic, websocket_continuity
from battle.analysis.verdict.checkers.load_generator import generator_kept_pace, something_was_sent
from battle.analysis.verdict.verdict import judge
from battle.scenario.slo.slo import Slo, SloSet
from battle.store.events import Event
from tests.battle.histories import (
    MS,
    S,
    connection_changed,
    notified,
    open_history,
    phases,
    published,
    request,
    sample,
    subscribed,
)

CHAIN: list[Event] = [published(number, number * S) for number in range(1, 9)]
CLEAN = [*CHAIN, *subscribed(), *(notified(number, number * S + 5 * MS) for number in range(1, 9))]
GAP = [event for event in CLEAN if getattr(event, "key", "") not in ("0x4", "0x5")]
TWICE = [*CLEAN, notified(8, 8500 * MS)]
BACK = [*CLEAN, notified(7, 8500 * MS)]
SUBSCRIBES = {"type": "ws_subscribe", "name": "heads", "connections": 1, "subscriptions": 1}


def found(
    tmp_path: Path,
    checker: Checker,
    events: list[Event],
    slos: SloSet | None = None,
    workloads: tuple[dict[str, Any], ...] = (SUBSCRIBES,),
) -> Finding | None:
    header = {"scenario": {"name": "scripted", "workloads": workloads}}
    with open_history(tmp_path, *phases(), *events, **header) as run:
        return checker(Log(run), slos or SloSet())


def verdict(finding: Finding | None) -> str:
    assert finding is not None
    return finding.verdict


def test_a_stream_without_a_flaw_passes_with_its_numbers(tmp_path: Path) -> None:
    finding = found(tmp_path, websocket_continuity, CLEAN)
    assert finding is not None
    assert (finding.verdict, finding.ids) == ("PASS", ())
    assert finding.summary == (
        "8 heads due to 1 subscription of heads: 0 missed, 0 twice, 0 out of order, longest silence 1 s"
    )


def closed_as_too_slow(**told: Any) -> Event:
    return connection_changed("closed", 5 * S, "7", close_code=1008, **told)


@pytest.mark.parametrize(
    "told",
    [
        [closed_as_too_slow(side="gateway", name="(clients)")],
        [closed_as_too_slow(name="lazy")],
        [closed_as_too_slow(side="gateway", name="(clients)"), closed_as_too_slow(name="lazy")],
    ],
)
def test_clients_that_read_too_slowly_are_named(tmp_path: Path, told: list[Event]) -> None:
    finding = found(tmp_path, websocket_continuity, [*GAP, *told])
    assert finding is not None
    assert finding.summary.endswith("2 never came; 1 client closed for reading too slowly (1008)")


def test_a_provider_that_found_the_gateway_too_slow_is_no_slow_client(tmp_path: Path) -> None:
    told = [closed_as_too_slow(side="provider", name="a"), closed_as_too_slow(side="gateway", name="a")]
    finding = found(tmp_path, websocket_continuity, [*CLEAN, *told])
    assert finding is not None
    assert "1008" not in finding.summary


@pytest.mark.parametrize(
    ("events", "words"),
    [
        (GAP, "workload heads: of 8 heads due 2 never came"),
        (TWICE, "workload heads: 1 head came again"),
        (
            [*CLEAN[:-3], notified(7, 7 * S), notified(6, 7 * S), notified(8, 8 * S)],
            "workload heads: 1 head came out of order",
        ),
        ([*CHAIN, *subscribed(to_ns=4500 * MS), *CLEAN[-8:-4]], None),
    ],
)
def test_each_flaw_fails_and_points_at_the_client(
    tmp_path: Path, events: list[Event], words: str | None
) -> None:
    finding = found(tmp_path, websocket_continuity, events)
    words = words or "workload heads: of 8 heads due 4 never came (1 of 1 subscription cut off)"
    assert finding is not None
    assert (finding.verdict, finding.summary, finding.ids) == ("FAIL", words, ("coordinator.1/1/s",))


@pytest.mark.parametrize(
    "slos",
    [SloSet(run=Slo(max_missed_heads=2)), SloSet(workloads={"heads": Slo(max_missed_heads=2)})],
)
def test_an_slo_decides_in_place_of_the_checker(tmp_path: Path, slos: SloSet) -> None:
    assert verdict(found(tmp_path, websocket_continuity, GAP, slos)) == "PASS"


def test_an_slo_on_another_workload_or_flaw_decides_nothing(tmp_path: Path) -> None:
    other = SloSet(run=Slo(max_duplicate_heads=2), workloads={"others": Slo(max_missed_heads=2)})
    assert verdict(found(tmp_path, websocket_continuity, GAP, other)) == "FAIL"


def test_a_run_without_subscriptions_has_no_continuity(tmp_path: Path) -> None:
    for checker in (websocket_continuity, heads_monotonic):
        assert found(tmp_path / checker.__name__, checker, [request(1)], workloads=()) is None


def test_planned_subscriptions_without_a_notification_prove_nothing(tmp_path: Path) -> None:
    finding = found(tmp_path, websocket_continuity, [request(1)])
    assert finding is not None
    assert (finding.verdict, finding.summary) == (
        "INCONCLUSIVE",
        "workload heads: no notification is in the log",
    )


def test_one_silent_workload_is_enough(tmp_path: Path) -> None:
    two = (SUBSCRIBES, {**SUBSCRIBES, "name": "others"})
    finding = found(tmp_path, websocket_continuity, CLEAN, workloads=two)
    assert finding is not None
    assert (finding.verdict, finding.summary) == (
        "INCONCLUSIVE",
        "workload others: no notification is in the log",
    )


def leaves(was_due: bool | None, kind: str = "logs") -> list[Event]:
    """A client that subscribed, heard nothing, and left."""
    return [
        connection_changed("connected", 0),
        connection_changed("subscribed", 500 * MS, kind=kind),
        connection_changed("unsubscribed", 9 * S, kind=kind, was_due=was_due),
        connection_changed("closed", 9 * S, close_code=1000, closed_by="us"),
    ]


@pytest.mark.parametrize(
    ("events", "kind", "expected", "words"),
    [
        (leaves(False), "logs", "PASS", "nothing was due to 1 subscription of heads"),
        (leaves(False, "newHeads"), "newHeads", "PASS", "no head was due to 1 subscription of heads"),
        (leaves(None), "logs", "INCONCLUSIVE", "workload heads: no notification is in the log"),
        (
            leaves(True),
            "logs",
            "FAIL",
            "workload heads: 1 subscription received nothing, although the chain had something for each",
        ),
    ],
)
def test_a_quiet_subscription_is_not_a_broken_one(
    tmp_path: Path, events: list[Event], kind: str, expected: str, words: str
) -> None:
    chain = [published(1, 0), *([] if kind == "newHeads" else [published(2, 3 * S)])]
    finding = found(tmp_path, websocket_continuity, [*chain, *events])
    assert finding is not None
    assert (finding.verdict, finding.summary) == (expected, words)


def test_what_no_provider_could_give_starves_nobody(tmp_path: Path) -> None:
    finding = found(tmp_path, websocket_continuity, [published(1, 0), *leaves(True)])
    assert finding is not None
    assert finding.verdict == "INCONCLUSIVE"


def test_an_idle_cut_after_which_the_client_comes_back_is_no_break(tmp_path: Path) -> None:
    cut = [*subscribed(500 * MS, 4 * S, "1.1"), *subscribed(4200 * MS, 10 * S, "1.2")]
    finding = found(tmp_path, websocket_continuity, [published(1, 0), *cut])
    assert finding is not None
    assert finding.verdict == "PASS"
    assert finding.summary.startswith(
        "no head was due to 2 subscriptions of heads (1 of 2 subscriptions cut off"
    )


def test_clients_that_got_none_of_the_heads_published_missed_them(tmp_path: Path) -> None:
    assert verdict(found(tmp_path, websocket_continuity, [*CHAIN, *subscribed()])) == "FAIL"


def test_clients_that_were_turned_away_were_served_by_nobody(tmp_path: Path) -> None:
    three = ({**SUBSCRIBES, "connections": 3},)
    refused = [connection_changed("refused", S, name, detail="HTTP status 405") for name in ("2", "3")]
    finding = found(tmp_path, websocket_continuity, [*CLEAN, *refused], workloads=three)
    assert finding is not None
    assert (finding.verdict, finding.summary) == (
        "FAIL",
        "workload heads: only 1 of 3 subscriptions were established, connections or subscriptions were refused 2 "
        "times (HTTP status 405)",
    )


def test_heads_that_never_go_back_are_monotonic(tmp_path: Path) -> None:
    finding = found(tmp_path, heads_monotonic, CLEAN)
    assert finding is not None
    assert (finding.verdict, finding.summary) == (
        "PASS",
        "heads of heads never went back, 99 % of them within 5 ms of their block's time, at worst 0 blocks behind, "
        "0 by reorgs",
    )


def test_a_head_lower_than_the_one_before_goes_back(tmp_path: Path) -> None:
    finding = found(tmp_path, heads_monotonic, BACK)
    assert finding is not None
    assert (finding.verdict, finding.summary, finding.ids) == (
        "FAIL",
        "workload heads: heads went back 1 time",
        ("coordinator.1/1/s",),
    )


def test_a_reorg_does_not_go_back(tmp_path: Path) -> None:
    branch = [notified(8, 8500 * MS, branch="x", parent="0x7")]
    assert verdict(found(tmp_path, heads_monotonic, [*CLEAN, *branch])) == "PASS"


def test_subscribers_alone_are_a_load(tmp_path: Path) -> None:
    sent = found(tmp_path / "1", something_was_sent, CLEAN)
    assert sent is not None
    assert (sent.verdict, sent.summary) == ("PASS", "0 requests sent, 1 subscription")
    assert found(tmp_path / "2", generator_kept_pace, CLEAN) is None
    mixed = (SUBSCRIBES, {"type": "http_constant", "name": "load"})
    assert verdict(found(tmp_path / "3", generator_kept_pace, CLEAN, workloads=mixed)) == "INCONCLUSIVE"


@pytest.mark.parametrize(
    ("slo", "status", "measured"),
    [
        (Slo(max_missed_heads=1), "missed", 2),
        (Slo(max_missed_heads=2), "met", 2),
        (Slo(max_duplicate_heads=0), "met", 0),
        (Slo(max_head_delay_ms=4), "missed", 5),
        (Slo(max_head_delay_ms=5), "met", 5),
        (Slo(max_silence_ms=2999), "missed", 3000),
        (Slo(max_silence_ms=3000), "met", 3000),
    ],
)
@pytest.mark.parametrize("of_workload", [False, True])
def test_slos_on_heads(tmp_path: Path, slo: Slo, status: str, measured: float, of_workload: bool) -> None:
    with open_history(tmp_path, *phases(), *GAP) as run:
        if of_workload:
            ((one,),) = (one.slos for one in judge(run, None, workload_slos={"heads": slo}).workload_slos)
        else:
            (one,) = judge(run, slo).slos
    assert (one.status, one.measured) == (status, measured)


@pytest.mark.parametrize(
    "slo",
    [Slo(max_missed_heads=0), Slo(max_duplicate_heads=0), Slo(max_head_delay_ms=1), Slo(max_silence_ms=1)],
)
def test_slos_on_heads_without_any_are_not_measured(tmp_path: Path, slo: Slo) -> None:
    with open_history(tmp_path, request(1)) as run:
        (one,) = judge(run, slo).slos
    assert one.status == "not_measured"


def test_a_wrong_notification_is_a_wrong_answer(tmp_path: Path) -> None:
    wrong = [*CLEAN[:-1], notified(8, 8 * S, answer="wrong")]
    with open_history(tmp_path, *phases(), *wrong) as run:
        judgement = judge(run, Slo(max_stale_answers=0), workload_slos={"heads": Slo(max_stale_answers=0)})
    finding = next(one for one in judgement.findings if one.checker == "answers_are_right")
    assert (finding.verdict, finding.ids) == ("FAIL", ("0x8",))
    assert (
        finding.summary
        == "of 8 checked answers 1 were wrong and 0 stale; 1 of them were notifications (first: 0x8)"
    )
    assert [one.status for one in judgement.slos] == ["met"]


def test_what_subscribers_were_due_to_ask_for_are_no_requests(tmp_path: Path) -> None:
    mixed = (SUBSCRIBES, {"type": "http_constant", "name": "main", "rate": 1})
    samples = [sample(S, 100, workload="main"), sample(S, 50, workload="heads")]
    kept = found(tmp_path / "1", generator_kept_pace, [*CLEAN, *samples], workloads=mixed)
    assert kept is not None
    assert kept.summary.startswith("100 of 100 due requests were sent")
    alone = found(tmp_path / "2", generator_kept_pace, [*CLEAN, samples[1]])
    assert alone is not None
    assert alone.summary == "50 of 50 due subscriptions were asked for"
    dropped = found(tmp_path / "3", generator_kept_pace, [*CLEAN, sample(S, 50, 40, workload="heads")])
    assert dropped is not None
    assert "it asked for 80 % of the 50 subscriptions that were due" in dropped.summary
