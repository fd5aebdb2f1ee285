"""The one place that reaches into trio so that one seed gives one order of events.

trio shuffles each batch of runnable tasks on purpose. Its own test suite has a private switch against that;
the seed alone is not enough, because batches are sorted first only when the switch is on. A canary in
`tests/actors/world/` fails loudly the day trio changes either.
"""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import trio._core._run

_ONE_SIMULATION = threading.Lock()

trio_run: Any = trio._core._run  # what is private to trio has no types for us


@contextmanager
def deterministic_scheduling(seed: int) -> Iterator[None]:
    """While this is open, `trio.run` schedules tasks in an order that follows from `seed` alone.

    The cyclic garbage collector is off meanwhile: it would finalize async generators at moments of its own. All trio
    loops of a process draw from one generator, so only one thread simulates at a time, and a simulation beside
    another trio loop that is awake is right, but not the same twice.
    """
    with _ONE_SIMULATION:
        yield from _scheduling(seed)


def _scheduling(seed: int) -> Iterator[None]:
    before = trio_run._ALLOW_DETERMINISTIC_SCHEDULING
    state = trio_run._r.getstate()
    collecting = gc.isenabled()
    trio_run._ALLOW_DETERMINISTIC_SCHEDULING = True
    trio_run._r.seed(f"{seed}:scheduler")
    gc.disable()
    try:
        yield
    finally:
        trio_run._ALLOW_DETERMINISTIC_SCHEDULING = before
        trio_run._r.setstate(state)
        if collecting:
            gc.enable()
