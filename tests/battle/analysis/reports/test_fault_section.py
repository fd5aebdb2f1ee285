"""The faults of a report: each by itself while they are few, by kind and target when they are many."""

import pytest
from msgspec.structs import replace

from battle.analysis.reports.document import Paragraph, Table
from battle.analysis.reports.files import read_report
from battle.analysis.reports.sections.failures import FAULTS_SHOWN, SPANS_SHOWN, fault_section
from tests.battle.analysis.reports.report_runs import golden_run
from tests.battle.histories import S


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return read_report(golden_run(tmp_path_factory.mktemp("golden") / "run"))


def many(report, count, *, target=lambda number: "a", idle=()):
    [one] = report.faults
    [reaction] = report.reactions
    return replace(
        report,
        reactions=tuple(
            replace(
                reaction,
                fault_id=f"{one.kind}-{target(number)}.{number}",
                failovers=2,
                cost_mean_ns=number * 1000,
                cost_max_ns=number * 2000,
                time_to_divert_ns=None if number in idle else number * 3000,
                time_to_readmit_ns=number * 4000,
            )
            for number in range(1, count + 1)
        ),
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
    times, reactions, effects = tables(many(report, FAULTS_SHOWN, idle=(2,)))
    assert len(times) == len(reactions) == len(effects) == FAULTS_SHOWN
    assert reactions[2][:3] == ["flap-a.3", "9 µs", "2"]
    assert (reactions[2][3], reactions[2][6], reactions[2][8]) == ("3 µs", "6 µs", "12 µs")
    assert reactions[1][1] == "not seen"


def test_faults_are_applied_so_long_after_the_begin_of_the_load(report):
    later = replace(many(report, 1), run=replace(report.run, load_began_ns=S // 2))
    assert tables(later)[0][0][2] == "0.500 s"


def test_a_gateway_that_tells_nothing_has_no_table_of_what_it_did(report):
    some = many(report, 1)
    silent = replace(some, reactions=(replace(some.reactions[0], failovers=None, time_to_divert_ns=None),))
    assert len(tables(silent)) == 2


def test_many_faults_are_grouped_by_kind_and_target(report):
    groups, reactions = tables(many(report, 50, target=lambda number: "ab"[number % 2]))
    assert groups == [
        ["flap", "b", "25", "25", "1.000 s", "49.000 s", "49 µs", groups[0][7], "625", groups[0][9]],
        ["flap", "a", "25", "25", "2.000 s", "50.000 s", "50 µs", groups[1][7], "650", groups[1][9]],
    ]
    # The slowest and dearest of each group; medians of several faults cannot be put together.
    assert [row[:7] for row in reactions] == [
        ["flap at b", "147 µs", "50", "25 µs", "–", "–", "98 µs"],
        ["flap at a", "150 µs", "50", "26 µs", "–", "–", "100 µs"],
    ]


def test_those_without_an_effect_are_named_however_many_there_are(report):
    some = many(report, 50, idle=(7, 9))
    groups, _, idle = tables(some)
    assert groups[0][2:4] == ["50", "48"]
    assert [row[:2] for row in idle] == [["flap-a.7", "no"], ["flap-a.9", "no"]]
    _, _, first = tables(many(report, 50, idle=range(1, 51)))
    assert len(first) == SPANS_SHOWN
    said = [block.text for block in fault_section(some).blocks if isinstance(block, Paragraph)]
    assert said[0] == "50 faults in 1 group; fault_windows has each."
    assert "Without effect: 2 of 50." in said


def test_a_fleet_is_grouped_by_kind_alone(report):
    groups, _ = tables(many(report, 60, target=lambda number: f"p{number % 30}"))
    assert [row[:3] for row in groups] == [["flap", "30 providers", "60"]]
