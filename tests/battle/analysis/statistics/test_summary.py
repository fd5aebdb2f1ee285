"""The summary of a run: known counts, the same from SQL and from numpy, through JSON and back, small."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from battle.analysis.statistics.bins import (
    BIN_RATIO,
    LAST_BIN,
    bins_of,
    edges_ns,
)
from battle.analysis.statistics.summary import CELLS_MIN, LatencySummary
from battle.store.database import open_run
from tests.battle.analysis.statistics.simulated import correlated, latencies, summaries
from tests.battle.histories import MS, S, failed, request, write_run

JSON_BYTES_MAX = 100_000


def summary_of(*took_ns: float, cells: int = 4) -> LatencySummary:
    due_ns = np.arange(len(took_ns), dtype=np.int64) * S
    return LatencySummary.from_samples(due_ns, np.asarray(took_ns, dtype=np.float64), cells=cells)


def test_cells_and_bins_of_a_few_requests() -> None:
    summary = summary_of(50 * MS, 50 * MS, np.inf, 100 * MS, np.inf, np.inf, 50 * MS, 200 * MS)
    assert (summary.total, summary.answered, summary.unanswered) == (8, 5, (0, 1, 2, 0))
    counts = summary.counts()
    edges = edges_ns(summary.first_bin, counts.shape[1])
    assert counts.sum(axis=1).tolist() == [2, 1, 0, 2]
    for took_ns, times in ((50 * MS, 3), (100 * MS, 1), (200 * MS, 1)):
        at = int(np.searchsorted(edges, took_ns, side="right")) - 1
        assert counts[:, at].sum() == times
        assert edges[at + 1] / edges[at] == pytest.approx(BIN_RATIO)
    assert (summary.cell_ns, summary.span_ns) == (1_750_000_001, 4 * 1_750_000_001)


def test_nothing_and_nothing_answered() -> None:
    empty = LatencySummary.from_rows([])
    assert (empty.total, empty.cells, empty.counts().sum()) == (0, 1, 0)
    never = summary_of(np.inf, np.inf)
    assert (never.total, never.answered) == (2, 0)


@given(st.floats(1, 1e13))
def test_a_latency_lies_between_the_edges_of_its_bin(took_ns: float) -> None:
    found = int(bins_of(np.asarray([took_ns]))[0])
    low, high = edges_ns(found, 1)
    assert low * (1 - 1e-9) <= took_ns
    assert took_ns <= high * (1 + 1e-9) or found == LAST_BIN


runs = st.lists(st.one_of(st.floats(1, 1e12), st.just(np.inf)), min_size=1, max_size=60)


@given(runs, st.integers(1, 50))
def test_it_goes_through_json(took_ns: list[float], cells: int) -> None:
    summary = summary_of(*took_ns, cells=cells)
    again = msgspec.json.decode(msgspec.json.encode(summary), type=LatencySummary)
    assert again == summary
    assert (again.counts() == summary.counts()).all()
    assert again.total == len(took_ns)


@given(runs, st.integers(1, 50), st.integers(1, 7))
def test_merged_cells_count_the_same(took_ns: list[float], cells: int, factor: int) -> None:
    summary = summary_of(*took_ns, cells=cells)
    merged = summary.merged(factor)
    assert merged.cells == -(-summary.cells // factor)
    assert (merged.total, merged.answered) == (summary.total, summary.answered)
    assert (merged.counts().sum(axis=0) == summary.counts().sum(axis=0)).all()
    assert merged.unanswered[0] == sum(summary.unanswered[:factor])


def test_counts_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        summary_of(5 * MS).counts()[0, 0] = 7


def test_any_run_is_small_enough_to_commit() -> None:
    rng = np.random.default_rng(1)
    due_ns = np.arange(2_000_000, dtype=np.int64)
    wide = np.exp(rng.uniform(0, 29, len(due_ns)))
    summary = LatencySummary.from_samples(due_ns, wide, cells=400)
    assert CELLS_MIN <= summary.cells < 400
    assert summary.total == len(due_ns)
    assert len(msgspec.json.encode(summary)) < JSON_BYTES_MAX


def test_a_usual_run_keeps_its_cells() -> None:
    (summary,) = summaries(latencies(correlated(np.random.default_rng(1), 1, 1)))
    assert summary.cells == 100
    assert len(msgspec.json.encode(summary)) < JSON_BYTES_MAX / 4


@settings(max_examples=5, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 10**11), st.booleans(), st.sampled_from("ab")), min_size=1, max_size=30)
)
def test_sql_counts_as_numpy_does(
    tmp_path_factory: pytest.TempPathFactory, asked: list[tuple[int, bool, str]]
) -> None:
    run_dir = tmp_path_factory.mktemp("run") / "run"
    events = [
        (request if ok else failed)(n, n * S, took_ns, workload=workload)
        for n, (took_ns, ok, workload) in enumerate(asked)
    ]
    with open_run(write_run(run_dir, {"load": events})) as run:
        rows = run.query("latency_cells", cells=7, by_method=False)
    due_ns = np.arange(len(asked), dtype=np.int64) * S
    took = np.asarray([took_ns if ok else np.inf for took_ns, ok, _ in asked])
    expected = LatencySummary.from_samples(due_ns, took, cells=7)
    assert LatencySummary.from_rows(rows) == expected
    parts = [LatencySummary.from_rows(rows, workload=name) for name in {name for _, _, name in asked}]
    assert sum(part.total for part in parts) == len(asked)
    assert sum(part.answered for part in parts) == expected.answered


@settings(max_examples=5, deadline=None)
@example(31_536_000_000_000_000, 100)  # as a double, its hundredth is too small to hold the last request
@given(st.integers(0, 2**60), st.integers(1, 4000))
def test_the_last_request_of_however_long_a_load_is_in_the_last_cell(
    tmp_path_factory: pytest.TempPathFactory, load_ns: int, cells: int
) -> None:
    run_dir = tmp_path_factory.mktemp("run") / "run"
    with open_run(write_run(run_dir, {"load": [request(1, 0, S), request(2, load_ns, S)]})) as run:
        rows = run.query("latency_cells", cells=cells, by_method=False)
    summary = LatencySummary.from_rows(rows)
    assert summary.counts()[-1].sum() >= 1
    assert summary.counts().sum() == 2
    assert summary == LatencySummary.from_samples(np.asarray([0, load_ns]), np.asarray([S, S]), cells=cells)


def test_clocks_and_methods_are_told_apart(tmp_path: Path) -> None:
    slow: dict[str, Any] = {"method": "eth_getLogs", "sent_ns": 3 * S}
    quick: dict[str, Any] = {"method": "eth_call"}
    events = [request(1, 0, 5 * S, **slow), request(2, S, 20 * MS, **quick), failed(3, 2 * S, **quick)]
    with open_run(write_run(tmp_path / "run", {"load": events})) as run:
        rows = run.query("latency_cells", cells=10, by_method=True)
    due, sent = (
        LatencySummary.from_rows(rows, clock=clock, method="eth_getLogs") for clock in ("due", "sent")
    )
    assert edges_ns(due.first_bin, 1)[0] == pytest.approx(5 * S, rel=0.01)
    assert edges_ns(sent.first_bin, 1)[0] == pytest.approx(2 * S, rel=0.01)
    calls = LatencySummary.from_rows(rows, method="eth_call")
    assert (calls.total, calls.answered, calls.method) == (2, 1, "eth_call")
    assert LatencySummary.from_rows(rows).total == 3
