"""Two attempts in a race: the second starts only when the first is slow."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias, TypeVar

import trio

from actors.units import Duration

T = TypeVar("T")

Runner: TypeAlias = Callable[[], Awaitable[T]]


async def race(
    first: Runner[T], second: Callable[[], Runner[T] | None], after: Duration, won: Callable[[T], bool]
) -> T:
    """Run `first`, and what `second` gives when `first` has not ended `after` that time.

    The first result that has `won` is returned, and the other runner is cancelled. When none has, the last
    one is returned. `second` may give None: then there is no race.
    """
    results: list[T] = []
    ended = trio.Event()
    async with trio.open_nursery() as nursery:

        async def run(runner: Runner[T]) -> None:
            result = await runner()
            results.append(result)
            ended.set()
            if won(result):
                nursery.cancel_scope.cancel()

        nursery.start_soon(run, first)
        with trio.move_on_after(after / 1e9):
            await ended.wait()
        if not results and (runner := second()) is not None:
            nursery.start_soon(run, runner)
    return next((result for result in results if won(result)), results[-1])
