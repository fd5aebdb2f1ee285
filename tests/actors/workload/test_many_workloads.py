"""Workloads of different kinds at once, through the gateway, as whole runs in the simulated world."""

import hashlib
import json
from pathlib import Path

import pytest

from battle import EmbeddedGateway, MockProvider, Scenario, ScenarioError, Slo, run_scenario
from battle.actors.spec.workloads import (
    HttpBurst,
    HttpConstant,
    HttpRamp,
    HttpStep,
    HttpUsers,
    Replay,
    Workload,
)
from battle.actors.units import ms, seconds
from tests.actors.workload.sample_generators import HERE
from tests.end_to_end.battles import ask


def scenario(workloads: list[Workload]) -> Scenario:
    return Scenario(
        "Many kinds",
        providers=[MockProvider("a", latency=ms(10)), MockProvider("b", latency=ms(20))],
        gateway=EmbeddedGateway(strategy="round_robin"),
        workloads=workloads,
        slo=Slo(success_rate=1.0, max_wrong_answers=0),
    )


def kinds(trace: Path) -> list[Workload]:
    return [
        HttpBurst("eth_getBalance", size=20, every=seconds(1), duration=seconds(3), rate=5, name="burst"),
        HttpRamp("eth_call", start_rate=0, end_rate=20, duration=seconds(4), shards=2, name="ramp"),
        HttpStep(
            {"eth_blockNumber": 1, "eth_getLogs": 1},
            start_rate=5,
            step=5,
            end_rate=15,
            step_duration=seconds(1),
            name="step",
        ),
        Replay(str(trace), speed=2, name="replay"),
        HttpConstant("eth_getBlockByNumber", rate=5, duration=seconds(2), batch=4, name="batch"),
        HttpUsers(
            generator=f"{HERE}:accounts", users=2, duration=seconds(2), think_time=ms(90), name="users"
        ),
    ]


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    path = tmp_path / "trace.jsonl"
    calls = ({"at_ms": 50 * n, "method": "eth_getBalance", "params": [f"0x{n:040x}"]} for n in range(30))
    path.write_text("\n".join(map(json.dumps, calls)))
    return path


def test_workloads_of_six_kinds_run_beside_one_another(tmp_path: Path, trace: Path) -> None:
    result = run_scenario(scenario(kinds(trace)), world="simulated", seed=3, out=tmp_path / "out")
    assert result.report.verdict == "PASS", result.report
    rows = ask(
        result.run_dir,
        "SELECT workload, count(*), count(DISTINCT request_id), list(DISTINCT (outcome, answer)) "
        "FROM requests GROUP BY ALL ORDER BY ALL",
    )
    right = [("ok", "right")]
    assert [row for row in rows if row[0] != "users"] == [
        ("batch", 10, 10, right),
        ("burst", 60 + 15, 75, right),
        ("ramp", 40, 40, right),
        ("replay", 30, 30, right),
        ("step", 30, 30, right),
    ]
    ((_, users, ids, endings),) = (row for row in rows if row[0] == "users")
    assert 20 < users == ids <= 40
    assert endings == right


def test_every_call_of_a_batch_leaves_its_trail(tmp_path: Path) -> None:
    load = HttpConstant("eth_getBlockByNumber", rate=5, duration=seconds(2), batch=4)
    run_dir = run_scenario(scenario([load]), world="simulated", out=tmp_path).run_dir
    served = ask(run_dir, "SELECT request_id FROM attempts")
    assert sorted(served, key=lambda row: int(row[0][3:])) == [(f"w0-{number}",) for number in range(40)]
    # The gateway logs a batch as one, and so does the client; both by the first call's id.
    passed_on = ask(run_dir, "SELECT request_id, method FROM gateway_attempts ORDER BY started_ns")
    assert passed_on == [(f"w0-{number}", "batch") for number in range(0, 40, 4)]
    assert ask(run_dir, "SELECT request_id, method FROM requests ORDER BY scheduled_ns") == passed_on


def test_the_same_seed_gives_the_same_log(tmp_path: Path, trace: Path) -> None:
    def digest(name: str, seed: int) -> str:
        result = run_scenario(scenario(kinds(trace)), world="simulated", seed=seed, out=tmp_path / name)
        manifest = json.loads((result.run_dir / "events" / "manifest.json").read_text())
        told = [(entry["node"], entry["sha256"]) for entry in manifest["segments"]]
        assert len(told) > 8
        return hashlib.sha256(repr(told).encode()).hexdigest()

    assert digest("one", 4) == digest("two", 4) != digest("other", 5)


def test_the_log_alone_says_when_each_step_was_played(tmp_path: Path) -> None:
    load = HttpStep("eth_chainId", start_rate=5, step=5, end_rate=15, step_duration=seconds(1))
    run_dir = run_scenario(scenario([load]), world="simulated", out=tmp_path).run_dir
    (said,) = json.loads((run_dir / "run.json").read_text())["scenario"]["workloads"]
    assert (said["rates"], said["step_duration"]) == ([5, 10, 15], seconds(1))
    played = ask(
        run_dir,
        f"SELECT (scheduled_ns - min(scheduled_ns) OVER ()) // {said['step_duration']} AS step FROM requests",
    )
    assert [played.count((step,)) for step in range(3)] == said["rates"]


def test_what_cannot_be_replayed_or_generated_is_refused_before_anything_starts(tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"at_ms": 1, "method": "m"}\n{"at_ms": 2}\n')
    workloads: list[Workload] = [
        Replay(str(bad), name="again"),
        Replay(str(tmp_path / "gone.jsonl")),
        HttpConstant(generator=f"{HERE}:nothing", rate=1, duration=seconds(1)),
    ]
    with pytest.raises(ScenarioError) as caught:
        run_scenario(scenario(workloads), world="simulated", out=tmp_path / "out")
    for words in (
        f"workload again: trace {bad}, line 2: ",
        "workload 2: trace ",
        "cannot be read: No such file",
        f"workload 3: generator '{HERE}:nothing' cannot be found",
    ):
        assert words in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_generator_that_breaks_later_loses_the_run_and_not_battle(tmp_path: Path) -> None:
    load = HttpConstant(generator=f"{HERE}:breaking_later", rate=10, duration=seconds(3))
    result = run_scenario(scenario([load]), world="simulated", out=tmp_path)
    assert result.report.verdict != "PASS"
    crashes = ask(
        result.run_dir,
        "SELECT count(*) FROM actor_lifecycle WHERE change = 'crashed' AND node = 'load-main.0'",
    )
    assert crashes == [(1,)]


@pytest.mark.live
@pytest.mark.slow
def test_nodes_find_traces_and_generators_from_the_working_directory(
    tmp_path: Path, trace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As processes of their own: by a relative path, in the scenario's own file, and in a module beside it."""
    text = "def ask(number, rng):\n    return 'eth_getStorageAt', ['0x' + '22' * 20, hex(rng.randrange(9))]\n"
    (tmp_path / "mine.py").write_text(
        f"from battle import Scenario  # as a scenario's own file does\n\n\n{text}"
    )
    (tmp_path / "beside_the_scenario.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    workloads: list[Workload] = [
        Replay(trace.name, speed=4, name="replay"),
        HttpConstant(generator="mine.py:ask", rate=50, duration=ms(400), name="file"),
        HttpConstant(generator="beside_the_scenario:ask", rate=50, duration=ms(400), name="module", batch=2),
    ]
    # What pytest puts on the path is not where the nodes of a live run look.
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    result = run_scenario(scenario(workloads), world="live", out=tmp_path / "out")
    rows = ask(
        result.run_dir, "SELECT workload, outcome, answer, count(*) FROM requests GROUP BY ALL ORDER BY ALL"
    )
    assert rows == [
        ("file", "ok", "right", 20),
        ("module", "ok", "right", 20),
        ("replay", "ok", "right", 30),
    ]
