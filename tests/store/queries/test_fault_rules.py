"""What counts as the effect of each fault of the catalogue, on histories of a few lines."""

from pathlib import Path
from typing import Any, get_args

import pytest

from battle.actors.spec.faults.behaviour import AnswerFault
from battle.actors.spec.faults.chain import ChainFault
from battle.actors.spec.faults.schedule import Fault
from battle.actors.spec.faults.transport import TransportFault
from battle.actors.spec.faults.websocket import WebSocketFault
from battle.store.events import Event
from tests.asking import asked
from tests.battle.histories import (
    MS,
    S,
    acted,
    breaker,
    connection_changed,
    fault,
    life,
    open_history,
    phases,
    published,
    served,
    tried,
)

KINDS = [struct.kind() for struct in get_args(Fault)]
ID = "fault-a.1"


def window(tmp_path: Path, *events: Event) -> dict[str, Any]:
    with open_history(tmp_path, *phases(), *events) as run:
        result = asked(run, "FROM fault_windows")
    (row,) = (dict(zip(result.columns, values, strict=True)) for values in result.rows)
    return row


def observed(tmp_path: Path, kind: str, *events: Event) -> bool:
    """Whether a fault of this kind at a, from 3 s to 5 s, had its effect in this history."""
    planned, applied, *_, reverted = fault(ID, 3 * S, 5 * S, kind=kind)
    return bool(window(tmp_path, planned, applied, reverted, *events)["effect_observed"])


NOTICED = tried(1, "a", 4 * S, 4 * S + MS, "error")
ENDED = {
    "kill": life("a", "crashed", 3 * S, reason=f"killed by SIGKILL (fault {ID})"),
    "flap": life("a", "crashed", 3 * S, reason=f"killed by SIGKILL (fault {ID})"),
    "restart": life("a", "crashed", 3 * S, reason=f"exit status 0 (fault {ID})"),
    "pause": acted(ID, "paused", 3 * S),
}
TAGGED = served(2, "a", 4 * S, fault_id=ID)
ACTED = acted(ID, "delayed", 4 * S)
REFUSED = tried(1, "a", 4 * S, 4 * S + MS, "error", failure="refused")
HEAD = published(4, 4 * S, fault_id=ID)
TURNED_DOWN = connection_changed("rejected", 4 * S, side="provider", name="a", fault_id=ID)

BEHAVIOUR = [struct.kind() for struct in get_args(Fault) if issubclass(struct, AnswerFault)]
CHAIN = [struct.kind() for struct in get_args(Fault) if issubclass(struct, ChainFault)]
TRANSPORT = [struct.kind() for struct in get_args(TransportFault)]
WEBSOCKET = [struct.kind() for struct in get_args(WebSocketFault)]

EFFECTS: dict[str, tuple[Event, ...]] = {
    **{kind: (event, NOTICED) for kind, event in ENDED.items()},
    **dict.fromkeys(
        BEHAVIOUR,
        (TAGGED,),
    ),
    **dict.fromkeys((*CHAIN, *TRANSPORT), (ACTED,)),
    "refuse": (REFUSED,),
    **dict.fromkeys(
        WEBSOCKET,
        (ACTED,),
    ),
    "refuse_subscriptions": (TURNED_DOWN,),
}


def test_every_fault_of_the_catalogue_has_a_rule(tmp_path: Path) -> None:
    with open_history(tmp_path) as run:
        ruled = [row[0] for row in asked(run, "SELECT kind FROM fault_rules").rows]
    assert sorted(ruled) == sorted(KINDS)
    assert sorted(EFFECTS) == sorted(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_with_its_effect_took_effect(tmp_path: Path, kind: str) -> None:
    assert observed(tmp_path, kind, *EFFECTS[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_without_its_own_effect_took_none(tmp_path: Path, kind: str) -> None:
    """A failed attempt and a breaker that opened may be another fault's doing."""
    timed_out = tried(1, "a", 4 * S, 4 * S + MS, "error", failure="timeout")
    other = [served(2, "a", 4 * S, fault_id="other-a.1"), acted("other-a.1", "delayed", 4 * S)]
    assert not observed(tmp_path, kind, timed_out, breaker(4 * S, "closed", "open"), *other)


@pytest.mark.parametrize("kind", ENDED)
def test_what_happens_to_a_process_must_be_noticed(tmp_path: Path, kind: str) -> None:
    assert not observed(tmp_path, kind, ENDED[kind], tried(1, "b", 4 * S, 4 * S + MS))


@pytest.mark.parametrize("kind", ["kill", "restart"])
def test_a_process_that_was_down_already_was_kept_down(tmp_path: Path, kind: str) -> None:
    assert observed(tmp_path, kind, acted(ID, "kept_down", 3 * S), NOTICED)


def test_an_unknown_kind_has_no_known_effect(tmp_path: Path) -> None:
    assert not observed(tmp_path, "gremlins", NOTICED, TAGGED, ACTED, HEAD)


@pytest.mark.parametrize("kind", ["stale_head", "reorg", "miss_heads", "duplicate_heads", "reorder_heads"])
def test_faults_of_heads_show_in_the_heads(tmp_path: Path, kind: str) -> None:
    assert observed(tmp_path, kind, HEAD)


def test_a_head_is_no_evidence_of_a_slow_answer(tmp_path: Path) -> None:
    assert not observed(tmp_path, "degrade", HEAD, ACTED)


# pause


def paused(tmp_path: Path, *events: Event) -> dict[str, Any]:
    planned, applied, reverted = fault(ID, 3 * S, 5 * S, kind="pause")
    return window(tmp_path, planned, applied, reverted, ENDED["pause"], *events)


def test_attempts_that_had_to_wait_for_a_paused_provider_noticed_it(tmp_path: Path) -> None:
    found = paused(tmp_path, tried(1, "a", 3 * S - MS, 5 * S + MS), tried(2, "a", 4 * S, 5 * S + MS))
    assert (found["stalled_attempts"], found["evidence"]) == (2, ["paused", "stalled_attempts"])
    assert found["effect_observed"]


def test_a_provider_that_answers_was_not_paused(tmp_path: Path) -> None:
    answered = tried(1, "a", 4 * S, 4 * S + 40 * MS)
    found = paused(tmp_path, answered, tried(2, "a", 5 * S - 10 * MS, 5 * S + 30 * MS))
    assert (found["stalled_attempts"], found["effect_observed"]) == (0, False)


def test_an_answer_just_before_the_end_of_a_pause_is_from_just_after_it(tmp_path: Path) -> None:
    found = paused(tmp_path, tried(1, "a", 4 * S, 5 * S - MS), tried(2, "a", 4 * S, 5 * S + MS))
    assert found["effect_observed"]


# refuse


def test_refusals_are_told_by_the_gateway(tmp_path: Path) -> None:
    reset = tried(1, "a", 4 * S, 4 * S + MS, "error", failure="reset")
    assert not observed(tmp_path / "1", "refuse", reset)
    elsewhere = tried(1, "b", 4 * S, 4 * S + MS, "error", failure="refused")
    assert not observed(tmp_path / "2", "refuse", elsewhere)
    socket = connection_changed("refused", 4 * S, side="gateway", name="a")
    assert observed(tmp_path / "3", "refuse", socket)


def test_refusals_nobody_tells_of_show_in_traffic_that_ceases(tmp_path: Path) -> None:
    before = [served(n, "a", 1 * S + n * 100 * MS) for n in range(20)]
    assert observed(tmp_path / "1", "refuse", *before)
    during = [served(n, "a", 3 * S + n * 100 * MS) for n in range(20)]
    assert not observed(tmp_path / "2", "refuse", *before, *during)


# WebSocket


def test_a_gateway_that_loses_its_subscriptions_notices_a_kill(tmp_path: Path) -> None:
    lost = connection_changed("closed", 3 * S + 2 * MS, side="gateway", name="a", close_code=1006)
    found = window(tmp_path, *fault(ID, 3 * S, 5 * S), lost)
    assert (found["evidence"], found["effect_observed"]) == (["killed", "lost_connections"], True)
    assert (found["lost_connections"], found["time_to_detect_ns"]) == (1, 2 * MS)


def test_a_connection_lost_at_another_provider_is_no_notice(tmp_path: Path) -> None:
    lost = connection_changed("closed", 3 * S + 2 * MS, side="gateway", name="b", close_code=1006)
    assert not window(tmp_path, *fault(ID, 3 * S, 5 * S), lost)["effect_observed"]


def test_a_gateway_that_hangs_up_after_the_load_noticed_nothing(tmp_path: Path) -> None:
    planned, applied, reverted = fault(ID, 9 * S, 12 * S, kind="pause")
    late = connection_changed("closed", 10 * S + MS, side="gateway", name="a", close_code=1000)
    assert not window(tmp_path, planned, applied, reverted, ENDED["pause"], late)["effect_observed"]


def test_connections_that_died_with_their_provider_were_lost_to_a_silent_gateway(tmp_path: Path) -> None:
    opened = connection_changed("connected", 2 * S, side="provider", name="a")
    closed = connection_changed("closed", 2500 * MS, side="provider", name="a")
    assert window(tmp_path / "1", *fault(ID, 3 * S, 5 * S), opened)["effect_observed"]
    assert not window(tmp_path / "2", *fault(ID, 3 * S, 5 * S), opened, closed)["effect_observed"]
    died = life("a", "crashed", 2500 * MS, reason="exit status 1")
    assert not window(tmp_path / "3", *fault(ID, 3 * S, 5 * S), opened, died)["effect_observed"]


# long timelines


def test_counts_are_exact_at_the_edges_of_windows(tmp_path: Path) -> None:
    """Attempts are counted in tenths of a second first: a window that begins within one must not notice."""
    moments = [2999 * MS, 3 * S + 1, 3 * S + 2, 4 * S, 4999 * MS, 5 * S, 5 * S + 3 * MS]
    attempts = [tried(number, "a", at_ns, at_ns + MS) for number, at_ns in enumerate(moments)]
    planned, applied, *_, reverted = fault(ID, 3 * S + 2, 5 * S, kind="degrade")
    found = window(tmp_path, planned, applied, reverted, *attempts)
    assert (found["attempts_before"], found["leaked_attempts"]) == (2, 3)
    assert found["time_to_recover_ns"] == MS
