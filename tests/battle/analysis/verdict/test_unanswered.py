"""Why a percentile was never reached: by the share that its name leaves."""

import pytest

from battle.analysis.verdict.requests import unanswered_text
from battle.scenario.slo.metrics import METRICS

BEYOND = {"p50": "50 %", "p90": "10 %", "p95": "5 %", "p99": "1 %", "p999": "0.1 %"}


@pytest.mark.parametrize(
    "key", [one.key for one in METRICS.values() if one.key.endswith("_latency_ns") and one.of_requests]
)
def test_the_share_that_did_not_succeed_is_what_the_percentile_leaves(key: str) -> None:
    share = BEYOND[key.removesuffix("_latency_ns")]
    assert unanswered_text(key, "of the requests") == f"more than {share} of the requests did not succeed"
