"""What the story says of a provider that was not seen to come back: only what the log shows."""

import pytest
from msgspec.structs import replace

from battle.analysis.reports.files import read_report
from battle.analysis.reports.sections.story import story_section
from tests.battle.analysis.reports.report_runs import golden_run


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return read_report(golden_run(tmp_path_factory.mktemp("golden") / "run"))


def told_at_the_end(report, attempts, failed, **changes):
    """What is told of the end of the one fault, when its target had so many attempts."""
    [fault] = report.faults
    shares = [share for share in report.provider_shares if share.provider != fault.target]
    if attempts is not None:
        [own] = [share for share in report.provider_shares if share.provider == fault.target]
        shares.append(replace(own, attempts=attempts, failed=failed))
    fault = replace(fault, time_to_recover_ns=None, **changes)
    section = story_section(replace(report, faults=(fault,), provider_shares=tuple(shares)))
    [told] = [row[2].text for row in section.blocks[0].rows if "flap of a ended" in row[1].text]
    return told


@pytest.mark.parametrize(
    ("attempts", "failed", "changes", "told"),
    [
        (None, 0, {}, "no client's request was sent to it in the whole run"),
        (5, 5, {}, "it gave no good answer in the whole run"),
        (5, 4, {}, "no good answer from it was seen after that"),
        (None, 0, {"source": None}, "what it answered is in no log"),
        (None, 0, {"source": "clients"}, "no request succeeded after it"),
    ],
)
def test_why_no_good_answer_was_seen(report, attempts, failed, changes, told):
    assert told_at_the_end(report, attempts, failed, **changes) == told


def test_a_good_answer_after_the_fault_is_told_with_its_time(report):
    [row] = [row for row in story_section(report).blocks[0].rows if "flap of a ended" in row[1].text]
    assert row[2].text == "its next good answer after 1.04 s"
