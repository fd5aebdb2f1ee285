"""The faults of a report: each by itself while they are few, by kind and target when they are many."""

import pytest
from msgspec.structs import replace

from battle.reports.chaos_sections import FAULTS_SHOWN, SPANS_SHOWN, fault_section
from battle.reports.document import Paragraph, Table
from battle.reports.writing import read_report
from tests.battle.histories import S
from tests.battle.reports.report_runs import golden_run


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return read_report(golden_run(tmp_path_factory.mktemp("golden") / "run"))


def many(report, count, *, target=lambda number: "a", idle=()):
    [one] = report.faults
    return replace(
        report,
        faults=tuple(
            replace(
                one,
                fault_id=f"{one.kind}-{target(number)}.{number}",
                target=target(number),
                started_ns=None if number in idle else number * S,
                ended_ns=None if number in idle else number * S + 1,
                time_to_detect_ns=None if number in idle else number * 1000,
                leaked_attempts=number,
                effect_observed=number not in idle,
                evidence=() if number in idle else one.evidence,
            )
            for number in range(1, count + 1)
        ),
    )


def tables(report):
    """The texts in each table of the section."""
    return [
        [[cell.text for cell in row] for row in block.rows]
        for block in fault_section(report).blocks
        if isinstance(block, Table)
    ]


def test_a_few_faults_have_a_row_each(report):
    times, effects = tables(many(report, FAULTS_SHOWN))
    assert len(times) == len(effects) == FAULTS_SHOWN


def test_many_faults_are_grouped_by_kind_and_target(report):
    [groups] = tables(many(report, 50, target=lambda number: "ab"[number % 2]))
    assert groups == [
        ["flap", "b", "25", "25", "1.000 s", "49.000 s", "49 µs", groups[0][7], "625", groups[0][9]],
        ["flap", "a", "25", "25", "2.000 s", "50.000 s", "50 µs", groups[1][7], "650", groups[1][9]],
    ]


def test_those_without_an_effect_are_named_however_many_there_are(report):
    some = many(report, 50, idle=(7, 9))
    groups, idle = tables(some)
    assert groups[0][2:4] == ["50", "48"]
    assert [row[:2] for row in idle] == [["flap-a.7", "no"], ["flap-a.9", "no"]]
    _, first = tables(many(report, 50, idle=range(1, 51)))
    assert len(first) == SPANS_SHOWN
    said = [block.text for block in fault_section(some).blocks if isinstance(block, Paragraph)]
    assert said[0] == "50 faults in 1 group; fault_windows has each."
    assert "Without an effect: 2 of 50." in said


def test_a_fleet_is_grouped_by_kind_alone(report):
    [groups] = tables(many(report, 60, target=lambda number: f"p{number % 30}"))
    assert [row[:3] for row in groups] == [["flap", "30 providers", "60"]]
