"""Would it have caught that? The same battle with one thing wrong at a time."""

import msgspec
import pytest
import trio

from battle import (
    Degrade,
    EmbeddedGateway,
    HttpConstant,
    Kill,
    MockProvider,
    ScenarioError,
    Slo,
    StartError,
    ms,
    run_scenario,
    seconds,
)
from battle.actors.node import boot
from battle.actors.roles import GatewayRole
from battle.errors import RunLostError
from battle.run.plan import workload_role
from tests.end_to_end.battles import ask, failover

both_worlds = pytest.mark.parametrize("world", ["simulated", pytest.param("live", marks=pytest.mark.live)])
both_worlds_in_time = pytest.mark.parametrize(
    "world", ["simulated", pytest.param("live", marks=[pytest.mark.live, pytest.mark.slow])]
)
"""As `both_worlds`, and live in `make slow` alone."""


@both_worlds
def test_a_gateway_that_fails_over_passes(world, tmp_path):
    result = run_scenario(failover(), world=world, out=tmp_path)
    assert result.report.verdict == "PASS", result.report.reasons
    run_dir = result.run_dir
    # Phases of a scenario count from the log's begin of the load: it is that of the schedules, not a timer's.
    assert ask(run_dir, "SELECT at_ns FROM run_phases WHERE phase = 'load_began'") == ask(
        run_dir, "SELECT min(scheduled_ns) FROM requests"
    )
    died = ask(run_dir, "SELECT reason FROM actor_lifecycle WHERE actor = 'a' AND change = 'crashed'")
    assert len(died) == 1
    assert "killed by SIGKILL (fault flap-a.1)" in died[0][0]
    assert ask(run_dir, "SELECT count(*) > 0 FROM failovers") == [(True,)]
    transitions = ask(run_dir, "SELECT from_state || '_to_' || to_state FROM breaker_changes ORDER BY at_ns")
    assert transitions[0] == ("closed_to_open",)
    assert transitions[-1] == ("half_open_to_closed",)
    [(detected, recovered)] = ask(run_dir, "SELECT time_to_detect_ns, time_to_recover_ns FROM fault_windows")
    assert 0 <= detected < seconds(1)
    assert 0 <= recovered < seconds(7)
    assert ask(run_dir, "SELECT count(*) FROM attempts WHERE provider = 'a' AND segment = 'a.2'")[0][0] > 0


@both_worlds_in_time
def test_a_gateway_without_failover_fails(world, tmp_path):
    gateway = EmbeddedGateway(strategy="priority", failover=False)
    result = run_scenario(failover(gateway=gateway), world=world, out=tmp_path)
    assert result.report.verdict == "FAIL"
    assert any("success_rate" in reason for reason in result.report.reasons)


@both_worlds_in_time
def test_a_fault_nobody_could_notice_proves_nothing(world, tmp_path):
    """Everything is met, and still: the standby died and nobody would have asked it."""
    scenario = failover(chaos=[Kill("b", at=seconds(2), down=seconds(3))], slo=Slo(success_rate=0.99))
    result = run_scenario(scenario, world=world, out=tmp_path)
    assert result.report.verdict == "INCONCLUSIVE"
    assert any("kill-b.1" in reason for reason in result.report.reasons)
    assert all(slo.status == "met" for slo in result.report.slos)


def test_a_degradation_of_an_idle_provider_proves_nothing(tmp_path):
    scenario = failover(
        chaos=[Degrade("b", at=seconds(2), duration=seconds(3), added_latency=ms(50))],
        slo=Slo(success_rate=0.99),
    )
    result = run_scenario(scenario, world="simulated", out=tmp_path)
    assert result.report.verdict == "INCONCLUSIVE"
    assert any("degrade-b.1" in reason for reason in result.report.reasons)


def test_a_fault_planned_after_the_load_is_refused_before_anything_starts(tmp_path):
    scenario = failover(chaos=[Kill("a", at=seconds(60))], slo=Slo(success_rate=0.99))
    with pytest.raises(ScenarioError, match="kill of a would begin at 1 min, and the load is over after"):
        run_scenario(scenario, world="simulated", out=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.live
def test_a_generator_that_cannot_keep_its_rate_proves_nothing(tmp_path):
    load = HttpConstant("eth_blockNumber", rate=200_000, duration=seconds(2), timeout=seconds(1))
    scenario = failover(workloads=[load], chaos=[], slo=Slo(max_wrong_answers=0))
    result = run_scenario(scenario, out=tmp_path)
    assert result.report.verdict == "INCONCLUSIVE"
    assert any("workload main" in reason for reason in result.report.reasons)


def test_a_scenario_without_slos_does_not_pass(tmp_path):
    result = run_scenario(failover(slo=Slo()), world="simulated", out=tmp_path)
    assert result.report.verdict == "INCONCLUSIVE"
    assert any("no SLO" in reason for reason in result.report.reasons)


def test_an_slo_that_no_world_can_measure_here_does_not_pass(tmp_path):
    result = run_scenario(failover(slo=Slo(max_memory_mb=1000)), world="simulated", out=tmp_path)
    assert result.report.verdict == "INCONCLUSIVE"
    assert result.report.omitted_slos == (
        "max_memory_mb <= 1000: a simulated gateway has no memory of its own",
    )


def test_wrong_answers_fail_although_every_request_is_ok(tmp_path, monkeypatch):
    """A provider lies; what a scenario cans is expected by its own load, so the load is not told of it."""

    def not_told(*arguments):
        return msgspec.structs.replace(workload_role(*arguments), canned={})

    monkeypatch.setattr("battle.run.tree.workload_role", not_told)
    liar = MockProvider("a", latency=ms(10), canned={"eth_getBalance": "0x1"})
    scenario = failover(providers=[liar, MockProvider("b", latency=ms(20))], slo=Slo(success_rate=0.99))
    result = run_scenario(scenario, world="simulated", out=tmp_path)
    assert result.report.verdict == "FAIL"
    assert [slo.status for slo in result.report.slos] == ["met"]
    [(wrong,)] = ask(result.run_dir, "SELECT count(*) FROM requests WHERE answer = 'wrong'")
    assert wrong > 0
    assert ask(result.run_dir, "SELECT DISTINCT method, provider FROM requests WHERE answer = 'wrong'") == [
        ("eth_getBalance", "a")
    ]


def test_a_missing_gateway_program_is_one_sentence(tmp_path):
    recipe = tmp_path / "missing.toml"
    recipe.write_text('type = "command"\nname = "ghost"\ncommand = ["no-such-gateway-here"]\n')
    with pytest.raises(StartError, match="no-such-gateway-here"):
        run_scenario(failover(), gateway=str(recipe), out=tmp_path)


def test_a_gateway_that_crashes_by_itself_fails_and_the_run_still_ends(tmp_path, monkeypatch):
    """It alone is started anew: the load and the faults go on."""
    crashes = []

    async def fragile(world, spec, control):
        async with trio.open_nursery() as nursery:
            if isinstance(spec.role, GatewayRole) and not crashes:
                nursery.start_soon(_crash_after, 6, crashes)
            await boot(world, spec, control)
            nursery.cancel_scope.cancel()

    monkeypatch.setattr("battle.run.record.boot", fragile)
    result = run_scenario(failover(), world="simulated", out=tmp_path)
    assert result.report.verdict == "FAIL"
    assert any("gateway" in reason and "crash" in reason for reason in result.report.reasons), (
        result.report.reasons
    )
    phases = [phase for (phase,) in ask(result.run_dir, "SELECT phase FROM run_phases ORDER BY at_ns")]
    assert phases == ["started", "load_began", "load_ended", "ended"]
    assert ask(result.run_dir, "SELECT sum(dropped) FROM generator_samples") == [(0,)]
    assert ask(result.run_dir, "SELECT how, back_ns IS NOT NULL FROM gateway_ends") == [("crashed", True)]
    reverted = ask(
        result.run_dir, "SELECT fault_id, count(*) FROM faults WHERE phase = 'reverted' GROUP BY ALL"
    )
    assert all(count == 1 for _, count in reverted)


async def _crash_after(seconds, crashes):
    await trio.sleep(seconds)
    crashes.append(seconds)
    raise RuntimeError("the gateway has a bug")


def test_a_log_that_cannot_be_sealed_is_told_apart_from_wrong_use(tmp_path, monkeypatch):
    def full(run_dir):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("battle.run.record.seal", full)
    with pytest.raises(RunLostError, match="No space left on device"):
        run_scenario(failover(), world="simulated", out=tmp_path)
    assert list(tmp_path.glob("2*/events/coordinator.1.ndjson"))
