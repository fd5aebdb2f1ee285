"""The same scenario with real providers in place of its mocks: what becomes of its faults and its load. Pure.

A battle is written for mocks, which can be made to do anything. Of real providers it keeps what can be done to them
from outside: whatever happens to a connection or to the process that they look like. It is polite: no provider is
asked more often than its limit allows, even if it has to serve alone.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from battle.actors.spec.base import Spec
from battle.actors.spec.faults.schedule import ChaosEntry, faults_of
from battle.actors.spec.providers import MockProvider, RealProvider
from battle.actors.spec.workloads import HttpSessions, Workload
from battle.errors import ScenarioError
from battle.formatting import plural
from battle.scenario.data.files import converted, read_data
from battle.scenario.fault_validation import needs_mock
from battle.scenario.scenario import Scenario

DEFAULT_PROVIDERS = Path("battle.providers.toml")

LOAD_SHARE = 0.8
"""Of what the provider with the lowest limit may be asked: retries need room, and arrivals come in clumps."""


class ProvidersFile(Spec, frozen=True):
    """What a file of real providers says: `providers`, each as `RealProvider`."""

    providers: list[RealProvider]

    def problems(self) -> Iterator[str]:
        if not self.providers:
            yield "it needs at least one [[providers]]"
        for provider in self.providers:
            yield from provider.problems()
        names = [provider.name for provider in self.providers]
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield f"provider {name!r} is there more than once"


class RealBackend(msgspec.Struct, frozen=True):
    """A scenario on real providers, and what that changed of it, in sentences."""

    scenario: Scenario
    changes: tuple[str, ...]


def read_providers(path: Path) -> list[RealProvider]:
    """The real providers that a TOML, YAML or JSON file lists.

    Raises:
        ScenarioError: naming everything that is wrong with it.
    """
    if not path.exists():
        raise ScenarioError(
            f"{path} does not exist: list your providers there, as [[providers]] with name and url "
            "(docs/real-providers.md), or name another file with --providers"
        )
    read = converted(read_data(path), ProvidersFile)
    if problems := list(read.problems()):
        raise ScenarioError(str(path), problems)
    return read.providers


def on_real_providers(scenario: Scenario, providers: Sequence[RealProvider]) -> RealBackend:
    """The scenario with each mock replaced by a real provider: by that of its name, or else in their order.

    Raises:
        ScenarioError: there are too few.
    """
    mocks = [provider for provider in scenario.providers if isinstance(provider, MockProvider)]
    if len(providers) < len(mocks):
        raise ScenarioError(
            f"scenario {scenario.name!r} has {plural(len(mocks), 'provider')}, and {len(providers)} real ones are "
            "listed: add more to that file, or run another scenario"
        )
    by_name = {provider.name: provider for provider in providers}
    if all(mock.name in by_name for mock in mocks):
        chosen = {mock.name: by_name[mock.name] for mock in mocks}
    else:
        chosen = {mock.name: real for mock, real in zip(mocks, providers, strict=False)}
    replaced = [
        _replaced(one, chosen) if isinstance(one, MockProvider) else one for one in scenario.providers
    ]
    kept, left_out = _possible_faults(scenario.chaos)
    workloads, capped = _polite(scenario.workloads, replaced)
    changes = [*_who_is_who(chosen), *left_out, *_canned(mocks), *capped]
    changed = msgspec.structs.replace(scenario, providers=replaced, chaos=kept, workloads=workloads)
    return RealBackend(changed, tuple(changes))


def _replaced(mock: MockProvider, chosen: dict[str, RealProvider]) -> RealProvider:
    """Under the mock's name, which faults and SLOs use; in its groups, at its port."""
    return msgspec.structs.replace(chosen[mock.name], name=mock.name, port=mock.port, groups=mock.groups)


def _who_is_who(chosen: dict[str, RealProvider]) -> Iterator[str]:
    for name, real in chosen.items():
        limit = (
            f"at most {real.rate_limit:g} calls per second" if real.rate_limit else "without a limit of calls"
        )
        yield f"provider {name} is {real.name} ({real.where}, {limit})"


def _possible_faults(chaos: Sequence[ChaosEntry]) -> tuple[list[ChaosEntry], list[str]]:
    kept: list[ChaosEntry] = []
    left_out: list[str] = []
    for entry in chaos:
        faults = faults_of(entry)
        if not any(needs_mock(fault) for fault in faults):
            kept.append(entry)
            continue
        for fault in faults:
            why = "needs a mock provider" if needs_mock(fault) else "is in one entry with such a fault"
            left_out.append(f"fault left out: {fault.kind()} of {fault.target} {why}")
    return kept, left_out


def _canned(mocks: Sequence[MockProvider]) -> Iterator[str]:
    names = [mock.name for mock in mocks if mock.canned]
    if names:
        yield f"canned answers left out: those of {', '.join(names)}"


def _polite(workloads: Sequence[Workload], providers: Sequence[Any]) -> tuple[list[Workload], list[str]]:
    """The workloads, slower by one share if they would ask the slowest provider too much."""
    limits = [one.rate_limit for one in providers if isinstance(one, RealProvider) and one.rate_limit]
    rates = [_calls_per_second(workload) for workload in workloads]
    wanted = sum(rates)
    if not limits or wanted <= LOAD_SHARE * min(limits):
        return [*workloads], []
    share = LOAD_SHARE * min(limits) / wanted
    slower = [
        _scaled(workload, share) if rate else workload
        for workload, rate in zip(workloads, rates, strict=True)
    ]
    return slower, [
        f"load reduced to {share:.0%}: {wanted:g} calls per second were asked for, and the provider with the "
        f"lowest limit may be asked {min(limits):g} (requests_per_second)"
    ]


def _calls_per_second(workload: Workload) -> float:
    """Of a workload with a rate; 0 of others, which the link slows down."""
    calls = workload.calls if isinstance(workload, HttpSessions) else int(getattr(workload, "batch", 1) or 1)
    return float(getattr(workload, "rate", 0) or 0) * calls


def _scaled(workload: Workload, share: float) -> Workload:
    rate: float = getattr(workload, "rate")  # noqa: B009 - of those kinds that have one
    return msgspec.structs.replace(workload, rate=rate * share)
