"""A load script with a bug is no failure of the gateway: the run ends at once, with the author's own line."""

import time
from pathlib import Path

import pytest

from battle import HttpConstant, MockProvider, Scenario, Slo, run_scenario, seconds
from battle.actors.world.interfaces import WorldName

HERE = "tests.end_to_end.test_authors_generator"


def breaking(number: int, random: object) -> tuple[str, list[object]]:
    if number > 5:
        raise KeyError("account pool is empty")
    return "eth_blockNumber", []


def slow(number: int, random: object) -> tuple[str, list[object]]:
    time.sleep(0.3)
    return "eth_blockNumber", []


def nonsense_later(number: int, random: object) -> object:
    return ("eth_blockNumber", []) if number <= 5 else "eth_blockNumber"


@pytest.mark.parametrize("world", ["simulated", pytest.param("live", marks=pytest.mark.live)])
@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "breaking",
            "raised KeyError: 'account pool is empty' at tests/end_to_end/test_authors_generator.py:16",
        ),
        ("nonsense_later", "must return a method and a list or dict of parameters, not 'eth_blockNumber'"),
    ],
)
def test_the_run_ends_at_once_and_names_the_line(
    tmp_path: Path, world: WorldName, name: str, says: str
) -> None:
    scenario = Scenario(
        "Load script",
        providers=[MockProvider("a")],
        workloads=[HttpConstant(generator=f"{HERE}:{name}", rate=20, duration=seconds(60))],
        slo=Slo(success_rate=1),
    )
    report = run_scenario(scenario, world=world, out=tmp_path).report
    assert report.verdict == "INCONCLUSIVE"
    assert says in report.headline
    assert (report.run.load_ns or 0) < 5 * 10**9
    assert [crash.crashes for crash in report.crashes] == [1]


@pytest.mark.live
@pytest.mark.slow
def test_a_generator_that_is_too_slow_for_its_load_is_named(tmp_path: Path) -> None:
    scenario = Scenario(
        "Slow load script",
        providers=[MockProvider("a")],
        workloads=[HttpConstant(generator=f"{HERE}:slow", rate=20, duration=seconds(2))],
        slo=Slo(success_rate=1, p95_latency_ms=100),
    )
    report = run_scenario(scenario, out=tmp_path).report
    assert report.verdict == "INCONCLUSIVE"
    place = f"tests/end_to_end/test_authors_generator.py:{slow.__code__.co_firstlineno}"
    assert f"the scenario's generator '{HERE}:slow' at {place} is slow: " in report.headline
    assert "machine was busy" not in report.headline
