"""What a run's report says, as metrics: its SLOs and its verdict. Pure."""

from typing import get_args

from battle.analysis.findings import Verdict
from battle.analysis.reports.schema import Report
from battle.analysis.verdict.slo_comparison import SloResult
from battle.monitoring import catalog
from battle.monitoring.recorder import Recorder


def take_results(recorder: Recorder, report: Report, at_ns: int) -> None:
    """Set the metrics of the results, as of a moment in the run's time."""
    for result in report.slos:
        _take_slo(recorder, result, "", at_ns)
    for of_workload in report.workload_slos:
        for result in of_workload.slos:
            _take_slo(recorder, result, of_workload.workload, at_ns)
    for verdict in get_args(Verdict):
        recorder.gauge(catalog.VERDICT, (verdict,), at_ns, float(verdict == report.verdict))


def _take_slo(recorder: Recorder, result: SloResult, workload: str, at_ns: int) -> None:
    labels = result.title, workload
    measured = result.status != "not_measured"
    recorder.gauge(catalog.SLO_MEASURED, labels, at_ns, float(measured))
    recorder.gauge(catalog.SLO_TARGET, labels, at_ns, result.limit)
    if measured:
        recorder.gauge(catalog.SLO_MET, labels, at_ns, float(result.status == "met"))
    if result.measured is not None:
        recorder.gauge(catalog.SLO_ACTUAL, labels, at_ns, result.measured)
