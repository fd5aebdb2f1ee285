"""Once a second: what a node uses, and how late its event loop is."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from battle.actors.system.mailbox import ActorRef, AskError
from battle.actors.world.cluster import ReadUsage
from battle.actors.world.interfaces import Usage, World
from battle.store.events import BenchLimitReached, SystemSampled

INTERVAL_NS = 10**9


ReadOther: TypeAlias = Callable[[], Awaitable[Usage | None]]
"""Says what another process than this one uses; None when it does not run, or nobody can say."""


async def sample_system(world: World, other: str | None = None, read: ReadOther | None = None) -> None:
    """Append a `SystemSampled` every second until cancelled, and a `BenchLimitReached` when a program has opened all
    that this machine lets it open. Loop lag is how late this task itself woke.

    By default of this node itself; else of `other`, by `read`. A second in which that says nothing has no sample.
    """
    node = other or world.node
    due_ns = world.now_ns() + INTERVAL_NS
    while True:
        await world.sleep_until(due_ns)
        now_ns = world.now_ns()
        used = world.usage() if read is None else await read()
        if used is not None:
            # Virtual time never lags, and another node's event loop cannot be seen from here.
            lag_ns = now_ns - due_ns if read is None and world.name == "live" else None
            world.log.append(_sample(now_ns, node, used, lag_ns))
            if used.at_limit is not None:
                world.log.append(_limit(now_ns, node, used.at_limit))
        due_ns = max(due_ns + INTERVAL_NS, now_ns)


async def usage_of(program: ActorRef) -> Usage | None:
    """What a program uses that runs as a node, which is asked."""
    try:
        usage: Usage | None = await program.ask(ReadUsage(), timeout=INTERVAL_NS)
    except AskError:  # it does not run, or is about to end
        return None
    return usage


def _limit(now_ns: int, node: str, detail: str) -> BenchLimitReached:
    return BenchLimitReached(at_ns=now_ns, node=node, limit="open_files", times=1, detail=detail)


def _sample(now_ns: int, node: str, used: Usage, loop_lag_ns: int | None) -> SystemSampled:
    return SystemSampled(
        at_ns=now_ns,
        node=node,
        tasks=used.tasks,
        open_fds=used.open_fds,
        pid=used.pid,
        rss_bytes=used.rss_bytes,
        cpu_percent=used.cpu_percent,
        loop_lag_ns=loop_lag_ns,
        steal_ratio=used.steal_ratio,
        threads=used.threads,
    )
