"""A provider, alone or behind a link, on which transport faults act; and a client that speaks in bytes."""

from contextlib import asynccontextmanager

import trio

from battle.actors.link.server import run_link
from battle.actors.roles import LinkRole
from battle.actors.spec.endpoints import Endpoint
from battle.actors.units import ms
from battle.store.events import FaultActed
from tests.actors.provider.stage import Control, Provider, providing

SETTLE = ms(5)
"""Longer than it takes a message to arrive, in either world."""


@asynccontextmanager
async def linking(stage, upstream, name="l", address=None, ws_upstream=None, requests_per_second=0.0):
    """A link `l` at work before `upstream`, an address or an endpoint; it takes the place of a provider."""
    if not isinstance(upstream, Endpoint):
        upstream = Endpoint(upstream)
    world = stage.world(name)
    control, taken, ready = _control()
    serve = world.serve

    async def noting_serve(address, handler, task_status):
        class Status:
            def started(self, where):
                taken.append(where)
                task_status.started(where)

        await serve(address, handler, Status())

    world.serve = noting_serve
    where = address or stage.address(name)
    role = LinkRole(name, where, upstream, ws_upstream or upstream, requests_per_second)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run_link, world, role, control)
        await ready.wait()
        link = Provider(stage, world, taken[0], control)
        try:
            yield link
        finally:
            for stream in link.streams:
                stream.close()
        nursery.cancel_scope.cancel()


def _control():
    ready = trio.Event()
    return Control(ready.set), [], ready


@asynccontextmanager
async def alone(stage, **spec):
    async with providing(stage, **spec) as provider:
        yield provider


@asynccontextmanager
async def behind_a_link(stage, **spec):
    async with providing(stage, **spec) as provider, linking(stage, provider.address) as link:
        yield link


async def deliver(target, message):
    """Tell the target, and see to it that it has heard."""
    target.tell(message)
    await target.stage.sleep(SETTLE)


def actions(target):
    """What faults did there: (fault, action), at most once for each fault and connection."""
    acted = [event for event in target.log if isinstance(event, FaultActed)]
    assert len({(event.fault_id, event.connection) for event in acted}) == len(acted)
    assert {event.node for event in acted} <= {"a", "l"}
    return [(event.fault_id, event.action) for event in acted]


async def took(stage, ask):
    """How long `await ask()` took, and what it gave."""
    began_ns = stage.now_ns()
    answer = await ask()
    return stage.now_ns() - began_ns, answer
