"""What `run.json` says of a run: one struct for who writes it and for all who read it."""

from contextlib import suppress
from typing import Annotated, Any

import msgspec

from battle.scenario.slo.language import SloTextError, parse_slo
from battle.scenario.slo.slo import MIN_REQUESTS, Slo
from battle.scenario.slo.staleness import Staleness
from battle.store import typed
from battle.store.errors import LogError

FORMAT = 1
"""Of the file. A field that is added needs no other: who reads an older file takes its default."""


class RunHeader(msgspec.Struct, frozen=True, kw_only=True):
    """How a run came about: its scenario and settings, the machine, and the versions of what made it.

    `scenario`, `slo`, `workload_slos`, `timeline` and `omitted_slos` are plain data, as they were written: another
    version may know other fields. Durations are nanoseconds. `commit`, `branch` and `dirty` (files of the repository
    were changed) are of the directory in which the run was started, or of the CI job; None where that is not known.
    `command` is what one types to run it again, `changes` are what the run changed of its scenario, in sentences.
    """

    format: int = FORMAT
    run_id: str | None = None
    scenario: Any = None
    slo: Any = None
    workload_slos: Any = None
    strict: bool = False
    min_requests: Annotated[int, msgspec.Meta(ge=0)] = MIN_REQUESTS
    seed: int | None = None
    world: str | None = None
    gateway: Any = None
    planned_duration_ns: int | None = None
    timeline: Any = ()
    started_at: str | None = None
    host: dict[str, Any] = {}
    versions: dict[str, Any] = {}
    omitted_slos: Any = ()
    commit: str | None = None
    branch: str | None = None
    dirty: bool | None = None
    command: str | None = None
    changes: tuple[str, ...] = ()

    def of_scenario(self, name: str) -> Any:
        """A field of the scenario as plain data; None where it has none of this name."""
        return self.scenario.get(name) if isinstance(self.scenario, dict) else None

    @property
    def workloads(self) -> list[dict[str, Any]]:
        """The scenario's workloads in their order, each as plain data; {} for one that is something else."""
        stated = self.of_scenario("workloads")
        return [one if isinstance(one, dict) else {} for one in stated] if isinstance(stated, list) else []

    @property
    def checkers(self) -> tuple[str, ...]:
        """The names of the scenario's own checkers; none where they are no names."""
        names = self.of_scenario("checkers")
        return tuple(one for one in names if isinstance(one, str)) if isinstance(names, list) else ()

    @property
    def staleness(self) -> Staleness:
        """What stale answers the scenario tolerates; the defaults where it says nothing that is valid."""
        try:
            stated = typed.convert(self.of_scenario("staleness") or {}, Staleness)
        except msgspec.ValidationError:
            return Staleness()
        return Staleness() if any(stated.problems()) else stated

    def slos(self) -> tuple[list[Slo], dict[str, Slo]]:
        """The SLOs of the run, and those of single workloads by their names, also where an older version wrote them.

        Raises:
            LogError: one cannot be understood.
        """
        try:
            slo = typed.convert(self.slo, Slo | str | list[Slo | str] | None)
            listed = slo if isinstance(slo, list) else [] if slo is None else [slo]
            slos = [parse_slo(one) if isinstance(one, str) else one for one in listed]
        except (msgspec.ValidationError, SloTextError) as error:
            raise LogError(f"run.json: its slo cannot be understood: {error}") from None
        try:
            return slos, typed.convert(self.workload_slos, dict[str, Slo] | None) or {}
        except msgspec.ValidationError as error:
            raise LogError(f"run.json: its workload_slos cannot be understood: {error}") from None


_FIELDS = msgspec.structs.fields(RunHeader)


def read_header(document: str | bytes) -> RunHeader:
    """The header in a `run.json`. A value that is not of its field's type counts as not stated.

    Raises:
        msgspec.DecodeError: it is no JSON object.
    """
    data = typed.decode(document, dict[str, Any])
    stated: dict[str, Any] = {}
    for field in _FIELDS:
        if field.name in data:
            with suppress(msgspec.ValidationError):  # another version wrote it, or somebody else
                stated[field.name] = typed.convert(data[field.name], field.type)
    return RunHeader(**stated)


def name_of(value: object) -> str | None:
    """A name, or that of a part of the scenario that has one."""
    if isinstance(value, dict):
        value = value.get("name") or value.get("type")
    return value if isinstance(value, str) and value else None
