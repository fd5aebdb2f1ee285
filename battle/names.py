"""The public names of Battle, each once; `battle` passes them on when the first of them is used.

They load fast: they are the data that scenarios are written in. What runs one is imported when it is run.
"""

from battle.actors.session_failures import SessionFailed as SessionFailed
from battle.actors.session_failures import StepFailed as StepFailed
from battle.actors.spec.chain import Chain as Chain
from battle.actors.spec.continuity import Continuity as Continuity
from battle.actors.spec.endpoints import Ready as Ready
from battle.actors.spec.failures import HttpFailure as HttpFailure
from battle.actors.spec.failures import RpcFailure as RpcFailure
from battle.actors.spec.faults.behaviour import Degrade as Degrade
from battle.actors.spec.faults.behaviour import ErrorRate as ErrorRate
from battle.actors.spec.faults.behaviour import Hang as Hang
from battle.actors.spec.faults.behaviour import Malformed as Malformed
from battle.actors.spec.faults.behaviour import MissingData as MissingData
from battle.actors.spec.faults.behaviour import RateLimit as RateLimit
from battle.actors.spec.faults.behaviour import Reorg as Reorg
from battle.actors.spec.faults.behaviour import StaleHead as StaleHead
from battle.actors.spec.faults.behaviour import Truncated as Truncated
from battle.actors.spec.faults.behaviour import WrongAnswer as WrongAnswer
from battle.actors.spec.faults.behaviour import WrongChain as WrongChain
from battle.actors.spec.faults.kinds import KINDS as FAULTS
from battle.actors.spec.faults.kinds.ahead_head import AheadHead as AheadHead
from battle.actors.spec.faults.kinds.chain_pace import ChainHalt as ChainHalt
from battle.actors.spec.faults.kinds.chain_pace import SlowChain as SlowChain
from battle.actors.spec.faults.process import Flap as Flap
from battle.actors.spec.faults.process import Kill as Kill
from battle.actors.spec.faults.process import Pause as Pause
from battle.actors.spec.faults.process import Restart as Restart
from battle.actors.spec.faults.schedule import ChaosEntry as ChaosEntry
from battle.actors.spec.faults.schedule import Every as Every
from battle.actors.spec.faults.schedule import Ramp as Ramp
from battle.actors.spec.faults.schedule import Randomly as Randomly
from battle.actors.spec.faults.schedule import Sequence as Sequence
from battle.actors.spec.faults.transport import Bandwidth as Bandwidth
from battle.actors.spec.faults.transport import Jitter as Jitter
from battle.actors.spec.faults.transport import Latency as Latency
from battle.actors.spec.faults.transport import LimitData as LimitData
from battle.actors.spec.faults.transport import Partition as Partition
from battle.actors.spec.faults.transport import Refuse as Refuse
from battle.actors.spec.faults.transport import ResetPeer as ResetPeer
from battle.actors.spec.faults.transport import Slicer as Slicer
from battle.actors.spec.faults.transport import SlowClose as SlowClose
from battle.actors.spec.faults.transport import Timeout as Timeout
from battle.actors.spec.faults.websocket import DropConnections as DropConnections
from battle.actors.spec.faults.websocket import DuplicateHeads as DuplicateHeads
from battle.actors.spec.faults.websocket import IgnorePings as IgnorePings
from battle.actors.spec.faults.websocket import MissHeads as MissHeads
from battle.actors.spec.faults.websocket import RefuseSubscriptions as RefuseSubscriptions
from battle.actors.spec.faults.websocket import ReorderHeads as ReorderHeads
from battle.actors.spec.faults.websocket import SilentStall as SilentStall
from battle.actors.spec.gateways import Breaker as Breaker
from battle.actors.spec.gateways import CommandGateway as CommandGateway
from battle.actors.spec.gateways import EmbeddedGateway as EmbeddedGateway
from battle.actors.spec.gateways import Retry as Retry
from battle.actors.spec.gateways import UrlGateway as UrlGateway
from battle.actors.spec.latency import Empirical as Empirical
from battle.actors.spec.latency import LogNormal as LogNormal
from battle.actors.spec.latency import Normal as Normal
from battle.actors.spec.latency import Uniform as Uniform
from battle.actors.spec.limits import CallLimit as CallLimit
from battle.actors.spec.limits import HttpLimits as HttpLimits
from battle.actors.spec.limits import WebSocketLimits as WebSocketLimits
from battle.actors.spec.providers import MockProvider as MockProvider
from battle.actors.spec.providers import RealProvider as RealProvider
from battle.actors.spec.providers import Reliability as Reliability
from battle.actors.spec.workloads import HttpBurst as HttpBurst
from battle.actors.spec.workloads import HttpConstant as HttpConstant
from battle.actors.spec.workloads import HttpPoisson as HttpPoisson
from battle.actors.spec.workloads import HttpRamp as HttpRamp
from battle.actors.spec.workloads import HttpSessions as HttpSessions
from battle.actors.spec.workloads import HttpStages as HttpStages
from battle.actors.spec.workloads import HttpStep as HttpStep
from battle.actors.spec.workloads import HttpUsers as HttpUsers
from battle.actors.spec.workloads import LogFilter as LogFilter
from battle.actors.spec.workloads import RateStage as RateStage
from battle.actors.spec.workloads import Reconnect as Reconnect
from battle.actors.spec.workloads import Replay as Replay
from battle.actors.spec.workloads import SessionStep as SessionStep
from battle.actors.spec.workloads import UserStage as UserStage
from battle.actors.spec.workloads import WsRequests as WsRequests
from battle.actors.spec.workloads import WsSubscribe as WsSubscribe
from battle.actors.spec.workloads.kinds import KINDS as WORKLOADS
from battle.actors.units import minutes as minutes
from battle.actors.units import ms as ms
from battle.actors.units import seconds as seconds
from battle.actors.units import us as us
from battle.analysis.findings import Finding as Finding
from battle.analysis.log import RunLog as RunLog
from battle.api import RunResult as RunResult
from battle.api import run_scenario as run_scenario
from battle.errors import BattleError as BattleError
from battle.errors import ScenarioError as ScenarioError
from battle.errors import StartError as StartError
from battle.run.setup import SetupContext as SetupContext
from battle.scenario.phases import Healing as Healing
from battle.scenario.phases import Phase as Phase
from battle.scenario.scenario import Scenario as Scenario
from battle.scenario.slo.k6 import k6_thresholds as k6_thresholds
from battle.scenario.slo.slo import Slo as Slo
from battle.scenario.slo.staleness import Staleness as Staleness
from battle.store.definitions import refuse_twins

# Faults and workloads that have a file each: those that have no line above, from which pages are made.
_ADDED = [kind for kind in (*FAULTS, *WORKLOADS) if globals().get(kind.__name__) is not kind]
refuse_twins("public name of Battle", (*globals(), *(kind.__name__ for kind in _ADDED)))
globals().update({kind.__name__: kind for kind in _ADDED})
del FAULTS, WORKLOADS, refuse_twins, _ADDED

# pytest adds names of its own that are no identifiers to modules it rewrites.
__all__ = [name for name in globals() if name.isidentifier() and not name.startswith("_")]
