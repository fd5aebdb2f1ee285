"""Leads one run: starts its tree, gives the word when the load begins, ends it, and logs its phases."""

from contextlib import suppress
from pathlib import Path

import trio

from battle.actors.injector import inject, log_plan
from battle.actors.roles import Begin
from battle.actors.spec.chain import Pace
from battle.actors.system import ChildLostError, EscalationError, LifecycleChange
from battle.actors.units import format_duration, minutes, ms
from battle.actors.world.cluster import Cluster
from battle.errors import StartError
from battle.run.chain_paces import log_paces, planned_paces, stand_paces
from battle.run.gateway_start import GatewayStart
from battle.run.lifecycle_log import LifecycleLog
from battle.run.plan import RunPlan
from battle.run.setup import SetupContext, run_setup
from battle.run.tree import RunTree
from battle.store.events import RunChanged, RunPhase

LEAD_NS = ms(100)
"""From the moment all nodes are ready to the first due request: time for the word to reach every node."""


OVERTIME = minutes(2)
"""What a load may take on top of its length and its longest timeout, for closing what is open."""

POLL_SECONDS = 0.05
"""Between two looks at a load that is being stopped or started again."""


class Coordinator:
    """One run of a plan on a cluster. `stop` may be called at any moment to end it early, in good order.

    Raises:
        OSError, StartError: as `RunTree`; whatever the scenario's setup raises.
    """

    def __init__(self, cluster: Cluster, plan: RunPlan, run_dir: Path) -> None:
        self._world = cluster.world
        self._plan = plan
        self._run_dir = run_dir
        self._began = trio.Event()
        self._begin_ns = 0
        self._paces: tuple[Pace, ...] = ()
        self._interrupted_by: str | None = None
        self._authors_failure: str | None = None
        self._faults_in_force: set[str] = set()
        self._tree = RunTree(cluster, plan, run_dir, inject=self._inject, on_change=self._on_change)
        self._gateway_start = GatewayStart(plan.scenario.gateway, self._tree.root.stop)
        nodes = {node.name: node for node in self._tree.nodes}
        self._lifecycle = LifecycleLog(cluster.world, run_dir, nodes)
        run_setup(
            plan.scenario.setup,
            SetupContext(run_dir, dict(self._tree.provider_addresses), self._tree.endpoints.http.address),
        )

    def stop(self, why: str) -> None:
        """End the run early; the log will say that it was interrupted, and `why`."""
        self._interrupted_by = self._interrupted_by or why
        self._tree.root.stop()

    async def run(self) -> None:
        """Run until the load is over, or `stop`, or a part fails for good; the log says which it was.

        When this returns, everything has been stopped.
        """
        where = (f"{name} {address}" for name, address in self._tree.provider_addresses.items())
        self._log_phase("started", f"providers: {', '.join(where)}")
        failure = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._lead_or_lose)
            try:
                await self._tree.root.run()
            except EscalationError as error:
                failure = error
            nursery.cancel_scope.cancel()
        if failure is not None or self._authors_failure is not None:
            self._log_phase("failed", self._authors_failure or str(failure))
        if self._interrupted_by is not None:
            self._log_phase("interrupted", self._interrupted_by)
        self._log_phase("ended")

    async def _lead_or_lose(self) -> None:
        # What it waits for is lost when the tree is stopped or fails; then the end of the tree says which.
        with suppress(ChildLostError):
            await self._lead()

    async def _load_over(self) -> None:
        """Wait for the end of the load, also of one that is started again because the gateway before it crashed.

        One that does not end has an actor in it that is stuck: then the run has failed.
        """
        limit_ns = self._plan.load + max(each.workload.timeout for each in self._plan.workloads) + OVERTIME
        with trio.move_on_after(limit_ns / 1e9) as waiting:
            await self._all_loads_over()
        if waiting.cancelled_caught:
            overtime = format_duration(OVERTIME)
            self._log_phase(
                "failed", f"the load did not end within {overtime} of its time: a node of it is stuck"
            )

    async def _all_loads_over(self) -> None:
        while True:
            with suppress(ChildLostError):
                await self._tree.workload_group.wait_ended()
                return
            await trio.sleep(POLL_SECONDS)

    async def _lead(self) -> None:
        """Give the word when everything is up, and end the run when the load has ended."""
        await self._tree.root.wait_started("workloads")
        self._begin_ns = self._world.now_ns() + LEAD_NS
        log_plan(self._world, self._plan.timeline, self._begin_ns)
        self._paces = planned_paces(self._plan.timeline, self._begin_ns)
        if self._paces:
            log_paces(self._world.log, self._world.now_ns(), self._plan.scenario.chain, self._paces)
            stand_paces(self._tree.providers.values(), self._paces)
        for workload in self._tree.workloads:
            workload.stand("begin", Begin(self._begin_ns, paces=self._paces))
        self._began.set()
        await self._world.sleep_until(self._begin_ns)
        # At the moment it was to begin, from which all schedules count; a timer wakes a little after it.
        self._world.log.append(RunChanged(at_ns=self._begin_ns, phase="load_began"))
        await self._load_over()
        self._log_phase("load_ended")
        self._tree.root.stop()

    async def _inject(self) -> None:
        await self._began.wait()
        begin_ns, in_force = self._begin_ns, self._faults_in_force
        await inject(self._world, self._plan.timeline, begin_ns, self._tree.targets, in_force)

    def _log_phase(self, phase: RunPhase, detail: str | None = None) -> None:
        self._world.log.append(RunChanged(at_ns=self._world.now_ns(), phase=phase, detail=detail))

    def _on_change(self, change: LifecycleChange) -> None:
        self._lifecycle.note(change)
        self._gateway_start.note(change)
        self._note_authors(change)
        if change.change in ("crashed", "stopped") and self._began.is_set():
            for workload in self._tree.workloads:
                if workload.name == change.actor:
                    # Its next incarnation must not send at once what was due while it was away.
                    workload.stand("begin", Begin(self._begin_ns, self._world.now_ns(), self._paces))

    @property
    def never_up(self) -> StartError | None:
        """Why the gateway's program never came up: then the run has ended, and no gateway was tested."""
        return self._gateway_start.failure

    def _note_authors(self, change: LifecycleChange) -> None:
        """A load whose own code failed is another load than the scenario's from then on: the run ends."""
        if change.change != "crashed" or self._authors_failure is not None:
            return
        for workload in self._tree.workloads:
            if workload.name == change.actor and workload.failed_for_good is not None:
                self._authors_failure = workload.failed_for_good
                self._tree.root.stop()
