"""A storm of retries that outlives its cause, in a real gateway, and two ways not to have it."""

import pytest

from battle import (
    Breaker,
    Degrade,
    EmbeddedGateway,
    Healing,
    HttpConstant,
    MockProvider,
    Retry,
    Scenario,
    Slo,
    ms,
    run_scenario,
    seconds,
)
from tests.end_to_end.battles import ask

NO_BREAKER = Breaker(failure_threshold=10**6)
NO_BUDGET = Retry(max_attempts=3, attempt_timeout=ms(300), budget_ratio=100)
BUDGET = Retry(max_attempts=3, attempt_timeout=ms(300), budget_ratio=0.1)


def overload(breaker: Breaker, retry: Retry) -> Scenario:
    """One provider that bears 40 requests a second, 30 that are asked for, and three seconds in which it is slow.

    The two connections are its capacity: each request takes 50 ms of one. With three attempts for each request the
    queue for them gets so long that whoever comes to his turn has no time left to be answered, and tries again.
    """
    return Scenario(
        "Overload",
        providers=[MockProvider("a", latency=ms(50))],
        gateway=EmbeddedGateway(connections_per_provider=2, breaker=breaker, retry=retry),
        workloads=[HttpConstant("eth_getBalance", rate=30, duration=seconds(28), name="reads")],
        chaos=[Degrade("a", at=seconds(5), duration=seconds(3), added_latency=ms(400))],
        slo=Slo(max_wrong_answers=0),
        healing=Healing(duration=seconds(20), within=seconds(5)),
    )


def healed(scenario, out):
    result = run_scenario(scenario, world="simulated", out=out)
    (finding,) = (one for one in result.report.findings if one.checker == "metastable_failure")
    return result, finding


def test_retries_without_a_bound_keep_an_outage_alive(tmp_path):
    result, finding = healed(overload(NO_BREAKER, NO_BUDGET), tmp_path)
    assert result.report.verdict == finding.verdict == "FAIL"
    assert "the run did not heal within 5 s after the last fault (degrade-a.1, over at" in finding.summary
    assert "workload reads: more than 5 % of its requests did not succeed" in finding.summary
    assert "continuously since 5 s" in finding.summary
    assert "attempts for each request meanwhile" in finding.summary
    assert finding.summary in result.report.reasons
    # Its cause is long gone: the provider itself answers whatever it is given the time for, as fast as ever.
    assert finding.query is not None
    bad = ask(result.run_dir, f"SELECT sum(failed) / sum(requests) FROM ({finding.query}) WHERE second > 13")
    assert bad[0][0] > 0.9
    assert ask(result.run_dir, "SELECT count(*) FROM attempts WHERE received_ns > 9e9 AND fault_id IS NOT NULL") == [
        (0,)
    ]  # fmt: skip
    assert ask(result.run_dir, f"SELECT outcome FROM requests WHERE request_id = '{finding.ids[1]}'") == [
        ("error",)
    ]


@pytest.mark.parametrize(
    ("breaker", "retry"), [(Breaker(), NO_BUDGET), (NO_BREAKER, BUDGET)], ids=["breaker", "budget"]
)
def test_a_breaker_or_a_retry_budget_lets_it_heal(breaker, retry, tmp_path):
    result, finding = healed(overload(breaker, retry), tmp_path)
    assert (finding.verdict, result.report.verdict) == ("PASS", "PASS"), result.report.reasons
    assert finding.summary.startswith(
        "5 s after the last fault workload reads was back: 100 % ok and a p95 of 50"
    )
