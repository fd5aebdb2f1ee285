"""What kinds of load the scenario plans, as far as a judgement depends on it."""

from battle.analysis.log import Log

SUBSCRIBES = "ws_subscribe"
STEPS = "http_step"


def planned(log: Log, kind: str) -> list[str]:
    """The names of the workloads of this type."""
    return [row.workload or "?" for row in log.rows("planned_workloads") if row.type == kind]


def only_subscribes(log: Log) -> bool:
    """Whether the load is nothing but subscriptions."""
    workloads = log.rows("planned_workloads")
    return bool(workloads) and all(row.type == SUBSCRIBES for row in workloads)
