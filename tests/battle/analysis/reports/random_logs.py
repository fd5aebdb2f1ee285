"""Logs that no run would write: any number of any events, with the values that break arithmetic and drawing."""

import json
import types
import typing
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import msgspec

from battle.store.events import TABLES, Event
from battle.store.segment import SegmentWriter, open_segment

S = 10**9
YEAR_NS = 365 * 24 * 3600 * S

_MOMENTS = st.integers(0, 10 * S)
_NUMBERS = st.one_of(
    _MOMENTS,
    st.sampled_from([0, 1, -1, 2, 10**6, 10 * S, -S, 2**31, -(2**31), YEAR_NS, -YEAR_NS]),
    st.integers(0, 20),
)
_NAMES = st.one_of(
    st.sampled_from(
        ["a", "b", "gateway", "load", "load-load.0", "r1", "r2", "kill-a.1", "1", "newHeads", "s"]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    st.just("x" * 300),
)


def _value(kind: Any) -> st.SearchStrategy[Any]:
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return st.one_of(*(_value(one) for one in typing.get_args(kind)))
    if origin is typing.Literal:
        return st.sampled_from(typing.get_args(kind))
    if origin is dict:
        return st.dictionaries(
            st.sampled_from(["rate", "status", "x"]), st.one_of(_NUMBERS, _NAMES), max_size=2
        )
    simple: dict[Any, st.SearchStrategy[Any]] = {
        int: _NUMBERS,
        str: _NAMES,
        bool: st.booleans(),
        float: st.one_of(st.floats(0, 100), st.sampled_from([0.0, -0.0, 1e308, -1e308, 5e-324])),
        type(None): st.none(),
    }
    return simple[kind]


def _events(kind: type[Event]) -> st.SearchStrategy[Event]:
    return st.builds(kind, **{field.name: _value(field.type) for field in msgspec.structs.fields(kind)})


EVENTS = st.one_of(*(_events(kind) for kind in TABLES.values()))

LIMITS = st.fixed_dictionaries(
    {},
    optional={
        "success_rate": st.sampled_from([0.5, 1.0]),
        "p95_latency_ms": st.sampled_from([0.001, 300]),
        "max_failover_latency_ms": st.just(2000),
        "min_failovers": st.just(1),
        "max_wrong_answers": st.just(0),
        "max_missed_heads": st.just(0),
        "max_head_delay_ms": st.just(100),
        "max_attempts_per_request": st.just(1.5),
        "when": st.sampled_from(["run", "during", "after"]),
    },
)

_GATEWAYS = st.sampled_from(["embedded", "url", "command"])

HEADERS = st.fixed_dictionaries(
    {"format": st.just(1), "run_id": st.just("random"), "world": st.sampled_from(["live", "simulated"])},
    optional={
        "scenario": st.one_of(st.fixed_dictionaries({"name": _NAMES}), _NAMES),
        "gateway": st.one_of(
            st.fixed_dictionaries({"type": st.sampled_from(["embedded", "url", "command"])}), _NAMES
        ),
        "seed": _NUMBERS,
        "started_at": _NAMES,
        "slo": LIMITS,
        "host": st.dictionaries(_NAMES, st.one_of(_NUMBERS, _NAMES), max_size=2),
    },
)

LOGS = st.tuples(HEADERS, st.lists(EVENTS, max_size=25))


def write_log(run_dir: Path, header: dict[str, Any], events: list[Event]) -> Path:
    """A run directory with this header, and these events in the order of their places in one unsealed segment."""
    run_dir.mkdir()
    (run_dir / "run.json").write_text(json.dumps(header))
    writer = SegmentWriter(open_segment(run_dir, "coordinator", 1))
    for event in events:
        writer.append(event)
    writer.close()
    return run_dir
