"""Providers that stand without a load, for a gateway that somebody runs elsewhere, or with one: `battle up`.

They are those of a run, supervised and logged as in a run, and so are the faults: those of the scenario's plan, and
those that are typed. Nothing is judged.

    up (rest_for_one)
      providers (one_for_one)    each provider, or the link before a real one, its own node
      gateway                    where one is asked for
    by hand                      reads lines, begins and ends faults
    plan                         the scenario's faults, from the moment that they are asked for
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec
import trio

from battle.actors.addresses import Address
from battle.actors.injector import AimedFault, inject, log_plan
from battle.actors.spec.faults.timeline import PlannedFault, targets_of_fault
from battle.actors.spec.gateways import UrlGateway
from battle.actors.system import ChildLostError, EscalationError, LifecycleChange, Supervisor
from battle.actors.units import Duration, format_duration, minutes
from battle.actors.world.cluster import Cluster
from battle.actors.world.live.loopback import check_loopback
from battle.actors.world.live.run import run_live
from battle.errors import BattleError, ScenarioError, StartError, plain
from battle.formatting import plural
from battle.run.chain_paces import TypedPaces
from battle.run.directory import create_run_directory, discard_run_directory, point_latest
from battle.run.event_loop import Signals, in_event_loop
from battle.run.gateway_endpoints import GatewayEndpoints, gateway_endpoints
from battle.run.gateway_nodes import gateway_nodes
from battle.run.gateway_start import GatewayStart
from battle.run.lifecycle_log import LifecycleLog
from battle.run.nodes import FaultTargets, NodeActor, node_group
from battle.run.plan import GATEWAY, RunPlan, run_plan
from battle.run.provider_nodes import ProviderNodes
from battle.run.record import judgeable
from battle.run.secrets import hide, secret_values
from battle.run.setup import SetupContext, run_setup
from battle.scenario.fault_line import KINDS, FaultByHand, Order, help_text, parse_line
from battle.scenario.scenario import Scenario
from battle.store.events import RunChanged, RunPhase
from battle.store.seal import seal

UNTIL_ENDED = minutes(7 * 24 * 60)
"""How long a fault holds that nobody ends: longer than anybody lets providers stand."""


def stand(
    scenario: Scenario,
    *,
    seed: int,
    out: Path,
    command: str,
    say: Callable[[str], object],
    use: Callable[["Standing"], Awaitable[None]],
    with_gateway: bool = False,
) -> Path:
    """Start the providers of a scenario that has no problems, and its gateway if asked; seal their log at the end.

    `use` is called once all are ready; when it returns, or a signal comes, they are stopped. `say` is called for
    each thing that a fault does.

    Raises:
        StartError: a port is in use, a directory cannot be written, or a provider does not come up.
        RunLostError: the log cannot be sealed.
    """
    try:
        check_loopback()
    except OSError as error:
        raise StartError(plain(error)) from None
    plan = run_plan(scenario, seed)
    run_dir = create_run_directory(out, plan, "live", (), command)

    def recorded(signals: Signals) -> None:
        async def main(cluster: Cluster) -> None:
            try:
                standing = Standing(cluster, plan, run_dir, say, with_gateway=with_gateway)
            except OSError as error:
                raise StartError(plain(error)) from error
            point_latest(run_dir)
            failure = await standing.run(signals, use)
            if failure is not None:
                raise StartError(failure)

        run_live(main, run_dir=run_dir, seed=seed)

    try:
        try:
            in_event_loop(recorded)
        finally:
            hide(run_dir, secret_values(scenario.gateway))
    except BattleError:
        discard_run_directory(run_dir)
        raise
    with judgeable(run_dir):
        seal(run_dir)
    return run_dir


class Standing:
    """Providers that stand: where each listens, and the faults that are typed."""

    def __init__(
        self,
        cluster: Cluster,
        plan: RunPlan,
        run_dir: Path,
        say: Callable[[str], object],
        *,
        with_gateway: bool,
    ) -> None:
        self.run_dir = run_dir
        self._cluster = cluster
        self._world = cluster.world
        self._plan = plan
        self._say = say
        self._providers = ProviderNodes(cluster, plan)
        self._paces = TypedPaces(self._providers.nodes.values(), cluster.world, plan.scenario.chain)
        self._by_hand: dict[str, AimedFault] = {}
        self._typed = 0
        self._plan_plays = False
        self._nursery: trio.Nursery
        self.gateway: GatewayEndpoints | None = None
        gateway: list[NodeActor] = []
        if with_gateway:
            self.gateway = gateway_endpoints(plan.scenario.gateway, cluster)
            gateway = gateway_nodes(cluster, plan, run_dir, self.gateway, self.providers)
        self._nodes = {**self._providers.nodes, **{node.name: node for node in gateway}}
        self._targets = FaultTargets(self._nodes)
        self._lifecycle = LifecycleLog(cluster.world, run_dir, self._nodes)
        providers = node_group("providers", self._providers.nodes.values(), self._on_change)
        children = [providers.as_child()]
        if gateway:
            children.append(node_group("gateways", gateway, self._on_change).as_child())
        self._last = children[-1].name
        self._root = Supervisor("up", children, strategy="rest_for_one", on_change=self._on_change)
        self._gateway_start = GatewayStart(plan.scenario.gateway, self._root.stop)
        if plan.scenario.setup:
            front = self.gateway
            if isinstance(plan.scenario.gateway, UrlGateway):
                front = gateway_endpoints(plan.scenario.gateway, cluster)
            where = "" if front is None else front.http.address
            run_setup(plan.scenario.setup, SetupContext(run_dir, dict(self._providers.addresses), where))

    @property
    def providers(self) -> Mapping[str, Address]:
        """Where each provider listens, by its name."""
        return self._providers.addresses

    def _on_change(self, change: LifecycleChange) -> None:
        self._lifecycle.note(change)
        self._gateway_start.note(change)

    async def run(self, signals: Signals, use: Callable[["Standing"], Awaitable[None]]) -> str | None:
        """Keep everything up until `use` returns or a signal comes; or until a provider has failed for good: then the
        answer is why."""
        where = (f"{name} {address}" for name, address in self._providers.addresses.items())
        self._log_phase("started", f"providers: {', '.join(where)}")
        failure = None
        async with trio.open_nursery() as self._nursery:
            self._nursery.start_soon(self._stop_at, signals)
            self._nursery.start_soon(self._lead, use)
            try:
                await self._root.run()
            except EscalationError as error:
                failure = str(error)
            for aimed in self._by_hand.values():
                aimed.holds = False
            self._nursery.cancel_scope.cancel()
        if failure is not None:
            self._log_phase("failed", failure)
        self._log_phase("ended")
        if self._gateway_start.failure is not None:
            return str(self._gateway_start.failure)
        return None if failure is None else f"what stands cannot be kept up: {failure}"

    async def _stop_at(self, signals: Signals) -> None:
        is_asked = False
        with signals.receive() as numbers:
            async for _ in numbers:
                if is_asked:
                    self._cluster.hurry()  # asked twice: without the grace
                is_asked = True
                self._root.stop()

    async def _lead(self, use: Callable[["Standing"], Awaitable[None]]) -> None:
        with suppress(ChildLostError):  # stopped before, or failed: then the end of the tree says which
            await self._root.wait_started(self._last)
            await use(self)
            self._root.stop()

    def do(self, text: str) -> None:
        """Do what a line says (`battle.scenario.fault_line`). Raises ScenarioError."""
        match parse_line(text, self._plan.scenario):
            case FaultByHand() as typed:
                self._begin(typed)
            case Order("end", ids):
                self._end_all(ids)
            case Order("faults"):
                self._say("\n".join(self._by_hand) or "no fault holds that was typed")
            case Order("plan"):
                self._play_plan()
            case Order("help", about):
                self._say(_help(about))

    def _begin(self, typed: FaultByHand) -> None:
        length = UNTIL_ENDED if typed.length is None else typed.length
        targets = targets_of_fault(typed.fault, self._plan.scenario.groups)
        if not self._nodes.keys() >= set(targets):
            hint = ": `--gateway` starts one" if GATEWAY in targets else ""
            raise ScenarioError(f"{typed.fault.kind()}: {', '.join(targets)} does not stand here{hint}")
        for target in targets:
            self._typed += 1
            fault = msgspec.structs.replace(typed.fault, target=target).placed(0, length)
            planned = PlannedFault(f"{fault.kind()}-{target}.by-hand-{self._typed}", fault, 0, length)
            aimed = AimedFault(self._world, planned, self._targets)
            log_plan(self._world, (planned,), self._world.now_ns())
            if not aimed.apply():
                self._say(f"{planned.fault_id} could not begin: {target} does not run")
                continue
            self._by_hand[planned.fault_id] = aimed
            self._paces.begin((planned,), self._world.now_ns())
            until = "until `end`" if typed.length is None else f"for {format_duration(length)}"
            self._say(f"{planned.fault_id} holds {until}")
            if typed.length is not None:
                self._nursery.start_soon(self._end_after, planned.fault_id, length)

    async def _end_after(self, fault_id: str, length: Duration) -> None:
        await self._world.sleep_until(self._world.now_ns() + length)
        if fault_id in self._by_hand:  # nobody ended it before
            self._end(fault_id)

    def _end_all(self, ids: tuple[str, ...]) -> None:
        unknown = [fault_id for fault_id in ids if fault_id not in self._by_hand]
        if unknown:
            known = ", ".join(self._by_hand) or "none"
            raise ScenarioError(f"{', '.join(unknown)} does not hold; these do: {known}")
        for fault_id in dict.fromkeys(ids or self._by_hand):
            self._end(fault_id)

    def _end(self, fault_id: str) -> None:
        self._by_hand.pop(fault_id).revert()
        self._paces.end(fault_id)
        self._say(f"{fault_id} has ended")

    def _play_plan(self) -> None:
        if self._plan_plays:
            raise ScenarioError("the plan plays already")
        timeline = tuple(planned for planned in self._plan.timeline if planned.target in self._nodes)
        if not timeline:
            raise ScenarioError(f"{self._plan.scenario.name!r} plans no faults for what stands here")
        self._plan_plays = True
        self._nursery.start_soon(self._inject, timeline)

    async def _inject(self, timeline: tuple[PlannedFault, ...]) -> None:
        begin_ns = self._world.now_ns()
        log_plan(self._world, timeline, begin_ns)
        last = format_duration(max(planned.end for planned in timeline))
        self._say(f"the plan begins: {plural(len(timeline), 'fault')}, the last is over after {last}")
        self._paces.begin(timeline, begin_ns)
        for planned in timeline:
            self._world.call_at(begin_ns + planned.start, self._say, f"{planned.fault_id} begins")
            self._world.call_at(begin_ns + planned.end, self._say, f"{planned.fault_id} ends")
        await inject(self._world, timeline, begin_ns, self._targets, set())
        self._plan_plays = False
        self._say("the plan is over")

    def _log_phase(self, phase: RunPhase, detail: str | None = None) -> None:
        self._world.log.append(RunChanged(at_ns=self._world.now_ns(), phase=phase, detail=detail))


def _help(about: tuple[str, ...]) -> str:
    if about:
        return help_text(about[0])
    return (
        "KIND TARGET [FIELD=VALUE ...] [for=LENGTH]   begin a fault; without for= it holds until `end`\n"
        "end [ID ...]     end these faults, or all that were typed\n"
        "faults           list those that hold\n"
        "plan             play the scenario's faults from now on\n"
        "help KIND        what a kind of fault does\n"
        f"kinds: {', '.join(KINDS)}"
    )
