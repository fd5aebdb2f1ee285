"""What a scenario says about a provider."""

from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

from actors.chain.spec import Chain
from actors.spec import Spec
from actors.units import Duration, format_duration, ms
from actors.wire.http import HttpLimits
from actors.world.seam import Address


class Uniform(Spec, frozen=True, tag="uniform"):
    """A latency anywhere between `low` and `high`, equally likely."""

    low: Duration
    high: Duration

    def problems(self) -> Iterator[str]:
        if not 0 <= self.low <= self.high:
            yield f"a uniform latency needs 0 <= low <= high, not low {self.low} and high {self.high} ns"


class Normal(Spec, frozen=True, tag="normal"):
    """A normally distributed latency, cut off at 0."""

    mean: Duration
    deviation: Duration

    def problems(self) -> Iterator[str]:
        if self.mean < 0 or self.deviation < 0:
            yield "a normal latency needs a mean and a deviation of 0 or more"


class LogNormal(Spec, frozen=True, tag="lognormal"):
    """A log-normal latency: half are under `median`; `sigma` is the deviation of its logarithm."""

    median: Duration
    sigma: float

    def problems(self) -> Iterator[str]:
        if self.median <= 0 or self.sigma < 0:
            yield "a lognormal latency needs a median above 0 and a sigma of 0 or more"


class Empirical(Spec, frozen=True, tag="empirical"):
    """Latencies drawn, each equally likely, from a recorded list."""

    samples: tuple[Duration, ...]

    def problems(self) -> Iterator[str]:
        if not self.samples or min(self.samples) < 0:
            yield "an empirical latency needs at least one sample, none of them negative"


Latency: TypeAlias = Duration | Uniform | Normal | LogNormal | Empirical
"""How long a provider takes to answer; a bare duration is a constant."""

FailureKind: TypeAlias = Literal["http_500", "http_502", "http_503", "rpc_error", "reset", "no_answer"]


class Reliability(Spec, frozen=True):
    """How often a provider fails by itself: `failure_ratio` of its requests, each in one of `kinds`."""

    failure_ratio: float = 0.0
    kinds: tuple[FailureKind, ...] = ("http_503",)

    def problems(self) -> Iterator[str]:
        if not 0 <= self.failure_ratio <= 1:
            yield f"failure_ratio is a share from 0 to 1, not {self.failure_ratio}"
        if not self.kinds:
            yield "reliability needs at least one kind of failure"


class MockProvider(Spec, frozen=True, tag="mock"):
    """An upstream that Battle runs itself: a JSON-RPC server over the deterministic chain model.

    `canned` gives fixed results per method, before the chain model is asked. `port` 0 lets the kernel pick.
    """

    name: str
    latency: Latency = ms(20)
    reliability: Reliability = Reliability()
    limits: HttpLimits = HttpLimits()
    max_batch_calls: int = 1000
    canned: dict[str, Any] = {}
    port: int = 0
    tags: tuple[str, ...] = ()

    def problems(self) -> Iterator[str]:
        if isinstance(self.latency, int):
            if self.latency < 0:
                yield f"provider {self.name}: latency cannot be negative ({format_duration(self.latency)})"
        else:
            yield from (f"provider {self.name}: {problem}" for problem in self.latency.problems())
        for part in (self.reliability, self.limits):
            yield from (f"provider {self.name}: {problem}" for problem in part.problems())
        if self.max_batch_calls <= 0:
            yield f"provider {self.name}: max_batch_calls must be above 0, not {self.max_batch_calls}"
        if not 0 <= self.port <= 65535:
            yield f"provider {self.name}: port must be from 0 (any) to 65535, not {self.port}"


class ProviderChange(Spec, frozen=True, tag="provider_change"):
    """A fault's hold on a provider's behaviour while it lasts; sent to a provider at run time."""

    fault_id: str
    added_latency: Latency = 0
    error_ratio: float = 0.0
    error_kinds: tuple[FailureKind, ...] = ("http_503",)


Change: TypeAlias = ProviderChange
"""Whatever a fault can change in a provider; each kind carries the id of its fault."""


class RevertChange(Spec, frozen=True, tag="revert_change"):
    """A fault's hold on a provider's behaviour ends."""

    fault_id: str


class ProviderRole(Spec, frozen=True, tag="provider"):
    """All a node needs to be a provider."""

    spec: MockProvider
    address: Address
    chain: Chain
