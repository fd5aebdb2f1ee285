"""The fuzzer of the report builder: it tries logs until its time is over, and the first that fails ends it."""

import pytest

from tools.fuzz import reports


def test_logs_are_tried_until_the_time_is_over(monkeypatch, capsys):
    tried = []
    monkeypatch.setattr(reports, "whole_reports", tried.append)
    reports.fuzz(0.001)
    assert len(tried) >= 2
    assert f"Done {len(tried)} runs in " in capsys.readouterr().err


def test_a_log_that_gives_no_whole_reports_ends_it_and_is_shown(monkeypatch):
    def broken(run_dir):
        raise IndexError("list index out of range")

    monkeypatch.setattr(reports, "whole_reports", broken)
    with pytest.raises(IndexError) as raised:
        reports.fuzz(60)
    assert any("is_whole(" in note and "log=" in note for note in raised.value.__notes__)
