"""Once a second: what a node uses, and how late its event loop is."""

from actors.world.seam import World
from store.events import SystemSampled

INTERVAL_NS = 10**9


async def sample_system(world: World) -> None:
    """Append a `SystemSampled` every second until cancelled. Loop lag is how late this task itself woke."""
    due_ns = world.now_ns() + INTERVAL_NS
    while True:
        await world.sleep_until(due_ns)
        now_ns = world.now_ns()
        usage = world.usage()
        world.log.append(
            SystemSampled(
                at_ns=now_ns,
                node=world.node,
                tasks=usage.tasks,
                open_fds=usage.open_fds,
                pid=usage.pid,
                rss_bytes=usage.rss_bytes,
                cpu_percent=usage.cpu_percent,
                loop_lag_ns=now_ns - due_ns,
            )
        )
        due_ns = max(due_ns + INTERVAL_NS, now_ns)
