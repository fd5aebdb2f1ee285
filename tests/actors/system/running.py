"""Running a supervisor for a while, in virtual time."""

from collections.abc import Callable
from typing import Any

import trio
import trio.testing

from battle.actors.system import (
    Supervisor,
)

Run = Callable[..., Any]


async def run_for(supervisor: Supervisor, duration_s: float) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(supervisor.run)
        await trio.sleep(duration_s)
        supervisor.stop()
