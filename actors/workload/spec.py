"""What a scenario says about the load."""

from collections.abc import Iterator
from typing import Any, TypeAlias

from actors.chain.spec import Chain
from actors.spec import Spec
from actors.units import Duration, seconds
from actors.world.seam import Address

Methods: TypeAlias = str | dict[str, float]
"""One method, or a weighted mix: method to weight."""


class _Http(Spec, frozen=True, kw_only=True):
    """What all HTTP workloads have in common."""

    name: str = ""
    timeout: Duration = seconds(10)
    """Counted from the moment a request was due."""
    max_connections: int = 1024

    def common_problems(self, methods: Methods, duration: Duration) -> Iterator[str]:
        if duration <= 0:
            yield f"duration must be above 0, not {duration}"
        if self.timeout <= 0:
            yield f"timeout must be above 0, not {self.timeout}"
        if self.max_connections <= 0:
            yield f"max_connections must be above 0, not {self.max_connections}"
        if isinstance(methods, dict) and (not methods or min(methods.values()) <= 0):
            yield "a mix of methods needs at least one method, each with a weight above 0"


class HttpConstant(_Http, frozen=True, tag="http_constant"):
    """Open loop: `rate` requests a second, evenly spaced, whether or not earlier ones were answered."""

    method: Methods
    rate: float
    duration: Duration
    shards: int = 1

    def problems(self) -> Iterator[str]:
        yield from self.common_problems(self.method, self.duration)
        yield from _rate_problems(self.rate, self.shards)


class HttpPoisson(_Http, frozen=True, tag="http_poisson"):
    """Open loop: arrivals of a Poisson process with a mean of `rate` requests a second."""

    method: Methods
    rate: float
    duration: Duration
    shards: int = 1

    def problems(self) -> Iterator[str]:
        yield from self.common_problems(self.method, self.duration)
        yield from _rate_problems(self.rate, self.shards)


class HttpUsers(_Http, frozen=True, tag="http_users"):
    """Closed loop, for comparison only: `users` callers who each wait for an answer before they ask again.

    A closed loop slows down with the system it measures and so hides stalls; its latency counts from the
    moment of sending.
    """

    method: Methods
    users: int
    duration: Duration

    def problems(self) -> Iterator[str]:
        yield from self.common_problems(self.method, self.duration)
        if self.users <= 0:
            yield f"users must be above 0, not {self.users}"


Workload: TypeAlias = HttpConstant | HttpPoisson | HttpUsers


def _rate_problems(rate: float, shards: int) -> Iterator[str]:
    if not rate > 0:
        yield f"rate must be above 0 requests per second, not {rate}"
    if shards <= 0:
        yield f"shards must be at least 1, not {shards}"


class Begin(Spec, frozen=True, tag="begin"):
    """The load's time zero: the moment all schedules count from. To be sent a little ahead of it.

    A node that is started again in the middle of a run gets the same `at_ns`, and in `away_since_ns` the
    moment its predecessor died: what was due from then until now counts as dropped, and is not sent.
    """

    at_ns: int
    away_since_ns: int | None = None


class WorkloadRole(Spec, frozen=True, tag="workload"):
    """All a node needs to be one shard of a workload: it sends every `shards`-th request from `shard` on.

    `seed` is the run's: arrivals and choices follow from it and `index` alone, not from the node's name, so
    that shards agree. `index` numbers the workloads of a run from 0. `canned` lists, per method, the fixed
    results that some provider of the run may give instead of the chain model's. `checks_answers` is off for
    upstreams that serve another chain than ours.
    """

    spec: Workload
    index: int
    shard: int
    target: Address
    path: str
    chain: Chain
    seed: int
    canned: dict[str, list[Any]] = {}
    checks_answers: bool = True
