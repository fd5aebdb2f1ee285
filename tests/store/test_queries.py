"""Every shipped query: it explains itself, and it runs on a small run, sealed or not, and on an empty one."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from battle.store import catalog
from battle.store.database import Run, open_run
from battle.store.events import TABLES, BenchLimitReached, Event
from tests.battle.histories import (
    MS,
    S,
    breaker,
    fault,
    gap,
    node_sample,
    notified,
    open_history,
    phases,
    published,
    request,
    sample,
    subscribed,
    tried,
)
from tests.store.log_samples import golden_run

ANY_PARAMETER = 1_000
"""Bound to each `$parameter` of a query: a limit that limits nothing, or a millisecond."""

OTHER_PARAMETERS = {
    "starts_ns": (0, 2_000),
    "ends_ns": (1_000, 2**62),
    "spared_starts_ns": (500,),
    "spared_ends_ns": (600,),
    "beyond_workloads": ("steps",),
    "beyond_starts_ns": (700,),
    "beyond_ends_ns": (800,),
    "request_ids": ["load-1", "load-2"],
    "workloads": ("load", "steps"),
}
"""Bound to those that a number does not fit."""

QUERIES = catalog.query_names()
NEEDING = [name for name in QUERIES if catalog.needed_table(catalog.query_text(name))]
VIEWS = sorted(path.stem for path in catalog.VIEWS.glob("*.sql"))


@pytest.fixture(scope="module", params=["golden", "empty"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    run_dir = tmp_path_factory.mktemp("run")
    if request.param == "golden":
        golden_run(run_dir)
    with open_run(run_dir) as opened:
        opened.execute("SELECT 1")  # the process for it is the fixture's, not of the first test that asks
        yield opened


def header_of(sql: str) -> str:
    return "\n".join(line[2:].strip() for line in sql.splitlines() if line.startswith("--"))


def body_of(sql: str) -> str:
    return "\n".join(line for line in sql.splitlines() if not line.startswith("--"))


def parameters_of(sql: str) -> set[str]:
    return set(re.findall(r"\$([a-z][a-z0-9_]*)", body_of(sql)))


@pytest.mark.parametrize(
    "path", [*catalog.QUERIES.glob("*.sql"), *catalog.VIEWS.glob("*.sql")], ids=lambda p: p.stem
)
def test_a_query_states_its_question_and_its_parameters(path: Path) -> None:
    sql = path.read_text()
    assert "?" in header_of(sql).split("\n\n")[0]
    for name in parameters_of(sql):
        assert f"${name}" in header_of(sql)


def ask(run: Run, name: str) -> list[Any]:
    parameters = parameters_of(catalog.query_text(name))
    return run.query(name, **{one: OTHER_PARAMETERS.get(one, ANY_PARAMETER) for one in parameters})


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_runs(run: Run, name: str) -> None:
    ask(run, name)


@pytest.mark.parametrize("name", NEEDING)
def test_a_query_gives_no_row_without_the_table_it_says_it_needs(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = catalog.needed_table(catalog.query_text(name))
    left_out = TABLES[str(needed)]
    events: list[Event] = [
        *subscribed(), published(1, S), notified(1, S + MS), request(1), tried(1, "a", 0, MS), gap(S, 1, 2),
        *fault("kill-a.1", 3 * S, 5 * S), *phases(), breaker(3 * S, "closed", "open"), sample(S, 1),
        *(node_sample(at_s * S, "a", steal_ratio=0.5, loop_lag_ns=S) for at_s in range(1, 10)),
        BenchLimitReached(at_ns=S, node="a", limit="generator", times=1, duration_ns=S, detail="ours.py:4"),
    ]  # fmt: skip
    with open_history(tmp_path, *(one for one in events if not isinstance(one, left_out))) as run:
        assert not run.manifest.tables[str(needed)]
        monkeypatch.setattr(catalog, "needed_table", lambda sql: None)
        assert ask(run, name) == []


def test_a_query_with_the_table_that_it_needs_is_asked(tmp_path: Path) -> None:
    with open_history(tmp_path, published(1, S)) as run:
        assert ask(run, "heads_published") != []
        assert ask(run, "notification_kinds") == []


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_runs_and_names_its_columns(run: Run, name: str) -> None:
    header = header_of((catalog.VIEWS / f"{name}.sql").read_text())
    result = run.execute(f"SELECT * FROM {name}")
    for column in result.columns:
        assert re.search(rf"\b{column}\b", header), f"{column} is not explained"
