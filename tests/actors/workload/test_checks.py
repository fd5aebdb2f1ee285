"""What is wrong with a workload beyond its fields is told after what is wrong with them."""

from pathlib import Path

import pytest

from battle.actors.spec.workloads import HttpConstant, LogFilter, Replay, WsSubscribe
from battle.actors.units import seconds
from battle.actors.workload.checks import duration_of, workload_problems

TOPIC = "0x" + "ab" * 32


@pytest.mark.parametrize(
    ("wanted", "where"),
    [
        (LogFilter("0x12"), "0.address"),
        (LogFilter(("0x" + "11" * 20, "0x12")), "0.address"),
        (LogFilter(topics=("0x12",)), "0.topics"),
        (LogFilter(topics=(None,) * 5), "0.topics"),
    ],
)
def test_a_filter_that_is_none_is_one_sentence(wanted: LogFilter, where: str) -> None:
    kinds = ("newHeads", LogFilter(topics=(None, (TOPIC, TOPIC))), wanted)
    (problem,) = workload_problems(WsSubscribe(connections=1, duration=seconds(5), kinds=kinds))
    assert problem.startswith(f"a log filter has a mistake: invalid argument {where}")


def test_the_fields_are_told_first() -> None:
    fields, trace = workload_problems(Replay("nowhere", speed=0))
    assert (fields[:5], trace[:13]) == ("speed", "trace nowhere")
    fields, generator = workload_problems(HttpConstant(generator="nothing", rate=0, duration=seconds(1)))
    assert (fields[:4], generator[:9]) == ("rate", "generator")


def test_a_generator_beside_a_method_is_not_tried() -> None:
    (problem,) = workload_problems(HttpConstant("m", generator="nothing", rate=1, duration=seconds(1)))
    assert problem == "give either a method or a generator, not both"


def test_every_workload_has_a_duration(tmp_path: Path) -> None:
    trace = tmp_path / "t.jsonl"
    trace.write_text('{"at_ns": 10, "method": "m"}\n')
    assert duration_of(Replay(str(trace), speed=2.0)) == 6
    assert duration_of(HttpConstant("m", rate=1, duration=seconds(3))) == seconds(3)
