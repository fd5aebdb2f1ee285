"""A report says how to get at the story of a request that failed, or that was dear."""

from battle.analysis.reports.document import Code
from battle.analysis.reports.files import read_report
from battle.analysis.reports.layout import layout
from tests.battle.analysis.reports.report_runs import golden_run
from tests.battle.histories import request, write_run


def commands(run_dir):
    document = layout(read_report(run_dir))
    codes = [
        block.text for section in document.sections for block in section.blocks if isinstance(block, Code)
    ]
    return [text for text in codes if text.startswith("battle explain")]


def test_the_dearest_failover_and_the_failed_requests_can_be_asked_for(tmp_path):
    assert commands(golden_run(tmp_path / "run")) == [
        "battle explain golden --errors 5",
        "battle explain golden r31",
    ]


def test_where_there_is_no_story_there_is_no_command(tmp_path):
    assert commands(write_run(tmp_path / "run", {"load-load.0": [request(1)]}, run_id="; rm -rf ~")) == []
