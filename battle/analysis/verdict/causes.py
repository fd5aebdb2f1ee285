"""Why an SLO was missed: what the log says beside the number, from the same rows as the checkers' findings.

An SLO with a limit takes the decision from the checker of the same thing; it must not take the cause from the reader.
"""

import msgspec

from battle.analysis.log import Log
from battle.analysis.verdict.checkers.slow_readers import own_delays
from battle.analysis.verdict.metrics import READINGS
from battle.analysis.verdict.slo_comparison import SloResult
from battle.formatting import sentence
from battle.scenario.slo.scope import RUN


def with_causes(log: Log, result: SloResult, workload: str | None = None) -> SloResult:
    """The result with what the log says of the cause, when it was missed."""
    reading = READINGS.get(result.name)
    if result.status != "missed" or reading is None or reading.causes is None:
        return result
    workload = workload or result.scope.workload
    found = (*reading.causes(log, result, workload), *own_delays(log, workload))
    # What is asked of the whole run alone must not pass for what happened in a part of it.
    if found and result.scope.when != RUN and not reading.metric.of_requests:
        found = (f"in the whole run {sentence(found)}",)
    return msgspec.structs.replace(result, causes=found)
