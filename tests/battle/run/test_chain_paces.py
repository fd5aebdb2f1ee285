"""The paces of a chain in the log, where faults begin and end as somebody types, and when its blocks came about."""

from types import SimpleNamespace
from typing import Any

from battle.actors.spec.chain import Chain
from battle.actors.spec.faults.kinds.chain_pace import ChainHalt
from battle.actors.spec.faults.timeline import PlannedFault
from battle.actors.units import ms, seconds
from battle.run.chain_paces import TypedPaces
from battle.store.database import open_run
from battle.store.events import ChainPaced, RunChanged
from tests.battle.histories import write_run

CHAIN = Chain(block_time=seconds(1), start_height=1000)
FAULT: Any = ChainHalt()
HALT = PlannedFault("chain_halt-a.by-hand-1", FAULT.placed(0, seconds(5)), 0, seconds(5))


def typed(ends_ns):
    """The log of a halt that is typed at 3.5 s, and ended at that time."""
    now = SimpleNamespace(ns=ms(3500))
    world: Any = SimpleNamespace(log=[], now_ns=lambda: now.ns)
    paces = TypedPaces((), world, CHAIN)
    paces.begin((HALT,), now.ns)
    now.ns = ends_ns
    paces.end(HALT.fault_id)
    paces.end("kill-a.by-hand-2")
    return world.log


def test_each_change_logs_all_paces():
    paced = [(one.at_ns, one.from_ns, one.height, one.every_ns) for one in typed(ms(6500))]
    begun, ended = ms(3500), ms(6500)
    assert paced == [
        (begun, seconds(3), 1003, None),
        (begun, seconds(8), 1003, seconds(1)),
        (ended, seconds(3), 1003, None),
        (ended, seconds(6), 1003, seconds(1)),
    ]


def test_a_halt_that_is_over_before_the_next_block_is_none():
    paced = [one for one in typed(ms(3600)) if one.at_ns == ms(3600)]
    assert [(one.from_ns, one.height, one.every_ns) for one in paced] == [(seconds(3), 1003, seconds(1))]


def test_blocks_come_about_by_the_paces_that_were_logged_last(tmp_path):
    log = [*typed(ms(6500)), RunChanged(at_ns=seconds(9), phase="ended")]
    assert isinstance(log[0], ChainPaced)
    scenario = {"name": "typed", "providers": [{"type": "mock", "name": "a"}],
                "chain": {"block_time": CHAIN.block_time, "start_height": CHAIN.start_height}}  # fmt: skip
    with open_run(write_run(tmp_path / "run", {"coordinator": log}, scenario=scenario)) as run:
        mined = run.ask("SELECT number, at_ns // 1000000000 AS at_s FROM mined_blocks ORDER BY number")
    assert [tuple(row) for row in mined] == [
        (1000, 0), (1001, 1), (1002, 2), (1003, 3), (1004, 7), (1005, 8), (1006, 9),
    ]  # fmt: skip
