"""Random logs for the report builder, for as long as is asked: each must give whole reports, without any exception.

A log takes a second to be judged and written. In so few executions coverage guides nobody, so that the logs are
Hypothesis' own: those of the property test, new ones each time.
"""

import random
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.battle.analysis.reports.random_logs import LOGS, write_log
from tests.battle.analysis.reports.test_report_parts import whole_reports

_LOGS_PER_ROUND = 20
"""Between two looks at the clock."""

_ROUND = settings(
    max_examples=_LOGS_PER_ROUND,
    database=None,
    deadline=None,
    phases=[Phase.generate],  # making a log smaller takes minutes: its text is printed whole
    suppress_health_check=list(HealthCheck),
)


def fuzz(seconds: float) -> None:
    """Try random logs for so many seconds. Raises what the first one raises that gives no whole report."""
    began, runs = time.monotonic(), 0

    def is_whole(log: tuple[Any, Any]) -> None:
        nonlocal runs
        runs += 1
        with TemporaryDirectory(prefix="fuzz-reports-") as directory:
            whole_reports(write_log(Path(directory) / "run", *log))

    while time.monotonic() - began < seconds:
        seed(random.getrandbits(64))(_ROUND(given(LOGS)(is_whole)))()
    print(f"Done {runs} runs in {time.monotonic() - began:.0f} second(s)", file=sys.stderr)
