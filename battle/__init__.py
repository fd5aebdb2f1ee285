"""Battle proves, or refutes, that a gateway survives the failure of the providers behind it.

The public names: what scenarios are written in, and `run_scenario`. They are imported when first used, so
that the command line starts fast.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from battle.actors.spec.chain import Chain
    from battle.actors.spec.continuity import Continuity
    from battle.actors.spec.faults.behaviour import (
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
    from battle.actors.spec.faults.process import (
        Flap,
        Kill,
        Pause,
        Restart,
    )
    from battle.actors.spec.faults.schedule import (
        ChaosEntry,
        Every,
        Ramp,
        Randomly,
        Sequence,
    )
    from battle.actors.spec.faults.transport import (
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
    from battle.actors.spec.faults.websocket import (
        DropConnections,
        DuplicateHeads,
        IgnorePings,
        MissHeads,
        RefuseSubscriptions,
        ReorderHeads,
        SilentStall,
    )
    from battle.actors.spec.gateways import (
        Breaker,
        CommandGateway,
        EmbeddedGateway,
        Retry,
        UrlGateway,
    )
    from battle.actors.spec.latency import (
        Empirical,
        LogNormal,
        Normal,
        Uniform,
    )
    from battle.actors.spec.limits import HttpLimits, WebSocketLimits
    from battle.actors.spec.providers import MockProvider, Reliability
    from battle.actors.spec.real_provider import RealProvider
    from battle.actors.spec.workloads import (
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
    from battle.actors.units import minutes, ms, seconds, us
    from battle.errors import BattleError, ScenarioError, StartError
    from battle.run.record import RunResult, run_scenario
    from battle.run.setup import SetupContext
    from battle.scenario.phases import Healing, Phase
    from battle.scenario.scenario import Scenario
    from battle.scenario.slo.slo import Slo
    from battle.scenario.slo.staleness import Staleness

_HOMES = {
    "battle.actors.spec.latency": ("Empirical", "LogNormal", "Normal", "Uniform"),
    "battle.actors.spec.chain": ("Chain",),
    "battle.actors.spec.faults.behaviour": (
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
    "battle.actors.spec.faults.process": ("Flap", "Kill", "Pause", "Restart"),
    "battle.actors.spec.faults.schedule": ("ChaosEntry", "Every", "Ramp", "Randomly", "Sequence"),
    "battle.actors.spec.faults.transport": (
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
    "battle.actors.spec.faults.websocket": (
        "DropConnections",
        "DuplicateHeads",
        "IgnorePings",
        "MissHeads",
        "RefuseSubscriptions",
        "ReorderHeads",
        "SilentStall",
    ),
    "battle.actors.spec.gateways": ("Breaker", "CommandGateway", "EmbeddedGateway", "Retry", "UrlGateway"),
    "battle.actors.spec.real_provider": ("RealProvider",),
    "battle.actors.spec.providers": ("MockProvider", "Reliability"),
    "battle.actors.units": ("minutes", "ms", "seconds", "us"),
    "battle.actors.spec.limits": ("HttpLimits", "WebSocketLimits"),
    "battle.actors.spec.continuity": ("Continuity",),
    "battle.actors.spec.workloads": (
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
    "battle.scenario.slo.slo": ("Slo",),
    "battle.scenario.slo.staleness": ("Staleness",),
    "battle.scenario.phases": ("Healing", "Phase"),
    "battle.run.record": ("RunResult", "run_scenario"),
    "battle.scenario.scenario": ("Scenario",),
    "battle.run.setup": ("SetupContext",),
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
