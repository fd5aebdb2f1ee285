"""What a scenario says about the load: one struct per kind of workload, and the unions `Workload` and `OpenLoop`."""

from typing import TYPE_CHECKING, TypeAlias, Union, get_args

from battle.actors.spec.workloads.http import (
    HttpBurst,
    HttpConstant,
    HttpOpenLoop,
    HttpPoisson,
    HttpRamp,
    HttpScheduled,
    HttpStages,
    HttpStep,
    HttpUsers,
    HttpWorkload,
    Replay,
)
from battle.actors.spec.workloads.kinds import KINDS
from battle.actors.spec.workloads.problems import Methods
from battle.actors.spec.workloads.sessions import HttpSessions, SessionStep
from battle.actors.spec.workloads.stages import RateStage, UserStage
from battle.actors.spec.workloads.websocket import (
    LogFilter,
    Reconnect,
    SubscriptionTarget,
    WsRequests,
    WsSubscribe,
    WsWorkload,
)
from battle.store.definitions import refuse_twins

__all__ = [
    "HttpBurst",
    "HttpConstant",
    "HttpOpenLoop",
    "HttpPoisson",
    "HttpRamp",
    "HttpScheduled",
    "HttpSessions",
    "HttpStages",
    "HttpStep",
    "HttpUsers",
    "HttpWorkload",
    "LogFilter",
    "Methods",
    "OpenLoop",
    "RateStage",
    "Reconnect",
    "Replay",
    "SessionStep",
    "SubscriptionTarget",
    "UserStage",
    "Workload",
    "WsRequests",
    "WsSubscribe",
    "WsWorkload",
]

Workload: TypeAlias = (
    HttpConstant
    | HttpPoisson
    | HttpBurst
    | HttpRamp
    | HttpStages
    | HttpStep
    | HttpUsers
    | HttpSessions
    | Replay
    | WsSubscribe
    | WsRequests
    | HttpScheduled
)
if not TYPE_CHECKING:  # which knows what is in the folder by its base, and by nothing else
    Workload = Union[(*(kind for kind in get_args(Workload) if kind is not HttpScheduled), *KINDS)]
    refuse_twins("workload", (kind.__struct_config__.tag for kind in get_args(Workload)))

OpenLoop: TypeAlias = HttpOpenLoop | HttpSessions | WsRequests
"""The workloads whose requests, or sessions, begin when they are due, by a schedule."""
