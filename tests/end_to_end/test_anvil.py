"""Battles on real nodes: two anvils of one chain, behind the embedded gateway and behind nginx."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from battle import (
    Breaker,
    EmbeddedGateway,
    HttpConstant,
    Kill,
    MockProvider,
    ResetPeer,
    Scenario,
    Slo,
    WsRequests,
    ms,
    seconds,
)
from battle.actors.spec.providers import RealProvider
from battle.api import run_scenario
from tests.end_to_end.anvils import anvils, providers_file
from tests.end_to_end.battles import ask

pytestmark = [pytest.mark.live, pytest.mark.programs, pytest.mark.slow]

GATEWAYS = ["embedded", "nginx"]


@pytest.fixture(scope="module")
def nodes():
    with anvils() as running:
        yield running


def battle():
    """The preferred provider's connections are reset, later it dies; blocks are asked for all the time."""
    return Scenario(
        "Real nodes",
        providers=[MockProvider("a", latency=ms(5)), MockProvider("b", latency=ms(5))],
        # The breaker asks again soon, so that both faults are noticed.
        gateway=EmbeddedGateway(strategy="priority", breaker=Breaker(open_for=ms(300))),
        workloads=[
            HttpConstant(
                {"eth_getBlockByNumber": 3, "eth_blockNumber": 1}, rate=60, duration=seconds(8), name="http"
            ),
            WsRequests("eth_chainId", rate=5, duration=seconds(8), connections=2, name="ws"),
        ],
        chaos=[
            ResetPeer("a", at=seconds(2), duration=seconds(1)),
            Kill("a", at=seconds(5), down=seconds(1)),
        ],
        slo=Slo(success_rate=0.99, max_wrong_answers=0, workload="http"),
    )


def test_resets_and_a_reorganisation_on_real_nodes(nodes, tmp_path):
    """One battle behind each gateway, at the same time; the chain is reorganised in the middle of both."""
    listed = providers_file(tmp_path / "nodes.toml", nodes.urls)

    def play(gateway):
        return run_scenario(
            battle(), gateway=gateway, backend="real", providers=listed, out=tmp_path / gateway
        )

    with ThreadPoolExecutor(len(GATEWAYS)) as pool:
        runs = [pool.submit(play, gateway) for gateway in GATEWAYS]
        while wait(runs, timeout=2).not_done:
            nodes.reorganise(2)
        results = {gateway: run.result() for gateway, run in zip(GATEWAYS, runs, strict=True)}
    for gateway, result in results.items():
        _check(gateway, result)


def _check(gateway, result):
    report = result.report
    assert report.verdict == "PASS", (gateway, report.reasons)
    assert any(
        "the right answers of a real provider are not known" in omitted for omitted in report.omitted_slos
    )
    assert ask(result.run_dir, "SELECT fault_id, effect_observed FROM fault_windows ORDER BY fault_id") == [
        ("kill-a.1", True),
        ("reset_peer-a.1", True),
    ]
    agreed = next(one for one in report.findings if one.checker == "providers_agree")
    assert (agreed.verdict, agreed.severity) == ("PASS", None), agreed.summary
    assert agreed.summary.startswith("a and b named the same block at ")
    # A reorganisation is in the facts: some height had two blocks.
    ((forked,),) = ask(
        result.run_dir,
        "SELECT count(*) FROM (SELECT subject FROM chain_facts WHERE NOT is_final GROUP BY subject "
        "HAVING count(DISTINCT value) > 1)",
    )
    assert forked >= 1
    # The link logs what passes it, with the client's ids: both nodes served requests of the load.
    ((served,),) = ask(
        result.run_dir,
        "SELECT count(DISTINCT attempts.provider) FROM attempts JOIN requests USING (request_id)",
    )
    assert served == 2


def test_nodes_of_different_chains_are_noticed(tmp_path):
    with anvils(1) as one, anvils(1) as other:
        other.all("anvil_setBlockTimestampInterval", [7])  # the times differ, and so do all hashes
        scenario = Scenario(
            "Apart",
            [RealProvider("a", one.urls[0]), RealProvider("b", other.urls[0])],
            [HttpConstant("eth_getBlockByNumber", rate=40, duration=seconds(8))],
            EmbeddedGateway(strategy="round_robin"),
            slo=Slo(success_rate=0.9),
        )
        report = run_scenario(scenario, out=tmp_path).report
    assert any("they are on different chains, or one is on a fork" in warning for warning in report.warnings)


@pytest.mark.parametrize("gateway", GATEWAYS)
@pytest.mark.parametrize("scenario", ["smoke", "http_failover"])
def test_shipped_battles_on_real_nodes(nodes, tmp_path, scenario, gateway):
    listed = providers_file(tmp_path / "nodes.toml", nodes.urls)
    command = [sys.executable, "-m", "battle", "run", scenario, "--gateway", gateway, "--quiet"]
    options = ["--backend", "real", "--providers", str(listed), "--out", str(tmp_path)]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("PASS")
    assert f"provider a is node-0 ({nodes.urls[0]}" in done.stdout
