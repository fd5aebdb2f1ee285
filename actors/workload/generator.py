"""The load generator: sends what is due when it is due, whatever becomes of the requests before."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import trio

from actors.chain.model import ChainModel
from actors.units import ms, seconds
from actors.wire.http import HttpResponse
from actors.workload.answer import UNSENT, AnswerReader, Ending
from actors.workload.ledger import Ledger
from actors.workload.pool import ConnectionPool
from actors.workload.request import Request, RequestBuilder
from actors.workload.schedule import resumed, schedule_of, sharded
from actors.workload.spec import Begin, HttpConstant, HttpPoisson, HttpUsers, WorkloadRole
from actors.world.control import Control
from actors.world.seam import World

_BURST_REQUESTS = 64
"""Sent without a pause when many are due: then the answers get their turn."""

_SAMPLE_INTERVAL = seconds(1)

_BROKEN_PAUSE = ms(10)
"""How long a caller whose connection broke waits, so that a dead server does not make a closed loop spin."""
_BROKEN = frozenset({"refused", "reset", "closed", "protocol", "unsent"})


async def run_workload(world: World, role: WorkloadRole, control: Control) -> None:
    """Be one shard of a workload: wait for `Begin`, send every request when it is due, see each to its end.

    No connection is opened before a request needs it. What was due before `Begin` arrived is not sent; it
    counts as dropped, from `Begin.away_since_ns` on. Logs a `RequestEnded` for each request and a
    `GeneratorSampled` for each second, the last one cut short. When cancelled, requests under way are
    logged with failure `interrupted`: outcome `unknown` if they had left, else `error`.
    """
    load = _Load(world, role)
    control.ready()
    async for message in control.inbox:
        if isinstance(message, Begin):
            await load.run(message)
            return


class _Load:
    def __init__(self, world: World, role: WorkloadRole) -> None:
        model = ChainModel(role.chain)
        self._world = world
        self._role = role
        self._builder = RequestBuilder(role, model, world.draws(f"workload:{role.index}"))
        self._reader = AnswerReader(role, model)
        self._ledger = Ledger(
            world,
            role.spec.name or f"workload-{role.index}",
            role.spec.timeout,
            closed_loop=isinstance(role.spec, HttpUsers),
        )
        self._pool: ConnectionPool

    async def run(self, begin: Begin) -> None:
        with self._accounted(begin):
            async with trio.open_nursery() as nursery:
                self._pool = self._new_pool(nursery)
                if isinstance(self._role.spec, HttpUsers):
                    await self._serve_users(self._role.spec, begin)
                else:
                    await self._follow_schedule(self._role.spec, begin)
                await self._ledger.wait_until_all_ended()
                nursery.cancel_scope.cancel()

    def _new_pool(self, nursery: trio.Nursery) -> ConnectionPool:
        role = self._role
        return ConnectionPool(
            self._world,
            nursery,
            self._ledger,
            self._on_response,
            target=role.target,
            max_connections=role.spec.max_connections,
            connect_timeout=role.spec.timeout,
        )

    @contextmanager
    def _accounted(self, begin: Begin) -> Iterator[None]:
        """A sample each whole second of the load; and whatever happens, all is in the log at the end."""
        since_ns = max(self._world.now_ns() - begin.at_ns, 0)
        next_ns = begin.at_ns + (since_ns // _SAMPLE_INTERVAL + 1) * _SAMPLE_INTERVAL

        def sample(at_ns: int) -> None:
            nonlocal timer
            self._ledger.sample()
            timer = self._world.call_at(at_ns + _SAMPLE_INTERVAL, sample, at_ns + _SAMPLE_INTERVAL)

        timer = self._world.call_at(next_ns, sample, next_ns)
        try:
            yield
        finally:
            timer.cancel()
            self._ledger.close()

    def _on_response(self, request: Request, response: HttpResponse, ended_ns: int) -> None:
        self._ledger.end(request, self._reader.ending(request, response, ended_ns), ended_ns, response)

    def _submit(self, request: Request) -> None:
        self._ledger.due(request)
        self._pool.submit(request)

    # Open loop.

    def _arrivals(self, spec: HttpConstant | HttpPoisson, begin: Begin) -> Iterator[tuple[int, int]]:
        """(number, due time since the run's epoch) of all that this node still has to send."""
        seed = self._world.rng(f"arrivals:{self._role.index}").getrandbits(64)
        dealt = sharded(schedule_of(spec, seed), self._role.shard, spec.shards)
        absolute = ((number, begin.at_ns + offset_ns) for number, offset_ns in dealt)
        away_since_ns = begin.at_ns if begin.away_since_ns is None else begin.away_since_ns
        arrivals, missed = resumed(absolute, away_since_ns, self._world.now_ns())
        self._ledger.second.due += missed
        self._ledger.second.dropped += missed
        return arrivals

    async def _follow_schedule(self, spec: HttpConstant | HttpPoisson, begin: Begin) -> None:
        """The pacer. It builds each request before it is due, and never waits for anything but time."""
        world, ledger = self._world, self._ledger
        now_ns = world.now_ns()
        burst = 0
        for number, due_ns in self._arrivals(spec, begin):
            request = self._builder.build(number, due_ns)
            if due_ns > now_ns and due_ns > (now_ns := world.now_ns()):
                await world.sleep_until(due_ns)
                now_ns = world.now_ns()
                burst = 0
            ledger.due(request)
            if ledger.is_too_late(request, now_ns):  # this node itself was frozen for so long
                ledger.end(request, UNSENT, now_ns)
            else:
                self._pool.submit(request)
            burst += 1
            if burst >= _BURST_REQUESTS:
                await trio.lowlevel.checkpoint()
                burst = 0

    # Closed loop.

    async def _serve_users(self, spec: HttpUsers, begin: Begin) -> None:
        world = self._world
        end_ns = begin.at_ns + spec.duration
        # A predecessor sent fewer requests than there were microseconds: no number is used twice.
        numbers = count(max(world.now_ns() - begin.at_ns, 0) // 1000)
        await world.sleep_until(begin.at_ns)

        def ask() -> None:
            now_ns = world.now_ns()
            if now_ns < end_ns:
                self._submit(self._builder.build(next(numbers), now_ns))

        def ask_again(ending: Ending) -> None:
            if ending.failure in _BROKEN:
                world.call_at(world.now_ns() + _BROKEN_PAUSE, ask)
            else:
                ask()

        self._ledger.on_end = ask_again
        for _ in range(spec.users):
            ask()
        await world.sleep_until(end_ns)
