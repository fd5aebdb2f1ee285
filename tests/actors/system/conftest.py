"""Children that follow a script, and a journal of what became of them in virtual time."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
import trio.testing

from battle.actors.system import ActorContext, ChildSpec, Induced, LifecycleChange

Life = Callable[[ActorContext], Awaitable[None]]

END_OF_TEST_S = 3600
"""Virtual seconds after which a test that hangs fails instead of spinning."""


class Journal:
    """Makes scripted children, and notes what they and their supervisors did, and when."""

    def __init__(self) -> None:
        self.changes: list[LifecycleChange] = []
        self.times: list[float] = []
        self.alive: list[str] = []

    def on_change(self, change: LifecycleChange) -> None:
        self.changes.append(change)
        self.times.append(round(trio.current_time(), 6))

    def said(self, *only: str) -> list[str]:
        """What was reported, as "actor change"; of all kinds of change, or of some."""
        return [f"{c.actor} {c.change}" for c in self.changes if not only or c.change in only]

    def when(self, actor: str, change: str) -> list[float]:
        return [
            at
            for at, c in zip(self.times, self.changes, strict=True)
            if (c.actor, c.change) == (actor, change)
        ]

    def reasons(self, actor: str, change: str) -> list[str | None]:
        return [c.reason for c in self.changes if (c.actor, c.change) == (actor, change)]

    def child(self, name: str, *lives: Life, **spec: Any) -> ChildSpec:
        """A child whose incarnations follow `lives` one after the other, the last of them for ever."""

        async def start(ctx: ActorContext) -> None:
            self.alive.append(name)
            try:
                await lives[min(ctx.incarnation, len(lives)) - 1](ctx)
            finally:
                self.alive.remove(name)

        return ChildSpec(name, start, **spec)

    @staticmethod
    async def steady(ctx: ActorContext) -> None:
        ctx.started()
        await ctx.stopping.wait()

    @staticmethod
    async def stubborn(ctx: ActorContext) -> None:
        ctx.started()
        await trio.sleep_forever()

    @staticmethod
    def ends(after: float = 0) -> Life:
        async def life(ctx: ActorContext) -> None:
            ctx.started()
            await trio.sleep(after)

        return life

    @staticmethod
    def raises(error: Exception, after: float = 0) -> Life:
        async def life(ctx: ActorContext) -> None:
            ctx.started()
            await trio.sleep(after)
            raise error

        return life

    @classmethod
    def crashes(cls, after: float = 0) -> Life:
        return cls.raises(ValueError("boom"), after)

    @classmethod
    def killed(cls, after: float = 0) -> Life:
        return cls.raises(Induced("fault f1"), after)

    @staticmethod
    def slow_to_start(seconds: float) -> Life:
        async def life(ctx: ActorContext) -> None:
            await trio.sleep(seconds)
            ctx.started()
            await ctx.stopping.wait()

        return life

    @staticmethod
    async def fails_to_start(ctx: ActorContext) -> None:
        raise OSError("address in use")


@pytest.fixture
def journal() -> Journal:
    return Journal()


@pytest.fixture
def run() -> Callable[..., Any]:
    """Runs an async function in virtual time, which begins at 0 and does not wait."""

    async def bounded(fn: Callable[..., Awaitable[Any]], args: tuple[Any, ...]) -> Any:
        with trio.fail_after(END_OF_TEST_S):
            return await fn(*args)

    def run(fn: Callable[..., Awaitable[Any]], *args: Any) -> Any:
        return trio.run(bounded, fn, args, clock=trio.testing.MockClock(autojump_threshold=0))

    return run
