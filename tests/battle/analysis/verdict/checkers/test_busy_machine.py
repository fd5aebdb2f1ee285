"""When the machine was too busy for the bench: only what came while there was load can have harmed it."""

from pathlib import Path
from typing import Any

import pytest

from battle.analysis.log import Log
from battle.analysis.verdict.checkers.busy_machine import busy
from battle.store.events import RunChanged
from tests.battle.histories import MS, S, node_sample, open_history

LOAD = [RunChanged(at_ns=5 * S, phase="load_began"), RunChanged(at_ns=8 * S, phase="load_ended")]


@pytest.mark.parametrize("seen", [{"loop_lag_ns": 700 * MS}, {"steal_ratio": 0.5}], ids=["late", "stolen"])
@pytest.mark.parametrize(
    ("at_ms", "counts"), [(4900, False), (5100, True), (7000, True), (8900, True), (9800, False)]
)
def test_a_second_counts_that_was_a_part_of_the_load(
    tmp_path: Path, seen: dict[str, Any], at_ms: int, counts: bool
) -> None:
    with open_history(tmp_path, *LOAD, node_sample(at_ms * MS, "a", **seen)) as run:
        assert (busy(Log(run)) is not None) == counts


def test_in_a_log_that_was_cut_off_every_second_counts(tmp_path: Path) -> None:
    with open_history(tmp_path, node_sample(9 * S, "a", steal_ratio=0.5)) as run:
        assert busy(Log(run)) is not None


def test_a_ratio_that_cannot_be_is_all_of_the_time(tmp_path: Path) -> None:
    with open_history(tmp_path, node_sample(9 * S, "a", steal_ratio=1e308)) as run:
        found = busy(Log(run))
    assert found is not None
    assert (found.late_ns, "took 100 %" in found.cause) == (S, True)
