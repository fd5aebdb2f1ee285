"""The load generator: sends what is due when it is due, whatever becomes of the requests before."""

from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from itertools import count
from typing import Protocol

import trio
from msgspec.structs import replace

from battle.actors import rng
from battle.actors.chain.model import ChainModel, model_of
from battle.actors.roles import ApplyFault, Begin, RevertFault, WorkloadRole
from battle.actors.spec.workloads import HttpSessions, HttpUsers, OpenLoop, Replay, WsRequests, WsSubscribe
from battle.actors.units import ms, seconds
from battle.actors.wire.faults.node_faults import TransportFaults
from battle.actors.wire.http.messages import HttpResponse
from battle.actors.workload.http.batch import BatchBuilder, BatchReader, TraceBuilder
from battle.actors.workload.http.pool import ConnectionPool
from battle.actors.workload.requests.call_source import call_source, uses_chain_model
from battle.actors.workload.requests.call_times import CallTimes
from battle.actors.workload.requests.outcome import UNSENT, AnswerReader
from battle.actors.workload.requests.pacer import Build, Pacer, Users, user_changes
from battle.actors.workload.requests.request import CallBuilder, Request, RequestBuilder
from battle.actors.workload.requests.schedule import resumed, schedule_of, sharded
from battle.actors.workload.requests.trace import Trace, read_trace
from battle.actors.workload.requests.tracker import RequestTracker
from battle.actors.workload.sessions.choice import new_script
from battle.actors.workload.sessions.driver import Sessions
from battle.actors.workload.slow_reading import SlowReaders
from battle.actors.workload.ws.pool import WsPool, abandon
from battle.actors.workload.ws.subscription_load import SubscriptionLoad
from battle.actors.world.interfaces import Connect, Control, Timer, World

SAMPLE_INTERVAL = seconds(1)

OPENED_BEFORE = ms(100)
"""So long before its first request a workload opens its WebSockets: as long as one at the start of a run has."""


async def run_workload(world: World, role: WorkloadRole, control: Control) -> None:
    """Be one shard of a workload: wait for `Begin`, send every request when it is due, see each to its end.

    The workload's own time zero is its `at` after that of `Begin`.
    When the role `may_be_parted`, it takes `ApplyFault` and `RevertFault` of partitions from the control channel, as
    this side sees them; without that its connections are the world's own, and no request pays for it.
    No HTTP connection is opened before a request needs it; WebSockets for requests are opened on `Begin`, or
    `OPENED_BEFORE` a workload that begins later. What was due before `Begin` arrived is not sent; it counts as
    dropped, from `Begin.away_since_ns` on. Logs a
    `RequestEnded` for each request and a `GeneratorSampled` for each second, the last one cut short; for
    WebSockets, `SubscriptionChanged` and `NotificationReceived` (`ws.tally` says what is sampled of
    subscribers). When cancelled, requests under way are logged with failure `interrupted`: outcome `unknown` if
    they had left, else `error`; subscriptions and connections end in the log with that detail.

    Raises:
        TraceError, GeneratorError: the trace or the generator of the workload is no longer what it was when
            the scenario was checked.
    """
    spec = role.spec
    faults = TransportFaults(world) if role.may_be_parted else None
    connect: Connect | None = None if faults is None else faults.connect
    slow = None
    if spec.read_rate is not None or spec.receive_buffer is not None:
        slow = SlowReaders(world, spec, connect or world.connect)
        connect = slow.connect
    load = (
        SubscriptionLoad(world, role, spec, connect, slow.hurry if slow else None)
        if isinstance(spec, WsSubscribe)
        else _Load(world, role, connect)
    )
    control.ready()
    begin = await _begin(control, faults)
    if begin is None:
        return
    began_ns = begin.at_ns
    begin = replace(begin, at_ns=began_ns + spec.at)
    async with trio.open_nursery() as nursery:
        if faults is not None:
            nursery.start_soon(_apply_faults, control, faults)
        with sampling(world, load, began_ns), sampling(world, slow, began_ns) if slow else nullcontext():
            await load.run(begin)
        nursery.cancel_scope.cancel()


async def _begin(control: Control, faults: TransportFaults | None) -> Begin | None:
    """The word that the load begins; None when it will never come."""
    async for message in control.inbox:
        if isinstance(message, Begin):
            return message
        if faults is not None:
            faults.take(message)
    return None


async def _apply_faults(control: Control, faults: TransportFaults) -> None:
    """Take the faults that come while the load goes on."""
    async for message in control.inbox:
        if isinstance(message, ApplyFault | RevertFault):
            faults.take(message)


class _Load:
    def __init__(self, world: World, role: WorkloadRole, connect: Connect | None) -> None:
        model = self._model = model_of(role.chain, world.shared_lines, role.history, "workloads")
        model.clock.ahead_blocks = role.ahead_blocks
        self._world = world
        self._role = role
        self._connect = connect
        self._trace = read_trace(role.spec.path) if isinstance(role.spec, Replay) else None
        self._call_times = CallTimes(world.now_ns)
        self._sessions: Sessions | None = None
        if not isinstance(role.spec, HttpSessions):
            self._build = _builder(role, model, self._trace, self._call_times)
        in_batches = _calls(role) > 1 or (self._trace is not None and bool(self._trace.batches))
        self._reader = (BatchReader if in_batches else AnswerReader)(role, model)
        self._ending = self._reader.ending
        self._tracker = RequestTracker(
            world,
            role.spec.name or f"workload-{role.index}",
            role.spec.timeout,
            closed_loop=isinstance(role.spec, HttpUsers),
            abandon=abandon if isinstance(role.spec, WsRequests) else None,
            provider_header=role.provider_header,
        )
        if isinstance(role.spec, HttpSessions):
            scripts = new_script(role, role.spec, self._call_times)
            self._sessions = Sessions(world, role, role.spec, scripts, self._submit, self._call_times)
            self._tracker.on_end = self._sessions.ended
        self._pool: ConnectionPool | WsPool | None = None

    async def run(self, begin: Begin) -> None:
        self._model.clock.follow(begin.paces)
        if isinstance(self._role.spec, WsRequests) and self._role.spec.at:
            await self._world.sleep_until(begin.at_ns - OPENED_BEFORE)
        async with trio.open_nursery() as nursery:
            pool = self._pool = self._new_pool(nursery)
            with closing(pool):
                await self._send_all(begin)
                await self._tracker.wait_until_all_ended()
                if isinstance(pool, WsPool):
                    await pool.finish()
            nursery.cancel_scope.cancel()

    async def _send_all(self, begin: Begin) -> None:
        spec = self._role.spec
        assert not isinstance(spec, WsSubscribe)
        if isinstance(spec, HttpUsers):
            await self._serve_users(spec, begin)
            return
        arrivals = self._arrivals(spec, begin)
        if isinstance(spec, HttpSessions):
            assert self._sessions is not None
            await self._sessions.run(arrivals, self._submit_in_time, begin.at_ns + spec.duration)
        else:
            await Pacer(self._world, arrivals, self._build, self._submit_in_time).run()

    def sample(self) -> None:
        """As `Sampled.sample`; and what held requests up in that second."""
        self._tracker.sample()
        self._log_waits()

    def close(self) -> None:
        """As `Sampled.close`."""
        self._log_waits()
        self._tracker.close()
        if self._sessions is not None:
            self._sessions.close()

    def _log_waits(self) -> None:
        if self._pool is not None:
            self._pool.log_limits()
        slow = self._call_times.taken(self._world.node)
        if slow is not None:
            self._world.log.append(slow)

    def _new_pool(self, nursery: trio.Nursery) -> ConnectionPool | WsPool:
        role = self._role
        assert not isinstance(role.spec, WsSubscribe)
        if isinstance(role.spec, WsRequests):
            return WsPool(self._world, nursery, self._tracker, self._reader, role, role.spec, self._connect)
        return ConnectionPool(
            self._world,
            nursery,
            self._tracker,
            self._on_response if self._sessions is None else self._on_answer,
            endpoint=role.endpoint,
            max_connections=role.spec.connection_limit,
            connect_timeout=role.spec.timeout,
            connect=self._connect,
        )

    def _submit(self, request: Request) -> None:
        assert self._pool is not None
        self._tracker.due(request)
        self._pool.submit(request)

    def _submit_in_time(self, request: Request, now_ns: int) -> None:
        assert self._pool is not None
        self._tracker.due(request)
        if self._tracker.is_too_late(request, now_ns):  # this node itself was frozen for so long
            self._tracker.end(request, UNSENT, now_ns)
        else:
            self._pool.submit(request)

    def _on_response(self, request: Request, response: HttpResponse, ended_ns: int) -> None:
        self._tracker.end(request, self._ending(request, response, ended_ns), ended_ns, response)

    def _on_answer(self, request: Request, response: HttpResponse, ended_ns: int) -> None:
        """A response to a request of a session, which needs what is in it."""
        assert self._sessions is not None
        self._sessions.answered(request, response)
        self._on_response(request, response, ended_ns)

    def _arrivals(self, spec: OpenLoop, begin: Begin) -> Iterator[tuple[int, int]]:
        """What is left to begin, by number, and when each is due."""
        seed = rng.stream(self._role.seed, f"arrivals:{self._role.index}").getrandbits(64)
        dealt = sharded(schedule_of(spec, seed, self._trace), self._role.shard, spec.shards)
        absolute = ((number, begin.at_ns + offset_ns) for number, offset_ns in dealt)
        away_since_ns = begin.at_ns if begin.away_since_ns is None else begin.away_since_ns
        arrivals, missed = resumed(absolute, away_since_ns, self._world.now_ns())
        self._tracker.missed(missed)
        return arrivals

    async def _serve_users(self, spec: HttpUsers, begin: Begin) -> None:
        # A predecessor sent fewer requests than there were microseconds: no number is used twice.
        first = max(self._world.now_ns() - begin.at_ns, 0) // 1000 * spec.shards
        await self._world.sleep_until(begin.at_ns)
        users = Users(
            self._world,
            count(first + self._role.shard, spec.shards),
            self._build,
            self._submit,
            users=spec.users,
            end_ns=begin.at_ns + spec.length,
            think_time=spec.think_time,
            draws=rng.Draws(self._role.seed, f"users:{self._role.index}"),
            changes=((begin.at_ns + at, users) for at, users in user_changes(spec.users, spec.stages)),
            shard=self._role.shard,
            shards=spec.shards,
        )
        self._tracker.on_end = users.ask_again
        await users.run()


def _builder(role: WorkloadRole, model: ChainModel, trace: Trace | None, times: CallTimes) -> Build:
    """The shortest way that will do: most workloads are single calls about the chain."""
    if trace is not None:
        return TraceBuilder(role, trace).build
    if _calls(role) > 1:
        return BatchBuilder(role, call_source(role, model, times), _calls(role)).build
    if not uses_chain_model(role):
        return CallBuilder(role, call_source(role, model, times)).build
    return RequestBuilder(role, model).build


def _calls(role: WorkloadRole) -> int:
    """How many calls a request carries."""
    spec = role.spec
    return 1 if isinstance(spec, Replay | HttpSessions | WsRequests | WsSubscribe) else spec.batch


class Sampled(Protocol):
    """What keeps the count of a workload."""

    def sample(self) -> None:
        """Write down the second that has passed and begin a new one."""

    def close(self) -> None:
        """Whatever is open is interrupted, and the last second written. Does not wait."""


@contextmanager
def sampling(world: World, workload: Sampled, began_ns: int) -> Iterator[None]:
    """A sample at each whole second of the load; and whatever happens, all is in the log at the end."""
    passed = max(world.now_ns() - began_ns, 0) // SAMPLE_INTERVAL
    timer: Timer

    def arm(second: int) -> None:
        nonlocal timer
        timer = world.call_at(began_ns + second * SAMPLE_INTERVAL, sample, second)

    def sample(second: int) -> None:
        workload.sample()
        arm(second + 1)

    arm(passed + 1)
    try:
        yield
    finally:
        timer.cancel()
        workload.close()
