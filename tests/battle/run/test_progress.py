"""What the progress display says of a run while its log grows, with a terminal and without one."""

import io
import os
import pty
import termios
from collections.abc import Callable
from typing import Any

import pytest

from battle.actors.units import minutes, seconds
from battle.run.progress import Progress
from battle.store.events import FaultChanged, GeneratorSampled, RunChanged
from battle.store.segment import SegmentWriter, open_segment

LOAD = seconds(38)


class Screen(io.StringIO):
    """A terminal of eighty columns, as far as the display can tell."""

    def isatty(self) -> bool:
        return True


class Stage:
    """A run whose log is written by hand, and whose clock is turned by hand: it is the display's world."""

    def __init__(self, run_dir, *, virtual: bool, load: int = LOAD, out: io.StringIO | None = None) -> None:
        self.out = out or io.StringIO()
        self._run_dir = run_dir
        self._writers: dict[str, SegmentWriter] = {}
        self._now_ns = 0
        self._due: list[tuple[int, Callable, tuple]] = []
        self.looks = 0
        self.progress = Progress(run_dir, load, virtual=virtual, out=self.out)

    def now_ns(self) -> int:
        return self._now_ns

    def call_at(self, at_ns, function, *arguments) -> None:
        self._due.append((at_ns, function, arguments))

    def writer(self, node: str) -> SegmentWriter:
        if node not in self._writers:
            self._writers[node] = SegmentWriter(open_segment(self._run_dir, node, 1))
        return self._writers[node]

    def log(self, node: str, *events) -> None:
        for event in events:
            self.writer(node).append(event)
        self.writer(node).flush()

    def sample(self, at_s: float, node: str = "load-main.0", **changes) -> None:
        counts = {"due": 50, "sent": 50, "ended": 50, "errors": 0, "dropped": 0, "in_flight": 0, "backlog": 0}
        more = {"workload": "main", "latency_p95_ns": 50_200_000, **counts, **changes}
        self.log(node, GeneratorSampled(at_ns=seconds(at_s), **more))

    def until(self, at_s: float) -> None:
        """Let the time pass, with a look at the log whenever one is due."""
        while self._due and self._due[0][0] <= seconds(at_s):
            self._now_ns, function, arguments = self._due.pop(0)
            self.looks += 1
            function(*arguments)
        self._now_ns = seconds(at_s)

    def lines(self) -> list[str]:
        return self.out.getvalue().splitlines()


def began(at_s: float = 0) -> RunChanged:
    return RunChanged(at_ns=seconds(at_s), phase="load_began")


def flap(phase: Any, at_s: float) -> FaultChanged:
    return FaultChanged(
        at_ns=seconds(at_s), fault_id="flap-a.1", kind="flap", target="a", phase=phase, parameters={}
    )


def stage(run_dir, **settings) -> Stage:
    made = Stage(run_dir, **settings)
    world: Any = made
    made.progress.watch(world)
    made.log("coordinator", began())
    return made


def test_a_simulated_run_is_told_in_virtual_time_and_up_to_when_its_load_is_known(tmp_path):
    made = stage(tmp_path, virtual=True)
    made.until(5)
    made.log("coordinator", flap("applied", 5.1))
    made.sample(8)
    made.sample(9, errors=2)
    made.until(10)
    made.log("coordinator", flap("reverted", 11))
    made.until(15)
    known = "up to 9 s  |  50/s  |  100 sent  |  2 errors  |  p95 50.2 ms"
    assert made.lines() == [
        "starting",
        "simulated    5 s of 38 s  |  no fault  |  warming up",
        f"simulated   10 s of 38 s  |  flap a  |  {known}",
        f"simulated   15 s of 38 s  |  no fault  |  {known}",
    ]


def test_a_live_run_is_told_by_the_time_that_is_left(tmp_path):
    made = stage(tmp_path, virtual=False)
    made.until(5)
    made.sample(9, latency_p95_ns=None)
    made.until(10)
    assert made.lines() == [
        "starting",
        "  33 s left  |  warming up  |  no fault",
        "  28 s left  |  50/s  |  50 sent  |  0 errors  |  no fault",
    ]


def test_of_several_workloads_the_load_is_known_as_far_as_of_each(tmp_path):
    made = stage(tmp_path, virtual=True)
    made.sample(9)
    made.sample(4, node="load-other.0", workload="other", sent=7, latency_p95_ns=90_000_000)
    made.until(10)
    assert "up to 4 s  |  57/s  |  57 sent  |  0 errors  |  p95 90.0 ms" in made.lines()[-1]


def test_a_workload_that_is_over_has_no_rate(tmp_path):
    made = stage(tmp_path, virtual=False)
    made.sample(9)
    made.sample(9, node="load-other.0", workload="other", sent=7)
    made.writer("load-main.0").close()
    made.until(10)
    assert made.lines()[-1] == "  28 s left  |  7/s  |  57 sent  |  0 errors  |  p95 50.2 ms  |  no fault"
    made.writer("load-other.0").close()
    made.until(15)
    assert made.lines()[-1] == "  23 s left  |  57 sent  |  0 errors  |  no fault"


@pytest.mark.parametrize(("virtual", "looks", "lines"), [(True, 200, 21), (False, 3600, 361)])
def test_half_an_hour_in_virtual_time_is_no_more_to_read_than_a_minute(tmp_path, virtual, looks, lines):
    made = stage(tmp_path, virtual=virtual, load=minutes(30))
    made.until(1800)
    assert made.looks == looks
    assert len(made.lines()) == lines


def test_where_nothing_changes_nothing_more_is_written(tmp_path):
    made = stage(tmp_path, virtual=True)
    made.until(600)
    assert made.lines()[-1].startswith("simulated   38 s of 38 s")
    assert len(made.lines()) == len(set(made.lines()))


def test_it_ends_with_the_load(tmp_path):
    made = stage(tmp_path, virtual=True)
    made.until(5)
    made.log("coordinator", RunChanged(at_ns=seconds(6), phase="load_ended"))
    made.until(60)
    assert made.lines()[-1].startswith("simulated    5 s of 38 s")
    assert "\x1b" not in made.out.getvalue()


def test_in_a_terminal_one_line_is_written_over_and_never_wraps(tmp_path):
    made = stage(tmp_path, virtual=True, out=Screen())
    made.sample(1, sent=5_000_000)
    made.until(10)
    made.progress.close()
    shown = made.out.getvalue().split("\r\x1b[2K")[1:]
    assert len(shown) == 21
    assert shown[-1].startswith("simulated   10 s of 38 s  |  no fault  |  up to 1 s  |  5000000/s")
    assert {len(line.rstrip("\n")) for line in shown if "up to" in line} == {79}
    assert [line.count("\n") for line in shown] == [0] * 20 + [1]


def test_a_real_terminal_is_asked_how_wide_it_is(tmp_path):
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as out, os.fdopen(ours, "rb", buffering=0) as screen:
        termios.tcsetwinsize(theirs, (24, 33))
        made = stage(tmp_path, virtual=True, out=out)
        made.sample(0.4)
        made.until(0.5)
        shown = b""
        while not shown.endswith(b"no "):
            shown += screen.read(4096)
    assert shown.decode().split("\r\x1b[2K")[-1] == "simulated    0 s of 38 s  |  no "
