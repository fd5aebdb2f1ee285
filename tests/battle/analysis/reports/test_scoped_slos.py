"""Reports name the part of the run that an SLO is about, and have a case for each SLO."""

import json
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest

from battle.analysis.reports.files import read_report, render
from battle.analysis.reports.schema import Report, json_schema
from battle.cli.summary import summary_lines
from tests.battle.histories import S, failed, fault, phases, request, write_run

LOST = "SELECT count(*) FROM requests WHERE outcome <> 'ok'"
DEMANDED = [
    {"success_rate": 0.5, "p50_latency_ms": 300},
    {"p95_latency_ms": 40, "when": "during", "workload": "load"},
    "p95_latency_ms < 40 during fault kill a grace 1s",
    "success_rate >= 99% in late",
    {"queries": [{"name": "lost requests", "query": LOST, "limit": "< 1"}]},
    {"success_rate": 0.5, "workload": "load"},
]
TITLES = [
    "success_rate",
    "p50_latency_ms",
    "p95_latency_ms during faults of workload load",
    "p95_latency_ms during fault kill a with 1 s of grace",
    "success_rate in phase late",
    "lost requests",
]


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    events = [
        *phases(),
        *fault("kill-a.1", 3 * S, 5 * S),
        *(request(n, n * S) for n in range(9)),
        failed(9, 9 * S),
    ]
    scenario = {"name": "scripted", "phases": [{"name": "late", "at": 8 * S, "duration": 2 * S}]}
    return write_run(
        tmp_path_factory.mktemp("scoped") / "run", {"coordinator": events}, scenario=scenario, slo=DEMANDED
    )


@pytest.fixture(scope="module")
def report(run_dir: Path) -> Report:
    return read_report(run_dir)


def test_the_table_names_the_scope(report: Report) -> None:
    text = render(report, "markdown")
    assert "3 of 7 SLOs met." in text
    for title in TITLES:
        assert f"| {title} " in text
    assert " &lt; 1 |" in text


def test_the_summary_and_the_reasons_name_it(report: Report, run_dir: Path) -> None:
    lines = list(summary_lines(report, run_dir))
    assert f"  ✗ {TITLES[2]} was missed: 50 ms (target ≤ 40 ms; of 2 requests)" in lines
    assert f"  ✗ {TITLES[5]} was missed: 1 (target < 1)" in lines
    assert (
        f"{TITLES[4]} was missed: 50 % (target ≥ 99 %; of 2 requests): 1 got HTTP 503 (first: r9)"
        in report.reasons
    )


def test_the_json_carries_it_in_fields_of_its_own(report: Report) -> None:
    document = json.loads(render(report, "json"))
    jsonschema.validate(document, json.loads(json_schema()))
    scope = {"when": "during", "fault": "kill a", "grace_ns": S, "workload": None, "method": None}
    assert document["slos"][3]["scope"] == scope
    assert [slo["bound"] for slo in document["slos"]] == [">=", "<=", "<=", "<=", ">=", "<"]
    assert document["slos"][0]["scope"]["when"] == "run"


def test_junit_has_a_case_for_each(report: Report) -> None:
    suite = ElementTree.fromstring(render(report, "junit"))
    cases = [case for case in suite.iter("testcase") if ".slo" in case.attrib["classname"]]
    names = [(case.attrib["classname"], case.attrib["name"]) for case in cases]
    assert names == [*(("scripted.slo", title) for title in TITLES), ("scripted.slo.load", "success_rate")]
    assert [case.find("failure") is not None for case in cases] == [
        False,
        False,
        True,
        True,
        True,
        True,
        False,
    ]
