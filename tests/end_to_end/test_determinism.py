"""The same seed gives the same log, byte by byte: in this process, in others, and whatever the hash seed."""

import os
import subprocess
import sys

import pytest

from battle import (
    Degrade,
    EmbeddedGateway,
    HttpPoisson,
    LogNormal,
    MockProvider,
    Reliability,
    ms,
    run_scenario,
    seconds,
)
from battle.actors.spec.workloads import HttpConstant
from tests.end_to_end.battles import digests, failover

SEEDS = [
    0,
    *(pytest.param(seed, marks=pytest.mark.thorough) for seed in range(1, 5)),
    *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(5, 20)),
]
"""A slip in what draws random numbers, or an order that a set decides, shows in any seed: the night looks at more."""


def _eventful():
    """A little of everything that draws random numbers."""
    return failover(
        providers=[
            MockProvider("a", latency=LogNormal(ms(10), 0.5)),
            MockProvider(
                "b", latency=ms(20), reliability=Reliability(0.05, ("http_503", "reset", "rpc_error"))
            ),
            MockProvider("c", latency=ms(15)),
        ],
        gateway=EmbeddedGateway(strategy="latency_weighted", hedge_after=ms(40)),
        workloads=[
            HttpPoisson(
                {"eth_blockNumber": 2, "eth_getBalance": 1, "eth_call": 1}, rate=60, duration=seconds(4)
            ),
            HttpConstant("eth_getBlockByNumber", rate=20, duration=seconds(4), shards=2),
        ],
        chaos=[
            *failover().chaos,
            Degrade("c", at=seconds(1), duration=seconds(2), added_latency=ms(50), error_ratio=0.3),
        ],
    )


def _run(tmp_path, seed, name):
    return digests(run_scenario(_eventful(), world="simulated", seed=seed, out=tmp_path / name).run_dir)


@pytest.mark.parametrize("seed", SEEDS)
def test_one_seed_gives_one_log(tmp_path, seed):
    first, second = _run(tmp_path, seed, "first"), _run(tmp_path, seed, "second")
    assert first == second
    assert len(first) > 15


def test_another_seed_gives_another_log(tmp_path):
    assert _run(tmp_path, 1, "one") != _run(tmp_path, 2, "two")


def test_watching_a_run_does_not_change_it(tmp_path, capsys):
    scenario = _eventful()
    quiet = run_scenario(scenario, world="simulated", seed=3, out=tmp_path / "quiet")
    shown = run_scenario(scenario, world="simulated", seed=3, out=tmp_path / "shown", progress=True)
    assert digests(quiet.run_dir) == digests(shown.run_dir)
    assert "simulated    4 s of 4 s" in capsys.readouterr().err


@pytest.mark.parametrize("seed", [5, pytest.param(11, marks=pytest.mark.thorough)])
def test_neither_the_process_nor_its_hash_seed_matters(tmp_path, seed):
    here = _run(tmp_path, seed, "here")
    for hash_seed in ("0", "1", "4242"):
        out = tmp_path / hash_seed
        program = (
            "import sys; from pathlib import Path; from tests.end_to_end.test_determinism import _eventful\n"
            "from battle import run_scenario\n"
            f"print(run_scenario(_eventful(), world='simulated', seed={seed}, out=Path(sys.argv[1])).run_dir)"
        )
        ran = subprocess.run(
            [sys.executable, "-c", program, str(out)],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        run_dir = out / "latest"
        assert ran.stdout.strip()
        assert digests(run_dir) == here
