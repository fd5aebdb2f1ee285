"""Loads as users are, whole battles in both worlds: stages, sessions that read their own writes, filters, a trace."""

import json
from pathlib import Path
from typing import Any

import pytest

from battle import (
    Chain,
    EmbeddedGateway,
    HttpSessions,
    HttpStages,
    HttpUsers,
    MockProvider,
    RateStage,
    Replay,
    Scenario,
    Slo,
    Uniform,
    UserStage,
    WsSubscribe,
    ms,
    run_scenario,
    seconds,
)
from tests.docs.pages import DOCS, blocks
from tests.end_to_end.battles import ask

WORLDS = ["simulated", pytest.param("live", marks=pytest.mark.live)]
SPAN = seconds(4)
REQUESTS = """
    SELECT workload, min(scheduled_ns), count(*), count(*) FILTER (answer IN ('wrong', 'stale'))
    FROM requests GROUP BY workload
"""
SESSIONS = "SELECT workload, outcome, count(*), list(DISTINCT detail) FROM sessions GROUP BY ALL"
CHAIN = Chain(block_time=ms(400))


def trace(path: Path) -> Path:
    """Calls with errors, batches and the answers they must get."""
    reverts = {"code": 3, "message": "execution reverted"}
    lines: list[Any] = [
        {"at_ms": 0, "method": "eth_chainId", "expect": {"result": "0x1"}},
        {"at_ms": 100, "method": "my_reverting", "expect": {"error": reverts}},
        {
            "at_ms": 200,
            "method": "eth_mine",
            "response": {"id": 1, "error": {"code": -32601, "message": "none"}},
        },
        [{"at_ms": 300, "method": "eth_chainId"}, {"method": "my_reverting", "expect": {"error": reverts}}],
        {"at_ms": 400, "method": "eth_blockNumber"},
    ]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path


def users(tmp_path: Path) -> Scenario:
    return Scenario(
        "As users are",
        chain=CHAIN,
        providers=[
            MockProvider(
                name,
                latency=ms(5),
                canned={"my_reverting": {"error": {"code": 3, "message": "execution reverted"}}},
            )
            for name in ("a", "b")
        ],
        gateway=EmbeddedGateway(),
        workloads=[
            HttpStages(
                {"eth_getBalance": 1, "eth_call": 1},
                name="stages",
                stages=(RateStage(duration=SPAN // 2, rate=40), RateStage(duration=SPAN // 2, rate=0)),
                number_ids=0.2,
            ),
            HttpUsers(
                "eth_chainId",
                name="crowd",
                stages=(UserStage(duration=SPAN // 2, users=4), UserStage(duration=SPAN // 2, users=1)),
                think_time=Uniform(ms(50), ms(150)),
            ),
            HttpSessions(script="send_and_read", name="writers", rate=5, duration=SPAN),
            HttpSessions(script="poll_filter", name="pollers", rate=2, duration=SPAN, length=2),
            HttpSessions(script="walk_blocks", name="walkers", rate=2, duration=SPAN, length=5),
            Replay(str(trace(tmp_path / "trace.jsonl")), name="trace", at=seconds(1)),
            WsSubscribe(connections=1, name="heads", duration=seconds(2), at=seconds(1)),
        ],
        slo=Slo(success_rate=0.99, session_success_rate=0.99),
        workload_slos={"writers": Slo(p95_session_ms=3_000)},
        min_requests=3,
    )


@pytest.mark.parametrize("world", WORLDS)
def test_users_of_all_kinds_get_what_they_came_for(tmp_path: Path, world: Any) -> None:
    # Filters are kept by one node: a gateway that has only one to choose from keeps them.
    result = run_scenario(users(tmp_path), world=world, seed=3, out=tmp_path)
    assert result.run_dir is not None
    (began,) = ask(result.run_dir, "SELECT at_ns FROM run_phases WHERE phase = 'load_began'")
    rows = ask(result.run_dir, REQUESTS)
    found = {name: (first, many) for name, first, many, bad in rows if not bad}
    assert found.keys() == {"stages", "crowd", "writers", "pollers", "walkers", "trace"}
    assert found["trace"] == (began[0] + seconds(1), 5)
    assert abs(found["stages"][1] - 80) <= 1
    outcomes = ask(result.run_dir, SESSIONS)
    assert [row for row in outcomes if row[1] == "failed"] == []
    well = {name for name, outcome, many, _ in outcomes if outcome == "ok" and many >= 2}
    assert well == {"writers", "pollers", "walkers"}
    assert result.report.verdict == "PASS", result.report.headline


@pytest.mark.parametrize("world", WORLDS)
def test_a_filter_that_the_gateway_asks_another_node_for_fails_its_session(
    tmp_path: Path, world: Any
) -> None:
    scenario = Scenario(
        "Filters by turns",
        chain=CHAIN,
        providers=[MockProvider(name, latency=ms(5)) for name in ("a", "b")],
        gateway=EmbeddedGateway(strategy="round_robin"),
        workloads=[HttpSessions(script="poll_filter", name="pollers", rate=5, duration=SPAN, length=2)],
        slo=Slo(session_success_rate=0.99),
        min_requests=3,
    )
    result = run_scenario(scenario, world=world, seed=3, out=tmp_path)
    assert result.report.verdict == "FAIL"
    assert result.run_dir is not None
    details = ask(result.run_dir, "SELECT DISTINCT detail FROM sessions WHERE outcome = 'failed'")
    assert any("filter not found" in detail for (detail,) in details), details


def test_the_script_in_the_guide_plays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (code,) = blocks(DOCS / "guide.md", "py")
    Path("my_sessions.py").write_text(code)
    scenario = Scenario(
        "Own",
        providers=[MockProvider("a")],
        workloads=[HttpSessions(script="my_sessions.py:transfer", rate=5, duration=seconds(4))],
        slo=Slo(session_success_rate=1),
        min_requests=3,
    )
    assert run_scenario(scenario, world="simulated", out=tmp_path).report.verdict == "PASS"
