"""What GitHub and GitLab get: escaped, bounded, at the right line, and only in CI."""

import io
import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.ci.annotations import Annotation, Place, reason_annotations, slo_of
from battle.ci.environment import environment
from battle.ci.github import (
    ANNOTATIONS_MAX,
    CUT,
    SUMMARY_BYTES_MAX,
    annotation_commands,
    fitting_summary,
    output_lines,
)
from battle.ci.gitlab import END, Sample, merged_metrics
from battle.ci.location import line_of
from battle.ci.publish import Outcome, places_in, publish


@pytest.mark.parametrize(
    ("variables", "service"),
    [
        ({}, None),
        ({"CI": "false"}, None),
        ({"CI": "true"}, "other"),
        ({"CI": "true", "GITLAB_CI": "true"}, "gitlab"),
        ({"CI": "true", "GITHUB_ACTIONS": "true"}, "github"),
        ({"GITHUB_ACTIONS": "false", "GITHUB_STEP_SUMMARY": "/tmp/summary"}, None),
    ],
)
def test_the_service_is_known_by_its_variables(variables, service):
    found = environment(variables)
    assert (found and found.service) == service


def error(message: str, place: Place | None = None) -> Annotation:
    return Annotation(level="error", title="FAIL: a, b: c", message=message, place=place)


def test_an_annotation_is_escaped_as_github_wants():
    [line] = annotation_commands([error("50 % lost:\r\nall, of it", Place("a,b:c.py", 3))])
    assert line == (
        "::error file=a%2Cb%3Ac.py,line=3,title=FAIL%3A a%2C b%3A c::50 %25 lost:%0D%0Aall, of it"
    )


@given(st.text(), st.text())
def test_no_text_begins_a_command_of_its_own(message, title):
    one = Annotation(level="warning", title=title, message=message)
    [line] = annotation_commands([one])
    assert "\n" not in line
    assert "\r" not in line
    properties, _, data = line.removeprefix("::warning ").partition("::")
    assert len(re.findall(r"[:,]", properties)) == 0
    undone = data.replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%")
    assert undone == message


def test_the_last_of_too_many_annotations_counts_the_rest():
    lines = annotation_commands([error(f"reason {number}") for number in range(25)])
    assert len(lines) == ANNOTATIONS_MAX
    assert lines[-1].endswith("::and 16 more: see the summary of the job")
    assert len(annotation_commands([error("one")] * ANNOTATIONS_MAX)) == ANNOTATIONS_MAX


def test_errors_and_warnings_are_counted_apart():
    warning = Annotation(level="warning", title="", message="warned")
    assert len(annotation_commands([*[error("one")] * 10, *[warning] * 10])) == 20


def test_a_summary_is_cut_where_github_would_refuse_it():
    assert fitting_summary("all of it", 0) == "all of it\n\n"
    text = "".join(f"line {number} of many\n" for number in range(100_000))
    cut = fitting_summary(text, 1000)
    assert len(cut.encode()) <= SUMMARY_BYTES_MAX - 1000
    assert cut.endswith(CUT)
    assert re.search(r"\nline \d+ of many\n\n", cut), "it ends with a whole line"
    assert fitting_summary(text, SUMMARY_BYTES_MAX) == ""


def test_outputs_are_a_line_each():
    assert output_lines({"verdict": "PASS", "report": "a\nverdict=FAIL"}) == (
        "verdict=PASS\nreport=a verdict=FAIL\n"
    )


SOURCE = """\
from battle import Scenario, Slo

_slo = Slo()
scenario = Scenario(
    "A",
    slo=Slo(
        success_rate=0.9,
        p95_latency_ms=5,
    ),
)
other = Scenario("B", slo="success_rate >= 90%; p99_latency_ms <= 4ms")
"""


@pytest.mark.parametrize(
    ("variant", "slo", "line"),
    [
        ("", "p95_latency_ms", 8),
        ("", "success_rate", 7),
        ("", "p99_latency_ms", 6),
        ("", None, 4),
        ("other", "p99_latency_ms", 11),
        ("gone", None, None),
    ],
)
def test_the_line_of_an_slo_in_python(variant, slo, line):
    assert line_of(SOURCE, ".py", variant, slo) == line


def test_the_line_of_an_slo_in_a_data_file():
    text = 'name = "A"\n\n[slo]\nsuccess_rate = 0.9\nmin_p95_latency_ms = 1\n'
    assert line_of(text, ".toml", "", "success_rate") == 4
    assert line_of(text, ".toml", "", "p95_latency_ms") == 3
    assert line_of(text, ".toml", "", None) == 1
    assert line_of("", ".toml", "", None) is None
    assert line_of("scenario = (", ".py", "", None) is None


def test_the_slo_that_a_reason_is_about():
    assert slo_of("p95_latency_ms during faults was missed: success_rate") == "p95_latency_ms"
    assert slo_of("reads: success_rate was missed: 5 %") == "success_rate"
    assert slo_of("the gateway closed its socket") is None


def test_places_are_those_in_the_workspace(tmp_path, monkeypatch):
    workspace = tmp_path / "workspace"
    file = workspace / "battles" / "a.py"
    file.parent.mkdir(parents=True)
    file.write_text(SOURCE)
    monkeypatch.chdir(workspace)
    variables = {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(workspace)}
    assert places_in("battles/a.py:other", variables)("p99_latency_ms") == Place("battles/a.py", 11)
    assert places_in("smoke", variables)(None) is None
    assert places_in("battles/a.py", {})(None) is None
    (tmp_path / "outside.py").write_text(SOURCE)
    assert places_in("../outside.py", variables)(None) is None


def test_metrics_of_several_runs_are_in_one_file():
    labels = (("scenario", 'A "b"\\'),)
    first = merged_metrics("", [Sample("battle_requests", labels, 20), Sample("battle_passed", labels, 1)])
    assert first == (
        '# TYPE battle_requests gauge\nbattle_requests{scenario="A \\"b\\"\\\\"} 20\n'
        '# TYPE battle_passed gauge\nbattle_passed{scenario="A \\"b\\"\\\\"} 1\n# EOF\n'
    )
    second = merged_metrics(
        first, [Sample("battle_requests", labels, 21), Sample("battle_requests", (("scenario", "B"),), 5)]
    )
    assert second.count("# TYPE battle_requests gauge") == 1
    assert 'battle_requests{scenario="A \\"b\\"\\\\"} 21\nbattle_requests{scenario="B"} 5\n' in second
    assert second.endswith(f"{END}\n")
    assert second.count(END) == 1


OUTCOME = Outcome(
    annotations=tuple(reason_annotations("FAIL: A", ["it failed"], ["it warned"])),
    summary=lambda: "# FAIL",
    outputs={"verdict": "FAIL"},
)


def github(tmp_path: Path) -> dict[str, str]:
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        "GITHUB_OUTPUT": str(tmp_path / "outputs"),
    }


def test_github_gets_all_of_it(tmp_path):
    errors = io.StringIO()
    publish(OUTCOME, github(tmp_path), errors)
    publish(OUTCOME, github(tmp_path), errors)
    expected = "::error title=FAIL%3A A::it failed\n::warning title=FAIL%3A A::it warned\n"
    assert errors.getvalue() == expected * 2
    assert (tmp_path / "summary").read_text() == "# FAIL\n\n# FAIL\n\n"
    assert (tmp_path / "outputs").read_text() == "verdict=FAIL\n" * 2


def test_what_cannot_be_written_is_reported_and_no_more(tmp_path):
    errors = io.StringIO()
    (tmp_path / "summary").mkdir()
    publish(OUTCOME, github(tmp_path), errors)
    assert "battle: the step summary cannot be written: " in errors.getvalue()
    assert (tmp_path / "outputs").read_text() == "verdict=FAIL\n"


@pytest.mark.parametrize("variables", [{}, {"CI": "true"}])
def test_elsewhere_nothing_is_written(tmp_path, variables):
    errors = io.StringIO()
    outcome = msgspec.structs.replace(OUTCOME, out=tmp_path, samples=(Sample("battle_passed", (), 1),))
    publish(outcome, variables, errors)
    assert errors.getvalue() == ""
    assert list(tmp_path.iterdir()) == []
