"""Counts in windows of time, and the bounds on series."""

from battle.monitoring.catalog import CRASHES, GENERATOR_DUE, LOAD_RUNNING, REQUESTS
from battle.monitoring.recorder import LABEL_VALUES_MAX, OTHER, SERIES_MAX, WINDOW_NS, Recorder


def counts(windows):
    return [sum(window.delta.counts.values()) for window in windows]


def test_what_happened_counts_in_its_window_and_the_sum_of_all_is_the_total():
    recorder = Recorder()
    for at_ns in (0, WINDOW_NS - 1, WINDOW_NS, 3 * WINDOW_NS):
        recorder.count(CRASHES, ("a",), at_ns)
    closed = list(recorder.close(2 * WINDOW_NS))
    assert counts(closed) == [2, 1]
    assert [(window.start_ns, window.end_ns) for window in closed] == [
        (0, WINDOW_NS),
        (WINDOW_NS, 2 * WINDOW_NS),
    ]
    assert sum(recorder.until_now().counts.values()) == 4  # the open window is in it
    assert counts(recorder.close_all(3 * WINDOW_NS)) == [1]
    assert recorder.total.counts == {(CRASHES, ("a",)): 4}


def test_what_comes_late_counts_once_in_the_window_that_is_open():
    recorder = Recorder()
    recorder.count(CRASHES, ("a",), 0)
    assert counts(recorder.close(WINDOW_NS)) == [1]
    recorder.count(CRASHES, ("a",), 1)
    [window] = recorder.close(2 * WINDOW_NS)
    assert (window.start_ns, counts([window])) == (WINDOW_NS, [1])
    assert recorder.total.counts == {(CRASHES, ("a",)): 2}


def test_a_window_has_the_gauges_as_they_were_at_its_end():
    recorder = Recorder()
    recorder.gauge(LOAD_RUNNING, (), 0, 1)
    recorder.gauge(LOAD_RUNNING, (), 2 * WINDOW_NS, 0)
    recorder.count(CRASHES, ("a",), WINDOW_NS)
    first, second, third = recorder.close_all(2 * WINDOW_NS)
    series = LOAD_RUNNING, ()
    assert [window.delta.gauges[series] for window in (first, second, third)] == [1, 1, 0]


def test_no_label_has_more_values_than_its_bound():
    recorder = Recorder()
    for number in range(LABEL_VALUES_MAX + 50):
        recorder.count(CRASHES, (f"n{number}",), 0)
    found = recorder.until_now().counts
    assert len(found) == LABEL_VALUES_MAX + 1
    assert found[CRASHES, (OTHER,)] == 50


def test_no_metric_has_more_series_than_its_bound():
    recorder = Recorder()
    for first in range(60):
        for second in range(60):
            recorder.count(GENERATOR_DUE, (f"w{first}", f"n{second}"), 0)
    found = recorder.until_now().counts
    assert len(found) == SERIES_MAX + 1
    assert found[GENERATOR_DUE, (OTHER, OTHER)] == 60 * 60 - SERIES_MAX
    recorder.count(REQUESTS, ("w", "m", "ok", "right", ""), 0)  # the bound is each metric's own
    assert (REQUESTS, ("w", "m", "ok", "right", "")) in recorder.until_now().counts
