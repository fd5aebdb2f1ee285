"""The composition root: a scenario goes in, a run directory with a sealed log comes out."""

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias

import duckdb
import msgspec
import trio

from battle.actors.node import boot
from battle.actors.redaction import without
from battle.actors.spec.endpoints import Ready
from battle.actors.spec.gateways import CommandGateway, EmbeddedGateway, Gateway, UrlGateway
from battle.actors.spec.providers import RealProvider
from battle.actors.units import minutes
from battle.actors.world.cluster import Cluster
from battle.actors.world.interfaces import WorldName
from battle.actors.world.live.loopback import check_loopback
from battle.actors.world.live.run import run_live
from battle.actors.world.simulated import Deadlock, SimulationOverrun, simulate
from battle.defaults import DEFAULT_OUT, DEFAULT_SEED
from battle.errors import BattleError, RunInterruptedError, RunLostError, ScenarioError, StartError, plain
from battle.run.arguments import check_arguments
from battle.run.backend import Backend, chosen_backend, with_backend
from battle.run.coordinator import Coordinator
from battle.run.directory import (
    command_text,
    create_run_directory,
    discard_run_directory,
    point_latest,
)
from battle.run.event_loop import Signals, in_event_loop
from battle.run.gateway_endpoints import GatewayEndpoints, gateway_endpoints
from battle.run.needs import require
from battle.run.plan import RunPlan, run_plan
from battle.run.program_version import VersionUnknownError, program_version
from battle.run.progress import Progress
from battle.run.readiness import probe_of, wait_until_ready
from battle.run.secrets import hide, secret_values
from battle.run.signals import ended_like_interrupted
from battle.scenario.author_code import importable
from battle.scenario.gateways import named_gateway, with_template
from battle.scenario.loader import load_scenario
from battle.scenario.measurability import (
    OmittedSlo,
    omitted_slo_texts,
    warnings_of,
    without_unmeasurable,
)
from battle.scenario.scenario import Scenario
from battle.scenario.validation import checked
from battle.store.seal import seal

OVERTIME = minutes(10)
"""Virtual time a simulation may take on top of its load: for starting, stopping, and the last timeouts."""


Ending: TypeAlias = Literal["in order", "interrupted", "cut short"]
"""How the load came to its end. Cut short: it was interrupted again before its end in good order was over."""


class Recorded(msgspec.Struct, frozen=True):
    """A run whose log is sealed, and that nobody judged yet."""

    run_dir: Path
    interrupted: bool


def record_scenario(
    scenario: Scenario | str | Path,
    *,
    world: WorldName = "live",
    seed: int = DEFAULT_SEED,
    gateway: Gateway | str | Path | None = None,
    out: Path | str = DEFAULT_OUT,
    strict: bool = False,
    progress: bool = False,
    on_start: Callable[[Path], object] = lambda run_dir: None,
    on_warning: Callable[[str], object] = lambda warning: None,
    source: str | None = None,
    backend: Backend | None = None,
    providers: Path | str | None = None,
) -> Recorded:
    """Run a scenario and seal its log: all that `battle.run_scenario` does before it judges. Raises the same."""
    check_arguments(
        scenario=scenario,
        world=world,
        seed=seed,
        gateway=gateway,
        out=out,
        strict=strict,
        progress=progress,
        on_start=on_start,
        on_warning=on_warning,
        backend=backend,
        providers=providers,
    )
    out = Path(out)
    if not isinstance(scenario, Scenario):
        source = source or str(scenario)
        scenario = load_scenario(str(scenario))
    backend = chosen_backend(backend, named=providers is not None)
    command = None if source is None else command_text(source, world, seed, gateway, backend, providers)
    if isinstance(gateway, str | Path):
        gateway = named_gateway(str(gateway), scenario.gateway)
    if gateway is not None:
        scenario = msgspec.structs.replace(scenario, gateway=gateway)
    scenario, changes = with_backend(scenario, backend, providers, world)
    omitted: tuple[OmittedSlo, ...] = ()
    if gateway is not None or world == "simulated" or backend == "real":
        scenario, omitted = without_unmeasurable(scenario, world, checked=backend != "real")
    if strict:
        scenario = msgspec.structs.replace(scenario, strict=True)
    with importable(scenario):
        require(checked(scenario), world, out)
        scenario = msgspec.structs.replace(scenario, gateway=with_template(scenario.gateway))
        plan = run_plan(scenario, seed)
        for warning in (*changes, *omitted_slo_texts(omitted), *warnings_of(scenario)):
            on_warning(warning)
        return _recorded(plan, world, out, omitted, changes, command, progress, on_start, on_warning)


def _recorded(
    plan: RunPlan,
    world: WorldName,
    out: Path,
    omitted: Sequence[OmittedSlo],
    changes: Sequence[str],
    command: str | None,
    progress: bool,
    on_start: Callable[[Path], object],
    on_warning: Callable[[str], object],
) -> Recorded:
    _check_world(plan, world)
    version = _version(plan.scenario.gateway, on_warning)
    run_dir = create_run_directory(out, plan, world, omitted, command, changes, version)
    try:
        try:
            ending = in_event_loop(partial(_run_in, world, plan, run_dir, progress, on_start))
        finally:
            hide(run_dir, secret_values(plan.scenario.gateway))
    except BattleError:
        discard_run_directory(run_dir)
        raise
    except KeyboardInterrupt:
        raise RunInterruptedError(run_dir) from None
    if ending == "cut short":
        raise RunInterruptedError(run_dir)
    with judgeable(run_dir):
        seal(run_dir)
    return Recorded(run_dir, ending == "interrupted")


def _version(gateway: Gateway, on_warning: Callable[[str], object]) -> str | None:
    """What the gateway's program says of its version; None where it is not asked, or says nothing."""
    if not isinstance(gateway, CommandGateway) or not gateway.version_command:
        return None
    try:
        return program_version(gateway)
    except VersionUnknownError as error:
        on_warning(f"the version of the gateway {gateway.name} is not known: its version_command {error}")
        return None


@contextmanager
def judgeable(run_dir: Path) -> Iterator[None]:
    """What goes wrong after a run took place does not make it a run that did not; signals end it as Ctrl-C does."""
    try:
        with ended_like_interrupted():
            yield
    except KeyboardInterrupt:
        raise RunInterruptedError(run_dir) from None
    except (OSError, duckdb.Error) as error:
        raise RunLostError(
            f"the run cannot be judged ({plain(error)}): fix that, then run `battle report {run_dir}`"
        ) from error


def _check_world(plan: RunPlan, world: WorldName) -> None:
    if world == "simulated" and not isinstance(plan.scenario.gateway, EmbeddedGateway):
        raise ScenarioError("only the embedded gateway runs in the simulated world: use --world live")
    if world == "simulated" and any(isinstance(one, RealProvider) for one in plan.scenario.providers):
        raise ScenarioError("a real provider is not available in the simulated world: use --world live")


def _run_in(
    world: WorldName,
    plan: RunPlan,
    run_dir: Path,
    progress: bool,
    on_start: Callable[[Path], object],
    signals: Signals,
) -> Ending:
    """Run the plan; the answer is how it ended. A BattleError means that nothing has started."""

    async def main(cluster: Cluster) -> Ending:
        await _check_reachable(cluster, plan)
        try:
            coordinator = Coordinator(cluster, plan, run_dir)
        except OSError as error:
            raise StartError(plain(error)) from error
        point_latest(run_dir)
        on_start(run_dir)
        with _shown(progress, run_dir, plan, cluster, virtual=world == "simulated"):
            ending = await _run_until_signalled(coordinator, cluster, signals)
        if coordinator.never_up is not None and ending == "in order":
            raise coordinator.never_up
        return ending

    if world == "live":
        try:
            check_loopback()
        except OSError as error:
            raise StartError(plain(error)) from None
        return run_live(main, run_dir=run_dir, seed=plan.seed)
    try:
        return simulate(main, run_dir=run_dir, seed=plan.seed, boot=boot, limit_ns=plan.load + OVERTIME)
    except (SimulationOverrun, Deadlock):
        return "in order"  # the log has no end, which the verdict reports


async def _check_reachable(cluster: Cluster, plan: RunPlan) -> None:
    """A gateway that runs elsewhere must be ready before anything starts. Raises StartError.

    One that its author did not say how to ask is tried once: who forgot to start it need not wait.
    """
    gateway = plan.scenario.gateway
    if not isinstance(gateway, UrlGateway):
        return
    endpoints = gateway_endpoints(gateway, cluster)
    probe = probe_of(gateway.ready, GatewayEndpoints(endpoints.http, endpoints.http))
    if isinstance(gateway.ready, Ready):
        why = await wait_until_ready(cluster.world, probe, gateway.ready_timeout)
    else:
        why = await probe(cluster.world)
    if why is not None:
        why = without(why, secret_values(gateway))
        raise StartError(f"nothing answers at {gateway.url}: start the gateway first ({why})")


@contextmanager
def _shown(
    progress: bool, run_dir: Path, plan: RunPlan, cluster: Cluster, *, virtual: bool
) -> Iterator[None]:
    if not progress:
        yield
        return
    display = Progress(run_dir, plan.load, virtual=virtual)
    display.watch(cluster.world)
    try:
        yield
    finally:
        display.close()


async def _run_until_signalled(coordinator: Coordinator, cluster: Cluster, signals: Signals) -> Ending:
    ending: Ending = "in order"

    async def stop_at_signal() -> None:
        nonlocal ending
        with signals.receive() as numbers:
            async for number in numbers:
                if ending != "in order":
                    cluster.hurry()  # asked twice: without the grace
                    nursery.cancel_scope.cancel()
                ending = "interrupted" if ending == "in order" else "cut short"
                coordinator.stop(signal.Signals(number).name)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(stop_at_signal)
        await coordinator.run()
        nursery.cancel_scope.cancel()
    return ending
