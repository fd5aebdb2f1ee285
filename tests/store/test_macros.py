"""What is said more than twice in SQL is said once, as a macro: above all what a percentile of latency is."""

import re
from pathlib import Path

import pytest

from battle.store import catalog
from battle.store.database import open_run
from tests.battle.histories import MS, failed, open_history, request
from tests.store.log_samples import golden_run

FILES = sorted([*catalog.QUERIES.glob("*.sql"), *catalog.VIEWS.glob("*.sql")])

_RANKS = re.compile(r"\b(?:approx_)?(?:quantile|percentile|median)[a-z_]*\s*\(((?:coalesce\()?[^,()]*)")
"""A function that ranks values, with what it ranks as far as its first comma or bracket."""

_MACROS = ("latency_percentile", "latency_percentiles")

NOT_LATENCIES = {
    "coalesce(wait_ns", "cost_ns", "delay_ms", "delay_ns", "sent_ns - scheduled_ns", "took_ns",
}  # fmt: skip
"""What else is ranked: how long clients waited for the next head, the cost of failovers, the delay of heads, how late
requests were sent, and how long a stream had no upstream."""


def own_ranks(sql: str) -> list[str]:
    """What a file ranks itself that may be a latency."""
    body = re.sub(r"--.*", "", sql)
    found = [(match[0], match[1].strip()) for match in _RANKS.finditer(body)]
    return [
        ranked
        for call, ranked in found
        if call.split("(")[0].strip() not in _MACROS and ranked not in NOT_LATENCIES
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_file_computes_a_percentile_of_latency_itself(path: Path) -> None:
    assert own_ranks(path.read_text()) == []


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT quantile_disc(if(outcome = 'ok', ended_ns - scheduled_ns, NULL), 0.95)",
        "SELECT quantile_cont(ended_ns - scheduled_ns, 0.5) FILTER (outcome = 'ok')",
        "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY latency)",
        "SELECT median (latency_ns)",
    ],
)
def test_a_percentile_of_its_own_is_found(sql: str) -> None:
    assert len(own_ranks(sql)) == 1


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_file_says_what_a_macro_says(path: Path) -> None:
    body = re.sub(r"--.*", "", path.read_text())
    for said in (
        "9_223_372_036_854_775_807",
        "// 1_000_000_000",
        "/ 1e6",
        "'no_websocket'",
        "starts_ns::BIGINT[]) AS start_ns",
    ):
        assert said not in body


@pytest.mark.parametrize("path", sorted(catalog.MACROS.glob("*.sql")), ids=lambda path: path.stem)
def test_a_macro_is_used_and_is_temporary(path: Path) -> None:
    assert re.search(rf"^CREATE TEMP MACRO {path.stem}\(", path.read_text(), re.MULTILINE)
    others = "".join(one.read_text() for one in [*FILES, *catalog.MACROS.glob("*.sql")] if one != path)
    assert f"{path.stem}(" in re.sub(r"--.*", "", others)


def test_a_user_can_use_the_macros(tmp_path: Path) -> None:
    golden_run(tmp_path)
    with open_run(tmp_path) as run:
        for sql in ("SELECT second_of(5_999_999_999)", "SELECT start_ns + end_ns FROM windows([2], [3])"):
            assert run.execute(sql).rows == [(5,)]


def test_a_request_without_a_good_answer_counts_as_never_answered(tmp_path: Path) -> None:
    events = [*(request(n, 0, (n + 1) * MS) for n in range(90)), *(failed(n, 0, 1) for n in range(90, 100))]
    of = "outcome, scheduled_ns, ended_ns"
    with open_history(tmp_path, *events) as run:
        shares = ", ".join(f"latency_percentile({of}, {share})" for share in (0.5, 0.9, 0.91))
        assert run.execute(f"SELECT {shares} FROM requests").rows == [(50 * MS, 90 * MS, None)]
        together = f"SELECT latency_percentiles({of}, [0.5, 0.9, 0.91]) FROM requests"
        assert run.execute(together).rows == [([50 * MS, 90 * MS, None],)]
        assert run.execute(f"{together} WHERE false").rows in ([(None,)], [([None, None, None],)])
