"""Where in a run's time a part of it is, and what asks of the whole run."""

from battle.analysis.verdict.parts import WHOLE_PART, is_windowed, part_of_workload


def test_the_whole_run_is_not_windowed() -> None:
    assert not is_windowed({})
    assert not is_windowed({"limit": 3})
    assert not is_windowed({**WHOLE_PART.times, "workload": "reads"})
    assert not is_windowed(part_of_workload("reads").times)
    assert is_windowed(part_of_workload("reads", ((0, 5),)).times)
    assert is_windowed({"starts_ns": (), "ends_ns": ()})
