"""What a run needs of this machine, estimated from its scenario, so that what cannot be had is refused before it."""

import os
import resource
import shutil
import sys
from collections.abc import Iterator
from math import ceil
from pathlib import Path

import msgspec
import psutil

from battle.actors.spec.gateways import EmbeddedGateway
from battle.actors.spec.workloads import (
    HttpUsers,
    Workload,
    WsRequests,
    WsSubscribe,
)
from battle.actors.world.interfaces import WorldName
from battle.errors import StartError
from battle.process_limits import MachineError, require_open_files
from battle.scenario.estimates import calls, in_flight, notifications
from battle.scenario.scenario import Scenario

NODE_BYTES = 30 * 2**20
"""Of a process that does nothing yet: Python, trio and what a role imports."""

SIMULATED_NODE_BYTES = 2**18
"""Of a node in the simulated world, which has no process of its own."""

CONNECTION_BYTES = 8 * 2**10
"""Of each connection, at each of its ends: parsers, buffers, tasks."""

LOG_BYTES = 150
"""Of each request or notification in the log, at least; several nodes log each."""

NODE_FILES = 32
"""Of a process without connections."""

COORDINATOR_FILES = 128
NODE_FILES_OF_THE_COORDINATOR = 4
"""A reserved port, a control channel, a process descriptor, and one while it is being started."""

_PID_MAX = Path("/proc/sys/kernel/pid_max")


class Needs(msgspec.Struct, frozen=True):
    """Lower bounds: a run that needs more than these may still meet a limit, and then says so."""

    processes: int
    memory_bytes: int
    log_bytes: int
    node: str
    node_files: int
    coordinator_files: int


class Machine(msgspec.Struct, frozen=True):
    """What this machine has."""

    processes: int
    memory_bytes: int
    disk_bytes: int
    open_files: int


def needs(scenario: Scenario, world: WorldName) -> Needs:
    """What a run of the scenario needs at least. Pure."""
    opened = {
        f"load {workload.name or index + 1}": _connections(workload)
        for index, workload in enumerate(scenario.workloads)
    }
    shards = [workload.shards for workload in scenario.workloads]
    if isinstance(scenario.gateway, EmbeddedGateway):
        total = sum(each * count for each, count in zip(opened.values(), shards, strict=True))
        opened["the embedded gateway"] = total
    nodes = sum(shards) + len(scenario.providers) + 1
    connections = sum(each * count for each, count in zip(opened.values(), [*shards, 1], strict=False))
    node_bytes = NODE_BYTES if world == "live" else SIMULATED_NODE_BYTES
    facts = sum(
        calls(workload) + notifications(workload, scenario.chain.block_time)
        for workload in scenario.workloads
    )
    node = max(opened, key=opened.__getitem__, default="a node")
    return Needs(
        processes=nodes if world == "live" else 0,
        memory_bytes=nodes * node_bytes + connections * CONNECTION_BYTES,
        log_bytes=ceil(facts * LOG_BYTES),
        node=node,
        node_files=opened.get(node, 0) + NODE_FILES if world == "live" else 0,
        coordinator_files=COORDINATOR_FILES + NODE_FILES_OF_THE_COORDINATOR * nodes if world == "live" else 0,
    )


def _connections(workload: Workload) -> int:
    """How many connections one node of a workload has open at least, whatever the gateway does."""
    match workload:
        case HttpUsers():
            return min(ceil(workload.most_users / max(1, workload.shards)), workload.connection_limit)
        case WsSubscribe() | WsRequests():
            return ceil(workload.connections / max(1, workload.shards))
        case _:
            return 1


def gateway_files(scenario: Scenario) -> int:
    """How many files the load may make a gateway open that leaks none. Pure.

    One for each connection that clients may have open, at most: as many as there are users or WebSockets, or as many
    requests as fall due within the time that one may take. As many again towards the providers, and what any program
    needs. A gateway that meets a limit which is as high has used up what it did not need.
    """
    opened = 0
    for workload in scenario.workloads:
        match workload:
            case HttpUsers() | WsSubscribe() | WsRequests():
                opened += _connections(workload) * workload.shards
            case _:
                opened += min(workload.connection_limit * workload.shards, ceil(in_flight(workload)))
    return 2 * opened + NODE_FILES + len(scenario.providers)


def shortages(needed: Needs, machine: Machine) -> Iterator[str]:
    """What the machine does not have, each with the number that is needed. Pure."""
    if needed.processes > machine.processes:
        yield (
            f"it needs {needed.processes:,} processes, and at most {machine.processes:,} are available: "
            "use fewer shards"
        )
    if needed.memory_bytes > machine.memory_bytes:
        yield (
            f"it needs at least {_size(needed.memory_bytes)} of memory, and this machine has "
            f"{_size(machine.memory_bytes)}: use fewer shards, connections or users"
        )
    if needed.log_bytes > machine.disk_bytes:
        yield (
            f"its log needs at least {_size(needed.log_bytes)}, and {_size(machine.disk_bytes)} are free: "
            "use a lower rate or a shorter duration, or give another --out"
        )
    if needed.node_files > machine.open_files:
        yield (
            f"{needed.node} needs {needed.node_files:,} open files, and the limit is {machine.open_files:,}: "
            "raise it (ulimit -Hn), or use fewer connections or users"
        )
    if needed.coordinator_files > machine.open_files:
        yield (
            f"the coordinator needs {needed.coordinator_files:,} open files, and the limit is "
            f"{machine.open_files:,}: raise it (ulimit -Hn), or use fewer shards"
        )


def require(scenario: Scenario, world: WorldName, out: Path) -> None:
    """Refuse a run that this machine cannot hold; raise the limit of open files where that helps.

    Raises:
        StartError: naming everything that is missing.
    """
    needed = needs(scenario, world)
    if missing := "; ".join(shortages(needed, this_machine(out))):
        raise StartError(f"this machine cannot hold the run: {missing}")
    try:
        require_open_files(needed.coordinator_files, "the coordinator")
    except MachineError as error:
        raise StartError(str(error)) from None


def this_machine(out: Path) -> Machine:
    """What there is here, and where `out` is to be."""
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    place = next((place for place in (out, *out.absolute().parents) if place.is_dir()), Path("/"))
    return Machine(
        processes=_processes(),
        memory_bytes=psutil.virtual_memory().total + psutil.swap_memory().total,
        disk_bytes=_room(place),
        open_files=files if files != resource.RLIM_INFINITY else 2**31,
    )


def _room(place: Path) -> int:
    usage = shutil.disk_usage(place)
    # A file system that counts no blocks, such as /proc, says nothing of its room: to write there will show it.
    return usage.free if usage.total else sys.maxsize


def _processes() -> int:
    try:
        most = int(_PID_MAX.read_text())
    except (OSError, ValueError):
        most = 2**22
    allowed, _ = resource.getrlimit(resource.RLIMIT_NPROC)
    if os.geteuid() == 0 or allowed == resource.RLIM_INFINITY:
        return most
    return min(most, allowed)


def _size(count: int) -> str:
    """Bytes for people."""
    for unit, size in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6)):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count:,} bytes"
