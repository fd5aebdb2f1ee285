"""A scenario: all of one battle as frozen data that reads like the sentence one would say about it."""

from typing import ClassVar

import msgspec

from battle.actors.redaction import redacted
from battle.actors.spec.base import Checking
from battle.actors.spec.chain import Chain
from battle.actors.spec.collection import COLLECTED, Collected
from battle.actors.spec.faults.schedule import ChaosEntry
from battle.actors.spec.gateways import EmbeddedGateway, Gateway
from battle.actors.spec.providers import MockProvider, RealProvider
from battle.actors.spec.workloads import Workload
from battle.actors.units import Duration
from battle.actors.workload.checks import ends_at
from battle.scenario.phases import Healing, Phase
from battle.scenario.slo.language import slos_of
from battle.scenario.slo.slo import MIN_REQUESTS, Slo
from battle.scenario.slo.staleness import Staleness


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True, metaclass=Checking):
    """Providers, the gateway under test, the load, the faults, what to collect, and what must hold.

    `proves` is one sentence for `battle list`. `setup` names a callable, "package.module:function", that is
    called with a `battle.SetupContext` once all addresses are known and before anything starts.

    `checkers` names functions of your own that judge the log beside Battle's: "my_module:no_stale_reads", or
    "path/to/file.py:no_stale_reads". Each gets a `battle.RunLog` and returns a `battle.Finding`, or several of them.

    `tags` say in which suites it belongs: `battle suite --tag TAG` runs all that carry it. The shipped scenarios
    carry "fast", "slow" or "soak", your own what you like, and one that is expected to fail none.

    `slo` is one SLO or a list of them, as an `Slo` or in words ("p95_latency_ms < 300 during fault").
    `workload_slos` sets targets for single workloads, by their names, beside those that `slo` sets for the whole run.
    Of an `HttpStep` the targets for success and latency define its knee: the highest step that meets them.

    With `strict` a warning, a smell that no client felt, fails the run; without it the run passes with warnings.

    Fewer than `min_requests` in the run, or in the part of it that an SLO is about, prove nothing: then the run is
    INCONCLUSIVE. Heads that were due to subscribers count as requests.

    `staleness` says which stale answers are no failure: how many blocks old, and how long after a fault.

    `phases` names windows of the load for SLOs on them. With `healing` the load ends with a window without faults, in
    which the run must return to its steady state.

    Nothing is checked at construction; `battle.scenario.validation` says what is wrong, and `battle run` refuses it.
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
    tags: tuple[str, ...] = ()
    staleness: Staleness = Staleness()
    checkers: list[str] = []

    renamed_fields: ClassVar[dict[str, str]] = {"labels": "tags"}

    @property
    def load(self) -> Duration:
        """How long the load lasts: until its last workload is over."""
        return max((ends_at(workload) for workload in self.workloads), default=0)

    @property
    def chaos_until(self) -> Duration:
        """How long the load goes on in which there may be faults: until the healing begins, if there is one."""
        return self.load if self.healing is None else max(0, self.load - self.healing.duration)

    @property
    def slos(self) -> tuple[Slo, ...]:
        """All SLOs of `slo`, those in words read. Raises SloTextError."""
        return slos_of(self.slo)

    @property
    def named_workloads(self) -> list[Workload]:
        """The workloads under the names that logs and reports have: one without a name is "main", the second one of
        all is "main-2" if it has none, and so on."""
        return [
            one
            if one.name
            else msgspec.structs.replace(one, name="main" if number == 1 else f"main-{number}")
            for number, one in enumerate(self.workloads, 1)
        ]

    @property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """The groups of each provider, by its name."""
        return {provider.name: provider.groups for provider in self.providers}

    @property
    def provider_names(self) -> frozenset[str]:
        """The names of all providers."""
        return frozenset(provider.name for provider in self.providers)

    def __repr__(self) -> str:
        return redacted(super().__repr__())
