"""A gateway that runs elsewhere and leads to none of the providers: nobody knows what was tested."""

from pathlib import Path
from typing import Any

import pytest

from battle.analysis.verdict.verdict import Judgement, judge
from battle.scenario.slo.slo import Slo
from battle.store.events import Event, RunChanged
from tests.battle.histories import MS, open_history, request, served

ADDRESSES = "a 127.0.0.1:4001, b 127.0.0.1:4002"
STARTED = RunChanged(at_ns=0, phase="started", detail=f"providers: {ADDRESSES}")
FAILED = [
    request(n, n * 10 * MS, MS, outcome="error", failure="http_status", http_status=404) for n in range(40)
]


def judged(tmp_path: Path, *events: Event, gateway: str = "url", provider: str = "mock") -> Judgement:
    scenario: dict[str, Any] = {
        "name": "scripted",
        "gateway": {"type": gateway},
        "providers": [{"type": "mock", "name": "a"}, {"type": provider, "name": "b"}],
    }
    with open_history(tmp_path, STARTED, *FAILED, *events, scenario=scenario) as run:
        return judge(run, Slo(success_rate=0.9, p95_latency_ms=100))


def test_the_addresses_are_told_and_nothing_is_put_down_to_the_gateway(tmp_path: Path) -> None:
    judgement = judged(tmp_path)
    assert judgement.verdict == "INCONCLUSIVE"
    (finding,) = (one for one in judgement.findings if one.checker == "providers_reached")
    assert finding.summary.startswith(f"no provider received a request; their addresses were {ADDRESSES}: ")
    assert [result.status for result in judgement.slos] == ["not_measured", "not_measured"]


def test_with_one_request_that_arrived_it_is_the_gateways_doing(tmp_path: Path) -> None:
    judgement = judged(tmp_path, served(1, "a", 10 * MS))
    (finding,) = (one for one in judgement.findings if one.checker == "providers_reached")
    assert (finding.verdict, finding.summary) == ("PASS", "the providers received 1 request")
    assert judgement.verdict == "FAIL"


@pytest.mark.parametrize("other", [{"gateway": "embedded"}, {"gateway": "command"}, {"provider": "real"}])
def test_other_gateways_and_real_providers_are_no_case_of_it(tmp_path: Path, other: dict[str, str]) -> None:
    judgement = judged(tmp_path, **other)
    assert not [one for one in judgement.findings if one.checker == "providers_reached"]
    assert judgement.verdict == "FAIL"
