"""junit.xml is what the readers of that format expect, and says all that a person needs who sees nothing else."""

import re
from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from battle.analysis.reports.files import read_report, render
from battle.analysis.reports.schema import Report
from battle.suite.files import render_junit
from battle.suite.results import SuiteReport, SuiteRun
from tests.battle.analysis.reports.report_runs import golden_run
from tests.battle.histories import S, failed, request, write_run

PARTS = {
    "testsuites": ([], ["testsuite"]),
    "testsuite": (["name", "tests", "failures", "errors", "skipped", "time"], ["properties", "testcase"]),
    "properties": ([], ["property"]),
    "property": (["name", "value"], []),
    "testcase": (["classname", "name", "time"], ["failure", "error", "system-out"]),
    "failure": (["message", "type"], []),
    "error": (["message", "type"], []),
    "system-out": ([], []),
}
"""What stands in common in the schemas of JUnit's readers: an element's required attributes, and its children in
their order."""


def check(element: ElementTree.Element) -> None:
    """Hold an element and all below it against `PARTS`."""
    required, allowed = PARTS[element.tag]
    assert [name for name in required if name not in element.attrib] == []
    kinds = [allowed.index(child.tag) for child in element]
    assert kinds == sorted(kinds), f"the children of {element.tag} are out of order"
    assert max(Counter(kinds).values(), default=0) <= 1 or element.tag in (
        "testsuites",
        "testsuite",
        "properties",
    )
    if element.tag == "testsuite":
        check_counts(element)
    for child in element:
        check(child)


def check_counts(suite: ElementTree.Element) -> None:
    for name, path in (
        ("tests", "testcase"),
        ("failures", "testcase/failure"),
        ("errors", "testcase/error"),
        ("skipped", "testcase/skipped"),
    ):
        assert int(suite.get(name, "")) == len(suite.findall(path))
    assert re.fullmatch(r"\d+\.\d+", suite.get("time", ""))
    assert re.fullmatch(r"[\d-]{10}T[\d:]{8}", suite.get("timestamp", "2026-01-01T00:00:00"))


def wrong_run(run_dir: Path) -> Report:
    """A run with a missed SLO, one that cannot be measured, and wrong answers."""
    events = [request(1), request(2, answer="wrong"), failed(3), request(4, answer="wrong")]
    slo = {"success_rate": 0.99, "max_memory_mb": 100}
    header: dict[str, Any] = {"run_id": "wrong-run", "seed": 7, "started_at": "2026-01-02T03:04:05.678+00:00"}
    return read_report(write_run(run_dir, {"coordinator": events}, slo=slo, **header))


def test_it_has_the_usual_structure(tmp_path: Path) -> None:
    for report in (
        wrong_run(tmp_path / "wrong"),
        read_report(golden_run(tmp_path / "golden", idle_fault=True)),
        read_report(write_run(tmp_path / "empty", {})),
    ):
        check(ElementTree.fromstring(render(report, "junit")))


def test_that_of_a_suite_has_it_too(tmp_path: Path) -> None:
    statuses: list[Any] = ["FAIL", "PASS", "crashed", "not run"]
    runs = tuple(
        SuiteRun(scenario=f"s{number}", seed=1, status=status, reasons=("why",), took_ns=2 * S)
        for number, status in enumerate(statuses)
    )
    suite = SuiteReport(
        schema_version=1,
        suite_id="20260102-030405-fast-simulated",
        selection="fast",
        world="simulated",
        gateway=None,
        seed=1,
        repeat=1,
        started_at="2026-01-02T03:04:05+00:00",
        interrupted=False,
        verdict="FAIL",
        headline="1 failed",
        runs=runs,
    )
    reports = [wrong_run(tmp_path / "wrong"), read_report(golden_run(tmp_path / "golden")), None]
    root = ElementTree.fromstring(render_junit(suite, reports))
    check(root)
    assert len(root) == len(runs)
    assert [one.get("errors") for one in root][2:] == ["1", "1"]


def test_a_case_that_went_wrong_says_what_it_rests_on(tmp_path: Path) -> None:
    report = wrong_run(tmp_path / "run")
    suite = ElementTree.fromstring(render(report, "junit"))
    cases = {case.get("name"): case for case in suite.iter("testcase")}
    [answers] = [found for found in report.findings if found.checker == "answers_are_right"]
    assert cases["success_rate"].find("failure").get("type") == "missed"
    assert cases["max_memory_mb"].find("error").get("type") == "not_measured"
    [rate] = [result for result in report.slos if result.name == "success_rate"]
    assert cases["success_rate"].find("failure").text.endswith(f"\nmeasured by the query {rate.query}")
    failure = cases["answers_are_right"].find("failure")
    assert failure.get("message") == answers.summary
    assert answers.ids == ("r2", "r4")
    assert failure.text.startswith(f"{answers.summary}\nseen in r2, r4\nbattle sql wrong-run 'SELECT")


def test_it_says_which_run_it_is_of(tmp_path: Path) -> None:
    suite = ElementTree.fromstring(render(wrong_run(tmp_path / "run"), "junit"))
    said = {one.get("name"): one.get("value") for one in suite.iter("property")}
    assert said.items() >= {"run_id": "wrong-run", "seed": "7", "verdict": "FAIL"}.items()
    assert suite.get("timestamp") == "2026-01-02T03:04:05"


def test_a_time_that_is_none_is_left_out(tmp_path: Path) -> None:
    report = read_report(write_run(tmp_path / "run", {"coordinator": [request(1)]}, started_at="<once>"))
    assert ElementTree.fromstring(render(report, "junit")).get("timestamp") is None
