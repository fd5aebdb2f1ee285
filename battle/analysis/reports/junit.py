"""A report as JUnit XML: one test case per SLO and per check, for whatever a CI server shows.

A missed SLO and a failed check are failures; INCONCLUSIVE is an error, so that no CI takes it for green. A warning is
no failure: its case passes, and its output says so. What the message of a case rests on stands in its text: ids, and
the query that finds the rest.
"""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from xml.etree import ElementTree

from battle.analysis.findings import Finding
from battle.analysis.reports.schema import Report
from battle.analysis.verdict.slo_comparison import SloResult
from battle.analysis.verdict.slo_text import reason_text

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
_TAG = {"missed": "failure", "FAIL": "failure", "not_measured": "error", "INCONCLUSIVE": "error"}


def render_junit(report: Report) -> str:
    """The report as one test suite."""
    run = report.run
    suite = junit_suite(
        f"battle {run.scenario} ({run.world})",
        list(cases_of(report)),
        (run.load_ns or 0) / 1e9,
        properties={
            "run_id": run.run_id,
            "verdict": report.verdict,
            "warnings": str(len(report.warnings)),
            "world": run.world,
            "seed": "" if run.seed is None else str(run.seed),
            "gateway": run.gateway,
        },
    )
    if run.started_at and _TIMESTAMP.match(run.started_at):
        suite.set("timestamp", run.started_at[:19])
    return xml_document(suite)


def xml_document(root: ElementTree.Element) -> str:
    """A whole XML document."""
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def junit_suite(
    name: str,
    cases: Sequence[ElementTree.Element],
    took_s: float,
    properties: Mapping[str, str] | None = None,
) -> ElementTree.Element:
    """A test suite of these cases, counted."""
    suite = ElementTree.Element(
        "testsuite",
        name=_clean(name),
        tests=str(len(cases)),
        failures=str(sum(case.find("failure") is not None for case in cases)),
        errors=str(sum(case.find("error") is not None for case in cases)),
        skipped=str(sum(case.find("skipped") is not None for case in cases)),
        time=f"{took_s:.3f}",
    )
    if properties:
        group = ElementTree.SubElement(suite, "properties")
        for key, value in properties.items():
            ElementTree.SubElement(group, "property", name=key, value=_clean(value))
    suite.extend(cases)
    return suite


def cases_of(report: Report) -> Iterator[ElementTree.Element]:
    """A test case for each SLO, and for each check."""
    scenario = report.run.scenario
    for result in report.slos:
        yield _slo_case(f"{scenario}.slo", result)
    for one in report.workload_slos:
        for result in one.slos:
            yield _slo_case(f"{scenario}.slo.{one.workload}", result)
    for found in report.findings:
        yield case_of(
            f"{scenario}.checks",
            found.checker,
            found.verdict,
            f"warning: {found.summary}" if found.warns else found.summary,
            _evidence(found, report.run.run_id),
        )


def _slo_case(group: str, result: SloResult) -> ElementTree.Element:
    return case_of(
        group, result.title, result.status, reason_text(result), f"measured by the query {result.query}"
    )


def _evidence(finding: Finding, run_id: str) -> str:
    seen = f"seen in {', '.join(finding.ids)}" if finding.ids else ""
    asked = f"battle sql {run_id} {shlex.quote(finding.query)}" if finding.query else ""
    return "\n".join(filter(None, (seen, asked)))


def case_of(group: str, name: str, status: str, text: str, evidence: str = "") -> ElementTree.Element:
    """One test case; what its `status` means to JUnit stands at the top of this file."""
    case = ElementTree.Element("testcase", classname=_clean(group), name=_clean(name), time="0")
    if status in _TAG:
        wrong = ElementTree.SubElement(case, _TAG[status], message=_clean(text), type=status)
        wrong.text = _clean("\n".join(filter(None, (text, evidence))))
    else:
        ElementTree.SubElement(case, "system-out").text = _clean(text)
    return case


def skipped_case(group: str, name: str, why: str) -> ElementTree.Element:
    """A test case that was not run."""
    case = ElementTree.Element("testcase", classname=_clean(group), name=_clean(name), time="0")
    ElementTree.SubElement(case, "skipped", message=_clean(why))
    return case


def _clean(text: str) -> str:
    return _NOT_XML.sub("�", text)
