"""A report as JUnit XML: one test case per SLO and per check, for whatever a CI server shows.

A missed SLO and a failed check are failures; INCONCLUSIVE is an error, so that no CI takes it for green.
"""

import re
from collections.abc import Iterator, Sequence
from xml.etree import ElementTree

from battle.judgement.verdict import slo_text
from battle.reports.schema import Report

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAG = {"missed": "failure", "FAIL": "failure", "not_measured": "error", "INCONCLUSIVE": "error"}


def render_junit(report: Report) -> str:
    """The report as one test suite."""
    name = f"battle {report.run.scenario} ({report.run.world})"
    return xml_document(junit_suite(name, list(cases_of(report)), (report.run.load_ns or 0) / 1e9))


def xml_document(root: ElementTree.Element) -> str:
    """A whole XML document."""
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def junit_suite(name: str, cases: Sequence[ElementTree.Element], took_s: float) -> ElementTree.Element:
    """A test suite of these cases, counted."""
    suite = ElementTree.Element(
        "testsuite",
        name=_clean(name),
        tests=str(len(cases)),
        failures=str(sum(case.find("failure") is not None for case in cases)),
        errors=str(sum(case.find("error") is not None for case in cases)),
        skipped="0",
        time=f"{took_s:.3f}",
    )
    suite.extend(cases)
    return suite


def cases_of(report: Report) -> Iterator[ElementTree.Element]:
    """A test case for each demand, and for each check."""
    scenario = report.run.scenario
    for result in report.slos:
        yield case_of(f"{scenario}.slo", result.name, result.status, slo_text(result))
    for one in report.workload_slos:
        for result in one.slos:
            yield case_of(f"{scenario}.slo.{one.workload}", result.name, result.status, slo_text(result))
    for finding in report.findings:
        yield case_of(f"{scenario}.checks", finding.checker, finding.verdict, finding.summary)


def case_of(group: str, name: str, status: str, text: str) -> ElementTree.Element:
    """One test case; what its `status` means to JUnit stands at the top of this file."""
    case = ElementTree.Element("testcase", classname=_clean(group), name=_clean(name), time="0")
    if status in _TAG:
        ElementTree.SubElement(case, _TAG[status], message=_clean(text), type=status)
    else:
        ElementTree.SubElement(case, "system-out").text = _clean(text)
    return case


def _clean(text: str) -> str:
    return _NOT_XML.sub("�", text)
