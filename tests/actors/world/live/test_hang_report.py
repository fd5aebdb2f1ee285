"""A node that hangs in the author's generator: the generator is named."""

import os
import time
from pathlib import Path

import pytest
import trio

from battle.actors.roles import Begin, NodeSpec, WorkloadRole
from battle.actors.spec.chain import Chain
from battle.actors.spec.endpoints import Endpoint
from battle.actors.spec.workloads import HttpConstant
from battle.actors.units import seconds
from battle.actors.world.live.hang_report import hangs_in
from battle.actors.world.live.run import run_live
from tests.actors.world.nodes import Running

DUMP = """something else
Current thread 0x00007f1 (most recent call first):
  File "/there/lib/helper.py", line 9 in work
  File "/there/slow.py", line 5 in ask
  File "/x/actors/workload/requests/author_generator.py", line 70 in question
  File "/x/actors/workload/requests/call_source.py", line 61 in ask
"""


@pytest.mark.parametrize(
    ("printed", "here", "said"),
    [
        (DUMP.replace('  File "/there/lib/helper.py", line 9 in work\n', ""), "/there", "ask at slow.py:5"),
        (
            DUMP.replace('  File "/there/lib/helper.py", line 9 in work\n', ""),
            "/else",
            "ask at /there/slow.py:5",
        ),
        (DUMP, "/there", "ask at slow.py:5"),
    ],
)
def test_the_generator_is_named(printed, here, said):
    assert hangs_in(printed, Path(here)) == f": it was in the scenario's generator {said}"


@pytest.mark.parametrize(
    "printed", ["", "x", DUMP.replace("author_generator", "other"), DUMP.partition("Current")[0]]
)
def test_a_node_that_hangs_elsewhere_has_no_generator_to_name(printed):
    assert hangs_in(printed, Path("/there")) == ""


def slow(number, rng):
    if number:
        time.sleep(60)
    return "eth_chainId", []


@pytest.mark.live
def test_a_node_that_is_ended_for_a_call_of_the_authors_generator_names_it(tmp_path, monkeypatch):
    monkeypatch.setattr("battle.actors.world.live.cluster.HANG_SECONDS", 2.0)
    spec = HttpConstant(generator=f"{os.path.relpath(__file__)}:slow", rate=100, duration=seconds(1))
    role = WorkloadRole(spec, index=0, shard=0, endpoint=Endpoint("127.0.0.1:1"), seed=1, chain=Chain())

    async def main(cluster):
        with trio.fail_after(30):
            async with trio.open_nursery() as nursery:
                running = await Running(cluster, "load", 1, NodeSpec(role)).start(nursery)
                running.tell(Begin(cluster.world.now_ns()))
                await running.ended.wait()
                return running.exit

    exit = run_live(main, run_dir=tmp_path, seed=1, module="battle.actors.node")
    assert exit.how == "hung"
    assert exit.reason.startswith("no heartbeat for 2 s: it was in the scenario's generator slow at ")
    assert os.path.relpath(__file__) in exit.reason
