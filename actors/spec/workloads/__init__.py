"""What a scenario says about the load, and what a node is told that plays it."""

from typing import Any, TypeAlias

from battle.actors.addresses import Address
from battle.actors.spec.base import Spec
from battle.actors.spec.chain import Chain
from battle.actors.spec.workloads.http import (
    HttpBurst,
    HttpConstant,
    HttpOpenLoop,
    HttpPoisson,
    HttpRamp,
    HttpStep,
    HttpUsers,
    HttpWorkload,
    Replay,
)
from battle.actors.spec.workloads.problems import Methods
from battle.actors.spec.workloads.websocket import (
    Kind,
    LogFilter,
    Reconnect,
    WsRequests,
    WsSubscribe,
    WsWorkload,
)

__all__ = [
    "Begin",
    "HttpBurst",
    "HttpConstant",
    "HttpOpenLoop",
    "HttpPoisson",
    "HttpRamp",
    "HttpStep",
    "HttpUsers",
    "HttpWorkload",
    "Kind",
    "LogFilter",
    "Methods",
    "OpenLoop",
    "Reconnect",
    "Replay",
    "Workload",
    "WorkloadRole",
    "WsRequests",
    "WsSubscribe",
    "WsWorkload",
]

Workload: TypeAlias = (
    HttpConstant
    | HttpPoisson
    | HttpBurst
    | HttpRamp
    | HttpStep
    | HttpUsers
    | Replay
    | WsSubscribe
    | WsRequests
)

OpenLoop: TypeAlias = HttpOpenLoop | WsRequests
"""The workloads that send their requests when they are due, by a schedule."""


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
    answers that some provider of the run may give instead of the chain model's, and `only_canned` the methods of
    which every provider has one. `checks_answers` is off for upstreams that serve another chain than ours.
    `may_be_parted`: a partition between it and the gateway is planned. `authorization` is a secret: the gateway's URL
    had credentials.
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
    may_be_parted: bool = False
    only_canned: list[str] = []
    authorization: str = ""

    @property
    def headers(self) -> dict[bytes, bytes]:
        """What every request, and every handshake of a WebSocket, says to the gateway besides the usual."""
        return {b"authorization": self.authorization.encode("ascii")} if self.authorization else {}
