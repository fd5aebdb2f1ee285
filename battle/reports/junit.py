"""A report as JUnit XML: one test case per SLO and per check, for whatever a CI server shows.

A missed SLO and a failed check are failures; INCONCLUSIVE is an error, so that no CI takes it for green.
"""

import re
from collections.abc import Iterator
from xml.etree import ElementTree

from battle.judgement.verdict import slo_text
from battle.reports.schema import Report

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAG = {"missed": "failure", "FAIL": "failure", "not_measured": "error", "INCONCLUSIVE": "error"}


def render_junit(report: Report) -> str:
    """The report as one test suite."""
    cases = list(_cases(report))
    suite = ElementTree.Element(
        "testsuite",
        name=_clean(f"battle {report.run.scenario} ({report.run.world})"),
        tests=str(len(cases)),
        failures=str(sum(case.find("failure") is not None for case in cases)),
        errors=str(sum(case.find("error") is not None for case in cases)),
        skipped="0",
        time=f"{(report.run.load_ns or 0) / 1e9:.3f}",
    )
    suite.extend(cases)
    ElementTree.indent(suite)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(suite, encoding="unicode")}\n'


def _cases(report: Report) -> Iterator[ElementTree.Element]:
    scenario = report.run.scenario
    for result in report.slos:
        yield _case(f"{scenario}.slo", result.title, result.status, slo_text(result))
    for one in report.workload_slos:
        for result in one.slos:
            yield _case(f"{scenario}.slo.{one.workload}", result.title, result.status, slo_text(result))
    for finding in report.findings:
        yield _case(f"{scenario}.checks", finding.checker, finding.verdict, finding.summary)


def _case(group: str, name: str, status: str, text: str) -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname=_clean(group), name=_clean(name), time="0")
    if status in _TAG:
        ElementTree.SubElement(case, _TAG[status], message=_clean(text), type=status)
    else:
        ElementTree.SubElement(case, "system-out").text = _clean(text)
    return case


def _clean(text: str) -> str:
    return _NOT_XML.sub("�", text)
