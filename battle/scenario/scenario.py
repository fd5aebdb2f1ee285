"""A scenario: all of one battle as frozen data that reads like the sentence one would say about it."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

from battle.actors.spec.base import Spec
from battle.actors.spec.chain import Chain
from battle.actors.spec.collection import COLLECTED, Collected
from battle.actors.spec.faults.behaviour import BehaviourFault
from battle.actors.spec.faults.plan_problems import plan_problems
from battle.actors.spec.faults.schedule import ChaosEntry, Fault, faults_of
from battle.actors.spec.faults.timeline import targets_of, targets_of_fault
from battle.actors.spec.faults.transport import GATEWAY, LOAD, Partition
from battle.actors.spec.faults.websocket import WebSocketFault
from battle.actors.spec.gateways import EmbeddedGateway, Gateway, UrlGateway
from battle.actors.spec.providers import MockProvider
from battle.actors.spec.real_provider import RealProvider
from battle.actors.spec.workloads import Workload
from battle.actors.units import Duration
from battle.errors import ScenarioError
from battle.scenario.data.files import DataFile, converted
from battle.scenario.data.shapes import all_problems_of, problems_of, shown_text
from battle.scenario.methods import method_problems
from battle.scenario.phases import Healing, Phase
from battle.scenario.slo.slo import MIN_REQUESTS, Slo
from battle.scenario.slo.staleness import Staleness
from battle.scenario.slo_validation import demand_problems, slos_of
from battle.store import typed

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")


class Scenario(Spec, frozen=True):
    """Providers, the gateway under test, the load, the faults, what to collect, and what must hold.

    `proves` is one sentence for `battle list`. `setup` names a callable, "package.module:function", that is
    called with a `battle.SetupContext` once all addresses are known and before anything starts.

    `labels` say in which suites it belongs: `battle suite --tag LABEL` runs all that carry it. The shipped scenarios
    carry "fast", "slow" or "soak", your own what you like, and one that is expected to fail none.

    `slo` is one demand or a list of them, as an `Slo` or in words ("p95_latency_ms < 300 during fault").
    `workload_slos` demands something of single workloads, by their names, beside what `slo` demands of the whole run.
    Of an `HttpStep` its demands on success and latency say what its knee is: the highest step that meets them.

    With `strict` a warning, a smell that no client felt, fails the run; without it the run passes with warnings.

    Fewer than `min_requests` in the run, or in the part of it that an SLO is about, prove nothing: then the run is
    INCONCLUSIVE. Heads that were due to subscribers count as requests.

    `staleness` says which stale answers are no failure: how many blocks old, and how long after a fault.

    `phases` names spans of the load for demands on them. With `healing` the load ends with a span without faults, in
    which the run must return to its steady state.

    Nothing is checked at construction; `problems` tells all that is wrong, and `battle run` refuses it.
    """

    name: str
    providers: list[MockProvider | RealProvider]
    workloads: list[Workload]
    gateway: Gateway = EmbeddedGateway()
    chaos: list[ChaosEntry] = []
    collect: set[Collected] = msgspec.field(default_factory=lambda: set(COLLECTED))
    slo: Slo | str | list[Slo | str] = Slo()
    workload_slos: dict[str, Slo] = {}
    strict: bool = False
    min_requests: int = MIN_REQUESTS
    phases: list[Phase] = []
    healing: Healing | None = None
    chain: Chain = Chain()
    proves: str = ""
    setup: str = ""
    labels: tuple[str, ...] = ()
    staleness: Staleness = Staleness()

    @property
    def load(self) -> Duration:
        """How long the load lasts: as long as its longest workload."""
        return max((workload.duration for workload in self.workloads), default=0)

    @property
    def chaos_until(self) -> Duration:
        """How long the load goes on in which there may be faults: until the healing begins, if there is one."""
        return self.load if self.healing is None else max(0, self.load - self.healing.duration)

    @property
    def slos(self) -> tuple[Slo, ...]:
        """All demands of `slo`, those in words read. Raises SloTextError when `problems` tells of one."""
        return slos_of(self.slo)

    @property
    def tags(self) -> dict[str, tuple[str, ...]]:
        """The tags of each provider, by its name."""
        return {provider.name: provider.tags for provider in self.providers}

    def problems(self) -> Iterator[str]:
        """Each thing wrong with this scenario, in a sentence."""
        told = list(self._problems_of_parts())
        yield from (
            str(problem) for problem in problems_of(self) if not any(problem.is_in(one) for one in told)
        )
        yield from told

    def _problems_of_parts(self) -> Iterator[str]:
        yield from self._name_problems()
        yield from self.chain.problems()
        yield from self.gateway.problems()
        for provider in self.providers:
            yield from provider.problems()
        for number, workload in enumerate(self.workloads, 1):
            yield from (f"workload {workload.name or number}: {p}" for p in workload.problems())
        yield from method_problems(self.workloads, self.providers)
        yield from self._gateway_problems()
        yield from self._chaos_problems()
        yield from demand_problems(self)

    def _name_problems(self) -> Iterator[str]:
        if not self.name.strip():
            yield "a scenario needs a name"
        if not self.providers:
            yield "a scenario needs at least one provider"
        if self.min_requests < 0:
            yield f"min_requests must be 0 or more, not {self.min_requests}"
        yield from self.staleness.problems()
        yield from self.staleness.never_over(self.load)
        if not self.workloads:
            yield "a scenario needs at least one workload, or nothing is sent"
        for kind, names in (
            ("provider", [provider.name for provider in self.providers]),
            ("workload", [workload.name for workload in self.workloads if workload.name]),
        ):
            for name, count in Counter(names).items():
                if not _NAME.fullmatch(name):
                    yield f"{kind} {name!r}: a name is a lower-case letter, then up to 31 of a-z 0-9 _ -"
                if count > 1:
                    yield f"{kind} {name!r} is there {count} times; names must differ"
        for label in self.labels:
            if not _NAME.fullmatch(label):
                yield f"label {label!r}: a label is a lower-case letter, then up to 31 of a-z 0-9 _ -"
        for name in sorted(self._provider_names() & {"gateway", "coordinator"}):
            yield f"provider {name!r}: that name belongs to a node of Battle's own"

    def _gateway_problems(self) -> Iterator[str]:
        ports = [provider.port for provider in self.providers if provider.port]
        if not isinstance(self.gateway, UrlGateway) and self.gateway.port:
            ports.append(self.gateway.port)
        for port, count in Counter(ports).items():
            if count > 1:
                yield f"port {port} is given to {count} nodes; leave it out to get any free one"
        if isinstance(self.gateway, EmbeddedGateway):
            for name in sorted(self.gateway.seed_latencies.keys() - self._provider_names()):
                yield f"gateway: seed_latencies names {name!r}, {self._choice()}"

    def _chaos_problems(self) -> Iterator[str]:
        for entry in self.chaos:
            for fault in faults_of(entry):
                yield from self._aim_problems(fault)
                if isinstance(fault, BehaviourFault | WebSocketFault):
                    yield from self._not_for_real_ones(fault)
            yield from entry.problems()
        yield from plan_problems(self.chaos, self.chaos_until, self.tags)

    def _aim_problems(self, fault: Fault) -> Iterator[str]:
        if not targets_of_fault(fault, self.tags):
            yield f"{fault.kind()}: its target {fault.target!r} does not exist; {self._choice()}"
        if isinstance(fault, Partition) and fault.is_before_the_gateway:
            named = [workload.name for workload in self.workloads if workload.name]
            if fault.peer not in (GATEWAY, LOAD, *named):
                known = ", ".join(named) if named else "none of them has a name"
                yield f"partition: there is no workload named {fault.peer!r}; the workloads are: {known}"

    def _not_for_real_ones(self, fault: BehaviourFault | WebSocketFault) -> Iterator[str]:
        real = {provider.name for provider in self.providers if isinstance(provider, RealProvider)}
        for name in targets_of(fault.target, self.tags):
            if name in real:
                yield f"{fault.kind()}: {name} is a real provider, whose behaviour is its own; aim at a mock"

    def _provider_names(self) -> set[str]:
        return {provider.name for provider in self.providers}

    def _choice(self) -> str:
        tags = sorted({tag for provider in self.providers for tag in provider.tags})
        tagged = f", the tags {', '.join(tags)}" if tags else ""
        return "the providers are " + ", ".join(sorted(self._provider_names())) + tagged


def checked(scenario: Scenario) -> Scenario:
    """The scenario itself, if nothing is wrong with it.

    Raises:
        ScenarioError: naming everything that is wrong.
    """
    if problems := all_problems(scenario):
        raise ScenarioError(f"scenario {shown_text(scenario.name)!r} cannot be run", problems)
    return scenario


def all_problems(scenario: Scenario) -> list[str]:
    """Each thing wrong with a scenario, also with one that has values of wrong types."""
    try:  # Python takes anything for a field of a struct, and what is no data would only be noticed in a run
        typed.convert(msgspec.to_builtins(scenario), Scenario)
        msgspec.json.encode(scenario)
    except (TypeError, ValueError, RecursionError) as error:
        return [str(problem) for problem in all_problems_of(scenario)] or [str(error)]
    return list(scenario.problems())


def scenario_from_data(data: Any, source: str) -> Scenario:
    """A scenario from plain data, as TOML, YAML and JSON files give it; durations may be written "50ms".

    Raises:
        ScenarioError: the data has a wrong shape, an unknown field, or a wrong type.
    """
    return scenario_from_file(DataFile(source, data))


def scenario_from_file(file: DataFile) -> Scenario:
    """The same from what was read of a file, so that messages tell the line. Raises ScenarioError."""
    return converted(msgspec.structs.replace(file, data=_providers_typed(file.data)), Scenario)


def _providers_typed(data: Any) -> Any:
    """A provider that does not say its type is a mock one: nearly all are."""
    if not isinstance(data, dict) or not isinstance(data.get("providers"), list):
        return data
    mock = {"type": "mock"}
    providers = [mock | one if isinstance(one, dict) else one for one in data["providers"]]
    return {**data, "providers": providers}
