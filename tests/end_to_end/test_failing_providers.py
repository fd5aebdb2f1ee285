"""Whole runs in which a provider fails as those of vendors do: who fails over survives, else the verdict says how."""

import pytest

from battle import (
    Breaker,
    EmbeddedGateway,
    ErrorRate,
    HttpConstant,
    HttpFailure,
    MockProvider,
    Reliability,
    Retry,
    RpcFailure,
    Scenario,
    Slo,
    WsRequests,
    ms,
    run_scenario,
    seconds,
)
from battle.scenario.loader import load_scenario
from tests.end_to_end.battles import ask

KINDS = (
    "http_400",
    "out_of_credits",
    "key_disabled",
    "cloudflare_522",
    "archive_missing",
    "method_not_available",
    HttpFailure(418, "no tea\n", headers={"x-why": "pot"}),
    RpcFailure(-32050, "{method} is too dear", http_status=402),
)


def battle(*kinds, failover=True, workload=HttpConstant, **fault):
    lacking = Reliability(1.0, ("method_not_in_plan",), methods=("eth_gasPrice",))
    return Scenario(
        "A provider fails",
        providers=[
            MockProvider("paid", latency=ms(5), reliability=lacking),
            MockProvider("spare", latency=ms(5)),
        ],
        gateway=EmbeddedGateway(
            strategy="priority",
            failover=failover,
            breaker=Breaker(failure_threshold=10**6),  # the fault is to meet requests for as long as it holds
            retry=Retry(budget_ratio=1),
        ),
        workloads=[
            workload({"eth_getBalance": 2, "eth_gasPrice": 1}, rate=40, duration=seconds(2), name="readers")
        ],
        chaos=[ErrorRate("paid", at=ms(300), duration=ms(1400), kinds=kinds, **fault)],
        slo=Slo(success_rate=0.99, max_wrong_answers=0),
    )


@pytest.mark.parametrize(
    ("world", "workload"),
    [
        ("simulated", HttpConstant),
        ("simulated", WsRequests),
        pytest.param("live", HttpConstant, marks=pytest.mark.live),
    ],
)
def test_a_gateway_that_asks_another_provider_survives_all_of_them(world, workload, tmp_path):
    result = run_scenario(battle(*KINDS, workload=workload), world=world, out=tmp_path)
    assert result.report.verdict == "PASS", result.report.reasons
    met = "SELECT DISTINCT http_status, rpc_code FROM attempts WHERE fault_id = 'error_rate-paid.1'"
    assert set(ask(result.run_dir, met)) >= {
        (402, None),
        (522, None),
        (418, None),
        (200, -32601),
        (402, -32050),
    }
    lacks = (
        "SELECT DISTINCT provider, rpc_code FROM attempts WHERE method = 'eth_gasPrice' AND fault_id IS NULL"
    )
    assert set(ask(result.run_dir, lacks)) == {("paid", -32600), ("spare", None)}


def test_what_clients_got_of_it_is_named_and_methods_that_are_not_meant_fare_well(tmp_path):
    kinds = (RpcFailure(4001, "no credit"), "out_of_credits")
    scenario = battle(*kinds, failover=False, methods=("eth_getB*",))
    result = run_scenario(scenario, world="simulated", out=tmp_path)
    assert result.report.verdict == "FAIL"
    (missed,) = [one for one in result.report.slos if one.status == "missed"]
    for cause in ("got HTTP 200 with JSON-RPC error 4001", "got HTTP 502 with JSON-RPC error -32000"):
        assert any(cause in text for text in missed.causes), missed.causes
    failed = "SELECT DISTINCT method, outcome FROM attempts WHERE fault_id IS NOT NULL"
    assert ask(result.run_dir, failed) == [("eth_getBalance", "error")]


def test_files_say_the_same(tmp_path):
    path = tmp_path / "battle.toml"
    path.write_text(
        """
        name = "Out of credits"
        providers = [
            { name = "paid", reliability = { failure_ratio = 0.5, kinds = ["bad_key"], methods = ["trace_*"] } },
            { name = "spare" },
        ]
        slo = { success_rate = 0.99 }
        [[workloads]]
        type = "http_constant"
        method = "eth_chainId"
        rate = 10
        duration = "2s"
        [[chaos]]
        type = "error_rate"
        target = "paid"
        kinds = ["http_402", { type = "http", status = 402, body = "no" }, { type = "rpc", code = -1, data = [1] }]
        methods = ["eth_*"]
        """
    )
    scenario = load_scenario(str(path))
    assert scenario.chaos[0] == ErrorRate(
        "paid", kinds=("http_402", HttpFailure(402, "no"), RpcFailure(-1, data=[1])), methods=("eth_*",)
    )
    assert scenario.providers[0].reliability == Reliability(0.5, ("bad_key",), ("trace_*",))
