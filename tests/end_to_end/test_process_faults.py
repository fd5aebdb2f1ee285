"""Providers whose process is paused, restarted or killed under a running load, and what the log says of it."""

import pytest

from battle import (
    Breaker,
    EmbeddedGateway,
    HttpConstant,
    Kill,
    MockProvider,
    Pause,
    Restart,
    Retry,
    Slo,
    ms,
    run_scenario,
    seconds,
)
from tests.end_to_end.battles import ask, digests, failover

both_worlds = pytest.mark.parametrize("world", ["simulated", pytest.param("live", marks=pytest.mark.live)])

ACTED = "SELECT fault_id, node, action FROM fault_actions ORDER BY at_ns"
EXITS = (
    "SELECT change, reason FROM actor_lifecycle WHERE actor = 'a' AND change <> 'restarting' ORDER BY at_ns"
)


def battle(*chaos, load_seconds=5):
    return failover(
        providers=[MockProvider("a", latency=ms(10)), MockProvider("b", latency=ms(20))],
        gateway=EmbeddedGateway(
            strategy="priority",
            retry=Retry(attempt_timeout=ms(300)),
            breaker=Breaker(open_for=ms(500)),
        ),
        workloads=[HttpConstant("eth_blockNumber", rate=50, duration=seconds(load_seconds))],
        chaos=list(chaos),
        slo=Slo(success_rate=0.99),
    )


@both_worlds
def test_a_paused_provider_answers_nothing_and_the_log_shows_that_it_was_paused(world, tmp_path):
    scenario = battle(Pause("a", at=seconds(1), duration=seconds(2)))
    result = run_scenario(scenario, world=world, out=tmp_path)
    run_dir = result.run_dir
    assert result.report.verdict == "PASS", result.report.reasons
    assert ask(run_dir, ACTED) == [("pause-a.1", "a", "paused"), ("pause-a.1", "a", "resumed")]
    [(paused_ns, resumed_ns)] = ask(run_dir, "SELECT min(at_ns), max(at_ns) FROM fault_actions")
    assert seconds(1.9) < resumed_ns - paused_ns < seconds(2.2)
    # It is resumed a moment before the log can say so, and then answers what came in meanwhile.
    inside = f"replied_ns BETWEEN {paused_ns} AND {resumed_ns - ms(20)}"
    assert ask(run_dir, f"SELECT count(*) FROM attempts WHERE provider = 'a' AND {inside}") == [(0,)]
    after = f"received_ns > {resumed_ns}"
    assert ask(run_dir, f"SELECT count(*) > 0 FROM attempts WHERE provider = 'a' AND {after}") == [(True,)]
    assert [change for change, _ in ask(run_dir, EXITS)] == ["started", "stopped"]


@both_worlds
def test_a_restarted_provider_ends_in_good_order_and_counts_as_no_crash(world, tmp_path):
    scenario = battle(Restart("a", at=seconds(1), down=seconds(1)))
    result = run_scenario(scenario, world=world, out=tmp_path)
    exits = ask(result.run_dir, EXITS)
    assert [change for change, _ in exits] == ["started", "crashed", "started", "stopped"]
    assert "stopped (fault restart-a.1)" in exits[1][1]
    assert ask(result.run_dir, "SELECT count(*) > 0 FROM attempts WHERE segment = 'a.2'") == [(True,)]
    assert result.report.verdict == "PASS", result.report.reasons
    assert result.report.crashes == () or all(crash.induced for crash in result.report.crashes)


@both_worlds
def test_a_provider_that_is_killed_while_it_is_paused_comes_back_unpaused(world, tmp_path):
    scenario = battle(
        Pause("a", at=seconds(1), duration=seconds(3)), Kill("a", at=seconds(2), down=seconds(0.5))
    )
    result = run_scenario(scenario, world=world, out=tmp_path)
    assert ask(result.run_dir, ACTED) == [("pause-a.1", "a", "paused")]
    assert "killed by SIGKILL (fault kill-a.1)" in ask(result.run_dir, EXITS)[1][1]
    [(served_ns,)] = ask(result.run_dir, "SELECT min(received_ns) FROM attempts WHERE segment = 'a.2'")
    [(until_ns,)] = ask(
        result.run_dir, "SELECT at_ns FROM faults WHERE fault_id = 'pause-a.1' AND phase = 'reverted'"
    )
    assert served_ns < until_ns
    assert result.report.verdict == "PASS", result.report.reasons


@both_worlds
def test_a_provider_that_is_paused_at_the_end_holds_nobody_up(world, tmp_path):
    scenario = battle(Pause("a", at=seconds(1), duration=seconds(60)), load_seconds=2)
    result = run_scenario(scenario, world=world, out=tmp_path)
    assert ask(result.run_dir, ACTED) == [("pause-a.1", "a", "paused")]
    assert ask(result.run_dir, EXITS)[-1][0] == "stopped"
    [(took_ns,)] = ask(
        result.run_dir,
        "SELECT max(at_ns) FILTER (phase = 'ended') - max(at_ns) FILTER (phase = 'load_ended') FROM run_phases",
    )
    assert took_ns < seconds(2)


def test_a_run_with_pauses_and_restarts_gives_the_same_log_again(tmp_path):
    scenario = battle(
        Pause("*", at=seconds(1), duration=seconds(1)), Restart("b", at=seconds(3), down=ms(500))
    )
    one, two = (
        digests(run_scenario(scenario, world="simulated", seed=3, out=tmp_path / str(n)).run_dir)
        for n in range(2)
    )
    assert one == two


def test_a_restart_that_is_over_while_its_node_is_still_starting_says_so(tmp_path):
    """A simulated node takes 150 ms to start."""
    scenario = battle(Kill("a", at=seconds(1), down=seconds(1)), Restart("a", at=seconds(2.05), down=ms(50)))
    report = run_scenario(scenario, world="simulated", out=tmp_path).report
    assert report.verdict == "INCONCLUSIVE"
    assert report.reasons == ("restart-a.1 had no effect: a was still starting when it was over",)
