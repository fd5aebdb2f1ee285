"""What WebSocket clients got of logs, and what providers published, with known answers."""

from pathlib import Path
from typing import Any

from battle.store.events import Event
from tests.asking import asked
from tests.battle.histories import MS, S, connection_changed, notified, open_history, phases, published


def subscribed(connection: str, from_ns: int = 0, to_ns: int | None = None) -> list[Event]:
    changes: dict[str, Any] = {"name": "logs", "subscription": "s", "kind": "logs"}
    events: list[Event] = [connection_changed("subscribed", from_ns, connection, **changes)]
    if to_ns is not None:
        events.append(connection_changed("closed", to_ns, connection, name="logs", close_code=1006))
    return events


def entry(
    block: int, index: int, connection: str, at_ns: int | None = None, *, removed: bool = False
) -> Event:
    """Log `index` of block `block`, which comes at that second unless told."""
    key = f"0x{block}:{index}" + (":removed" if removed else "")
    at_ns = block * S if at_ns is None else at_ns
    return notified(
        block, at_ns, connection, workload="logs", kind="logs", key=key, hash=None, parent_hash=None
    )


def view(tmp_path: Path, *events: Event) -> dict[str, dict[str, Any]]:
    in_time = sorted(events, key=lambda event: event.at_ns)  # type: ignore[attr-defined]  # all of these have one
    with open_history(tmp_path, *phases(), *in_time) as run:
        result = asked(run, "FROM log_continuity")
        found = [dict(zip(result.columns, values, strict=True)) for values in result.rows]
    return {row["connection"]: row for row in found}


def flaws(row: dict[str, Any]) -> tuple[int, ...]:
    return tuple(row[name] for name in ("due", "received", "missed", "duplicated", "out_of_order", "removed"))


def test_a_client_is_due_what_others_like_it_got(tmp_path: Path) -> None:
    events = [entry(block, index, "1") for block in (1, 2, 3) for index in (0, 1)]
    less = [entry(1, 0, "2"), entry(1, 1, "2"), entry(3, 1, "2")]
    found = view(tmp_path, *subscribed("1"), *subscribed("2"), *events, *less)
    assert flaws(found["1"]) == (6, 6, 0, 0, 0, 0)
    assert flaws(found["2"]) == (6, 3, 3, 0, 0, 0)


def test_only_what_came_about_while_it_stood_is_due(tmp_path: Path) -> None:
    events = [entry(block, 0, "1") for block in range(1, 10)]
    found = view(tmp_path, *subscribed("1"), *subscribed("2", 2500 * MS, 7500 * MS), *events)
    assert flaws(found["2"]) == (4, 0, 4, 0, 0, 0)  # blocks 3 to 6: 7 may still have been under way
    assert (found["2"]["interrupted"], found["1"]["interrupted"]) == (True, False)


def test_a_log_may_come_again_or_late(tmp_path: Path) -> None:
    again = entry(2, 0, "1", 4 * S)
    late = entry(3, 5, "1", 5500 * MS)
    found = view(tmp_path, *subscribed("1"), *(entry(block, 0, "1") for block in (1, 2, 5)), again, late)
    assert flaws(found["1"]) == (4, 5, 0, 1, 1, 0)


def test_after_a_reorg_lower_blocks_come_again_rightly(tmp_path: Path) -> None:
    gone = entry(5, 0, "1", 5500 * MS, removed=True)
    anew = entry(4, 1, "1", 5600 * MS)
    found = view(tmp_path, *subscribed("1"), entry(4, 0, "1"), entry(5, 0, "1"), gone, anew)
    assert flaws(found["1"]) == (4, 4, 0, 0, 0, 1)


def test_log_subscriptions_add_up_by_workload(tmp_path: Path) -> None:
    events = [*subscribed("1"), *subscribed("2"), entry(1, 0, "1"), entry(2, 0, "1"), entry(2, 0, "2")]
    with open_history(tmp_path, *phases(), *events) as run:
        (row,) = run.query("log_subscriptions")
    assert (row.workload, row.subscriptions, row.due, row.received, row.missed) == ("logs", 2, 4, 3, 1)


def test_heads_published_count_different_ones(tmp_path: Path) -> None:
    events = [
        published(1, 1 * S),
        published(2, 2 * S),
        published(2, 2100 * MS),
        published(2, 2 * S, "b", branch="x", fault_id="reorg-b"),
        published(1, 1 * S, "b"),
    ]
    with open_history(tmp_path, *events) as run:
        found = {
            row.provider: (row.heads, row.repeated, row.heights, row.tagged)
            for row in run.query("heads_published")
        }
    assert found == {None: (3, 1, 2, 1), "a": (2, 1, 2, 0), "b": (2, 0, 2, 1)}
