"""Running a coordinator in the live world."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import outcome
import trio

from battle.actors.world.live.cluster import LiveCluster

T = TypeVar("T")


def run_live(
    main: Callable[[LiveCluster], Awaitable[T]],
    *,
    run_dir: Path,
    seed: int,
    module: str = "battle.actors.node",
) -> T:
    """Run `main(cluster)` on real sockets and processes; `module` is what `python -m` runs as a node.

    Raises:
        Exception: whatever `main`, or a callback given to `call_at`, raised.
    """

    async def run() -> T:
        cluster = LiveCluster(run_dir, seed, module)
        try:
            async with trio.open_nursery() as nursery:
                await nursery.start(cluster.run_reactor)
                nursery.start_soon(cluster.watch_itself)
                result = await outcome.acapture(main, cluster)
                nursery.cancel_scope.cancel()
        finally:
            cluster.close()
        return result.unwrap()

    return trio.run(run)
