"""What the history keeps of a run: one row, small enough for years of them. Pure."""

from collections.abc import Mapping
from typing import Any

import msgspec

from battle.analysis.baselines.snapshot import digest
from battle.analysis.findings import Verdict

_GIB = 2**30

_UNKNOWN = "unknown"


class HistoryMetric(msgspec.Struct, frozen=True, kw_only=True):
    """One metric of a run, of one workload or of the whole run (`workload` None), by its name and unit in SLOs.

    `value` None: not measured, or with `never` a percentile that was never reached, because too many requests were
    not answered. `low` and `high` are the report's 95 % confidence interval, None where it has none.
    """

    name: str
    workload: str | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    never: bool = False


class HistoryRow(msgspec.Struct, frozen=True, kw_only=True):
    """One judged run.

    `started_at` is RFC 3339 in UTC, `load_ns` how long there was load, in nanoseconds. `reasons` are why the verdict
    is what it is, `distrusted` why the measurement itself cannot be trusted, if it cannot; `partial`: the run did not
    go to its end. `commit`, `branch` and `dirty` are of the repository in whose directory the run was started.
    `machine` is the digest of what makes its speed differ (see `machine_digest`), `scenario_digest` that of all parts
    of the scenario that shape what is measured, `gateway_digest` that of the gateway's settings.
    `source` is what one types for the scenario after `battle run`, None where that is not known. `recorded_at` is
    when it was added to a history: of a run that was added again, the later row counts.
    """

    run_id: str
    scenario: str
    world: str
    gateway: str
    seed: int | None = None
    started_at: str = ""
    verdict: Verdict
    reasons: tuple[str, ...] = ()
    distrusted: tuple[str, ...] = ()
    partial: bool = False
    load_ns: int | None = None
    requests: int = 0
    commit: str | None = None
    branch: str | None = None
    dirty: bool | None = None
    machine: str = ""
    host: dict[str, Any] = {}
    versions: dict[str, Any] = {}
    scenario_digest: str = ""
    gateway_digest: str = ""
    source: str | None = None
    recorded_at: str = ""
    metrics: tuple[HistoryMetric, ...] = ()

    @property
    def key(self) -> tuple[str, ...]:
        """What no other run has, also none of the same id that another machine made."""
        return (self.run_id, self.started_at, self.scenario, self.world, self.gateway, self.machine)

    @property
    def trusted(self) -> bool:
        """Whether it measured what it set out to measure, to its end."""
        return not self.partial and not self.distrusted

    def metric(self, name: str, workload: str | None = None) -> HistoryMetric | None:
        """Its metric of this name, of one workload or of all; None where it has none."""
        return next((one for one in self.metrics if (one.name, one.workload) == (name, workload)), None)


def machine_digest(host: Mapping[str, Any]) -> str:
    """A short digest of what makes one machine faster or slower than another.

    That is: the processor's model and architecture, the number of processors, the class of memory (GiB, to the next
    power of two: two machines of one kind never report quite the same number of bytes), the system with the first two
    numbers of its kernel's version, and the kind of CI runner, where the run had one. Machines of which none of it is
    known have one digest.
    """
    facts = {
        "cpu": host.get("cpu"),
        "architecture": host.get("machine"),
        "cpus": host.get("cpus"),
        "memory_gib": _memory_class(host.get("memory_bytes")),
        "system": _system_class(host.get("system")),
        "runner": host.get("runner"),
    }
    return digest(facts)


def _memory_class(memory_bytes: object) -> int | None:
    if not isinstance(memory_bytes, int | float) or memory_bytes <= 0:
        return None
    gib = 1
    while gib < memory_bytes / _GIB:
        gib *= 2
    return gib


def _system_class(system: object) -> str | None:
    """`Linux 6.8.0-1017-azure` is `Linux 6.8`: a patch of the kernel is no other machine."""
    if not isinstance(system, str):
        return None
    name, _, release = system.partition(" ")
    return " ".join([name, ".".join(release.split(".")[:2])]).strip()


def machine_text(host: Mapping[str, Any]) -> str:
    """The machine in a few words: processor, number of processors, memory, system, runner."""
    memory = _memory_class(host.get("memory_bytes"))
    cpus = host.get("cpus")
    parts = (
        host.get("cpu") or host.get("machine"),
        None if cpus is None else f"{cpus} CPU{'' if cpus == 1 else 's'}",
        None if memory is None else f"{memory} GiB",
        _system_class(host.get("system")),
        host.get("runner"),
    )
    return ", ".join(str(part) for part in parts if part) or f"{_UNKNOWN} machine"
