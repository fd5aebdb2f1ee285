"""GitLab: a metrics report in OpenMetrics, which merge requests show beside that of the target branch. Pure.

GitLab takes one file for a job. Labels distinguish the runs of one job.
"""

import re
from collections.abc import Iterator, Sequence

import msgspec

from battle.analysis.reports.schema import Latency, Report

END = "# EOF"
_TYPE = re.compile(r"# TYPE (\w+) gauge")


class Sample(msgspec.Struct, frozen=True):
    """One value of one metric with its labels."""

    metric: str
    labels: tuple[tuple[str, str], ...]
    value: float


def samples_of(report: Report) -> list[Sample]:
    """What a merge request shows of a run: whether it passed, its requests, its percentiles and its SLOs."""
    run = report.run
    labels = (("scenario", run.scenario), ("world", run.world), ("gateway", run.gateway))
    found = [
        Sample("battle_passed", labels, float(report.verdict == "PASS")),
        Sample("battle_requests", labels, report.requests.total),
    ]
    if report.requests.success_ratio is not None:
        found.append(Sample("battle_success_ratio", labels, report.requests.success_ratio))
    for latency in report.latencies:
        if latency.clock == "due" and latency.workload is not None:
            found += _percentiles(latency, labels)
    for slo in report.slos:
        if slo.measured is not None:
            found.append(Sample("battle_slo", (*labels, ("slo", slo.title)), slo.measured))
    return found


def _percentiles(latency: Latency, labels: tuple[tuple[str, str], ...]) -> Iterator[Sample]:
    values = {"0.5": latency.p50_ns, "0.95": latency.p95_ns, "0.99": latency.p99_ns}
    for quantile, value in values.items():
        if value is not None:
            own = (("workload", latency.workload or ""), ("percentile", quantile))
            yield Sample("battle_latency_seconds", (*labels, *own), value / 1e9)


def merged_metrics(before: str, samples: Sequence[Sample]) -> str:
    """The text of a metrics file that had `before` in it, with these samples: a newer one replaces an older one."""
    families: dict[str, dict[str, str]] = {}
    for line in before.splitlines():
        if found := _TYPE.fullmatch(line):
            families.setdefault(found[1], {})
        elif line and not line.startswith("#"):
            series, _, value = line.rpartition(" ")
            families.setdefault(series.partition("{")[0], {})[series] = value
    for sample in samples:
        families.setdefault(sample.metric, {})[_series(sample)] = f"{sample.value:.9g}"
    lines = []
    for metric, values in families.items():
        lines += [f"# TYPE {metric} gauge", *(f"{series} {value}" for series, value in values.items())]
    return "\n".join([*lines, END, ""])


def _series(sample: Sample) -> str:
    labels = ",".join(f'{name}="{_label(value)}"' for name, value in sample.labels)
    return f"{sample.metric}{{{labels}}}"


def _label(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
