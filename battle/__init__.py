"""Battle proves, or refutes, that a gateway survives the failure of the providers behind it.

The public names: what scenarios are written in, and `run_scenario`. They are imported when first used, so
that the command line starts fast.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from battle.actors.behaviour import Empirical, LogNormal, Normal, Uniform
    from battle.actors.chain.spec import Chain
    from battle.actors.faults.behaviour import (
        Degrade,
        ErrorRate,
        Hang,
        Malformed,
        MissingData,
        RateLimit,
        Reorg,
        StaleHead,
        Truncated,
        WrongAnswer,
        WrongChain,
    )
    from battle.actors.faults.process import Flap, Kill, Pause, Restart
    from battle.actors.faults.schedule import ChaosEntry, Every, Ramp, Randomly, Sequence
    from battle.actors.faults.transport import (
        Bandwidth,
        Jitter,
        Latency,
        LimitData,
        Partition,
        Refuse,
        ResetPeer,
        Slicer,
        SlowClose,
        Timeout,
    )
    from battle.actors.faults.websocket import (
        DropConnections,
        DuplicateHeads,
        IgnorePings,
        MissHeads,
        RefuseSubscriptions,
        ReorderHeads,
        SilentStall,
    )
    from battle.actors.gateway.spec import Breaker, CommandGateway, EmbeddedGateway, Retry, UrlGateway
    from battle.actors.gateway.ws_spec import Continuity
    from battle.actors.link.spec import RealProvider
    from battle.actors.provider.spec import MockProvider, Reliability
    from battle.actors.units import minutes, ms, seconds, us
    from battle.actors.wire.http import HttpLimits
    from battle.actors.wire.websocket_frames import WebSocketLimits
    from battle.actors.workload.spec import (
        HttpBurst,
        HttpConstant,
        HttpPoisson,
        HttpRamp,
        HttpStep,
        HttpUsers,
        LogFilter,
        Reconnect,
        Replay,
        WsRequests,
        WsSubscribe,
    )
    from battle.errors import BattleError, ScenarioError, StartError
    from battle.judgement.slo import Slo
    from battle.judgement.staleness import Staleness
    from battle.phases import Healing, Phase
    from battle.run import RunResult, run_scenario
    from battle.scenario import Scenario
    from battle.setup import SetupContext

_HOMES = {
    "battle.actors.behaviour": ("Empirical", "LogNormal", "Normal", "Uniform"),
    "battle.actors.chain.spec": ("Chain",),
    "battle.actors.faults.behaviour": (
        "Degrade",
        "ErrorRate",
        "Hang",
        "Malformed",
        "MissingData",
        "RateLimit",
        "Reorg",
        "StaleHead",
        "Truncated",
        "WrongAnswer",
        "WrongChain",
    ),
    "battle.actors.faults.process": ("Flap", "Kill", "Pause", "Restart"),
    "battle.actors.faults.schedule": ("ChaosEntry", "Every", "Ramp", "Randomly", "Sequence"),
    "battle.actors.faults.transport": (
        "Bandwidth",
        "Jitter",
        "Latency",
        "LimitData",
        "Partition",
        "Refuse",
        "ResetPeer",
        "Slicer",
        "SlowClose",
        "Timeout",
    ),
    "battle.actors.faults.websocket": (
        "DropConnections",
        "DuplicateHeads",
        "IgnorePings",
        "MissHeads",
        "RefuseSubscriptions",
        "ReorderHeads",
        "SilentStall",
    ),
    "battle.actors.gateway.spec": ("Breaker", "CommandGateway", "EmbeddedGateway", "Retry", "UrlGateway"),
    "battle.actors.link.spec": ("RealProvider",),
    "battle.actors.provider.spec": ("MockProvider", "Reliability"),
    "battle.actors.units": ("minutes", "ms", "seconds", "us"),
    "battle.actors.wire.http": ("HttpLimits",),
    "battle.actors.gateway.ws_spec": ("Continuity",),
    "battle.actors.wire.websocket_frames": ("WebSocketLimits",),
    "battle.actors.workload.spec": (
        "HttpBurst",
        "HttpConstant",
        "HttpPoisson",
        "HttpRamp",
        "HttpStep",
        "HttpUsers",
        "LogFilter",
        "Reconnect",
        "Replay",
        "WsRequests",
        "WsSubscribe",
    ),
    "battle.errors": ("BattleError", "ScenarioError", "StartError"),
    "battle.judgement.slo": ("Slo",),
    "battle.judgement.staleness": ("Staleness",),
    "battle.phases": ("Healing", "Phase"),
    "battle.run": ("RunResult", "run_scenario"),
    "battle.scenario": ("Scenario",),
    "battle.setup": ("SetupContext",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Bandwidth",
    "BattleError",
    "Breaker",
    "Chain",
    "ChaosEntry",
    "CommandGateway",
    "Continuity",
    "Degrade",
    "DropConnections",
    "DuplicateHeads",
    "EmbeddedGateway",
    "Empirical",
    "ErrorRate",
    "Every",
    "Flap",
    "Hang",
    "Healing",
    "HttpBurst",
    "HttpConstant",
    "HttpLimits",
    "HttpPoisson",
    "HttpRamp",
    "HttpStep",
    "HttpUsers",
    "IgnorePings",
    "Jitter",
    "Kill",
    "Latency",
    "LimitData",
    "LogFilter",
    "LogNormal",
    "Malformed",
    "MissHeads",
    "MissingData",
    "MockProvider",
    "Normal",
    "Partition",
    "Pause",
    "Phase",
    "Ramp",
    "Randomly",
    "RateLimit",
    "RealProvider",
    "Reconnect",
    "Refuse",
    "RefuseSubscriptions",
    "Reliability",
    "ReorderHeads",
    "Reorg",
    "Replay",
    "ResetPeer",
    "Restart",
    "Retry",
    "RunResult",
    "Scenario",
    "ScenarioError",
    "Sequence",
    "SetupContext",
    "SilentStall",
    "Slicer",
    "Slo",
    "SlowClose",
    "StaleHead",
    "Staleness",
    "StartError",
    "Timeout",
    "Truncated",
    "Uniform",
    "UrlGateway",
    "WebSocketLimits",
    "WrongAnswer",
    "WrongChain",
    "WsRequests",
    "WsSubscribe",
    "minutes",
    "ms",
    "run_scenario",
    "seconds",
    "us",
]


def __getattr__(name: str) -> Any:
    try:
        home = _HOME_OF[name]
    except KeyError:
        raise AttributeError(f"module 'battle' has no attribute {name!r}") from None
    return getattr(importlib.import_module(home), name)


def __dir__() -> list[str]:
    return __all__
