"""The coordinator's side of a world: starting nodes, and what can be done to them."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

import msgspec
import trio

from battle.actors.addresses import Address
from battle.actors.spec.base import Spec
from battle.actors.system.mailbox import Inbox
from battle.actors.units import Duration, seconds
from battle.actors.world.interfaces import Usage, World

READY_SECONDS = 20.0
"""A node that does nothing useful by then has not started; 0.2 s is usual. Virtual ones, in the simulated world."""


class Exit(msgspec.Struct, frozen=True):
    """How a node ended. `induced`: a fault of the chaos plan did it, on purpose. `bench`: it never began, because
    this machine had no process, memory or descriptor left for it."""

    how: Literal["finished", "stopped", "failed", "killed", "hung", "bench"]
    reason: str = ""
    induced: bool = False
    for_good: bool = False
    """The scenario's own code or data failed: started again, it would fail again."""


ENDED_BY_ITSELF = "it ended by itself, with exit status 0"


def not_ready() -> str:
    """What is said of a node that is ended because it was not ready in time."""
    return f"it was not ready within {READY_SECONDS:g} s"


NodeState: TypeAlias = Literal["running", "paused", "gone"]
"""What the operating system says of a node: it may run, it is stopped by SIGSTOP, it has ended."""


Probe: TypeAlias = Callable[[World], Awaitable[str | None]]
"""Finds out why a program is not ready, in a few words; None when it is."""


class Command(msgspec.Struct, frozen=True):
    """A program to run as a node: its words, where it will listen, and how long it may take until it does.

    `open_files`: how many the load may make it open. With fewer than that allowed by this machine it may meet the
    machine's limit; with as many, a limit that it meets is its own doing. `probe` says whether it is ready once it
    accepts connections. `environment` is added to the coordinator's, the program starts in `directory`, and what it
    prints is shown without the `secrets`. `stop_signal` asks it to end, and after `grace` SIGKILL ends it. `log` is a
    file to which it writes on its own, if any: its end says why it crashed.
    """

    words: tuple[str, ...]
    address: Address
    ready_timeout: Duration
    open_files: int = 0
    probe: Probe | None = None
    environment: dict[str, str] = {}
    directory: Path | None = None
    secrets: tuple[str, ...] = ()
    stop_signal: str = "SIGTERM"
    grace: Duration = seconds(5)
    log: Path | None = None


def output_path(run_dir: Path, node: str, incarnation: int) -> Path:
    """Where what the process of an incarnation prints is kept; there is no such file when it prints nothing."""
    return run_dir / "nodes" / f"{node}.{incarnation}.txt"


class ReadUsage(msgspec.Struct, frozen=True):
    """A question to a program that runs as a node: what does it use now? The answer is a `Usage`, or None while it is
    not ready and when nobody can say. Our own nodes sample themselves."""


class Node(Protocol):
    """A running node, as the coordinator holds it."""

    @property
    def name(self) -> str: ...

    @property
    def incarnation(self) -> int: ...

    @property
    def pid(self) -> int | None:
        """The operating system's process id; None in the simulated world."""

    @property
    def asked_ns(self) -> int | None:
        """When it was asked to stop; None: it was not."""

    @property
    def forced(self) -> bool:
        """Whether it was killed because it did not stop in time after that."""

    def kill(self, reason: str) -> None:
        """End it as SIGKILL does, for a fault that `reason` names."""

    def stop(self, reason: str) -> None:
        """Ask it to end in good order, and force it when it does not, for a fault that `reason` names.

        A paused node is resumed for it.
        """

    def state(self) -> NodeState:
        """What the operating system says of it now; a signal takes a moment until it shows."""

    def pause(self) -> None:
        """Stop it as SIGSTOP does: its kernel still accepts connections, and what is due waits until it resumes."""

    def resume(self) -> None:
        """Let it go on as SIGCONT does."""


class Cluster(Protocol):
    """Where the nodes of a run live."""

    @property
    def world(self) -> World:
        """The coordinator's own world."""

    def reserve(self, node: str, port: int = 0) -> Address:
        """An address for a server on `node`, kept for it over all its incarnations.

        Raises:
            OSError: the port is in use.
        """

    def usage_at(self, address: Address) -> Usage | None:
        """What a server that is none of ours uses, which listens at this address; None when that cannot be seen.

        It can be only when it runs on this machine, and this user may look into its process.
        """

    def hurry(self) -> None:
        """Who asks for the end twice does not wait: programs that are still in their grace are ended by SIGKILL."""

    async def run_command(
        self,
        node: str,
        incarnation: int,
        command: Command,
        inbox: Inbox,
        task_status: trio.TaskStatus[Node] = trio.TASK_STATUS_IGNORED,
    ) -> Exit:
        """As `run_node`, for a program that is none of ours: ready when its address takes connections.

        It gets no messages; `inbox` is read for the questions (`ReadUsage`) that this world answers in its place.
        Only the live world has programs; in the simulated one this is a `NotImplementedError`.
        """

    async def run_node(
        self,
        node: str,
        incarnation: int,
        role: Spec,
        inbox: Inbox,
        task_status: trio.TaskStatus[Node] = trio.TASK_STATUS_IGNORED,
    ) -> Exit:
        """Start a node, and return how it ended. Started when the node says that it is ready.

        What comes into `inbox` goes over its control channel, in order, and is what the role reads there.
        A node that ends before it is ready ends this with its `Exit`, not started. When this is cancelled the
        node is stopped: asked, then forced, within a few seconds; a paused one is resumed for it.
        """
