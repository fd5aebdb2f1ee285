"""What the report says of a gateway that needs long to be ready again after a fault had ended it."""

import pytest

from battle.analysis.reports.document import Paragraph, Table
from battle.analysis.reports.files import read_report
from battle.analysis.reports.sections.failures import fault_section
from battle.analysis.reports.sections.gateway_process import gateway_process_section
from battle.analysis.reports.sections.story import story_section
from tests.battle.histories import MS, S, failed, fault, life, phases, request, write_run


def report_of(tmp_path, *events):
    killed = [
        life("gateway", "started"),
        *fault("kill-gateway.1", 3 * S, 4 * S, target="gateway"),
        request(1, S),
        *(
            failed(2 + tenth, 3 * S + tenth * 100 * MS, MS, failure="refused", sent_ns=None, http_status=None)
            for tenth in range(1, 41)
        ),
    ]
    return read_report(write_run(tmp_path / "run", {"coordinator": [*phases(), *killed, *events]}))


def cells(section):
    """The first table's one row, by its titles."""
    table = next(block for block in section.blocks if isinstance(block, Table))
    [row] = table.rows
    return {column.title: cell.text for column, cell in zip(table.columns, row, strict=True)}


@pytest.fixture
def slow(tmp_path):
    """Killed at 3 s, it may start at 4 s, and is ready at 7.2 s."""
    back = life("gateway", "started", 7200 * MS, incarnation=2)
    return report_of(tmp_path, back, request(99, 8 * S))


def told_at_the_end(report):
    rows = story_section(report).blocks[0].rows
    [told] = [row[2].text for row in rows if "kill of gateway ended" in row[1].text]
    return told


def test_all_that_failed_until_it_was_ready_is_told_with_the_fault(slow):
    [began] = [row for row in story_section(slow).blocks[0].rows if "kill of gateway began" in row[1].text]
    assert began[2].text.endswith("; 40 requests failed")
    assert cells(fault_section(slow))["request errors"] == "40"
    notes = [block.text for block in fault_section(slow).blocks if isinstance(block, Paragraph)]
    assert any("goes on until the gateway was ready again" in note for note in notes)


def test_how_long_it_took_to_be_ready_is_told_where_the_fault_ends(slow):
    assert told_at_the_end(slow) == (
        "ready 3.2 s after it could start again, and refused 31 requests until then; "
        "its next good answer after 4.05 s"
    )


def test_the_table_of_its_process_has_the_start_beside_all_that_it_was_down(slow):
    row = cells(gateway_process_section(slow))
    assert (row["down"], row["starting"], row["refused"]) == ("4.2 s", "3.2 s", "40")


def test_one_that_was_not_ready_again_took_no_time_to_be(tmp_path):
    report = report_of(tmp_path)
    assert told_at_the_end(report) == (
        "it was not ready again, and refused 31 requests until then; no request succeeded after it"
    )
    row = cells(gateway_process_section(report))
    assert (row["down"], row["starting"]) == ("to the end", "–")
