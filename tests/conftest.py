"""What holds for every test: nothing is left running, and property tests are bounded by count, not by the clock."""

import gc
import os
import signal
from collections.abc import Iterator
from contextlib import suppress

import hypothesis
import psutil
import pytest

hypothesis.settings.register_profile("battle", deadline=None)
hypothesis.settings.load_profile("battle")

# A shell has what it starts in the background ignore SIGINT, and so would the programs that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """The collected tests are no garbage; otherwise each simulated run, which collects it, would search them all."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """A test that leaves a process or a socket behind fails, whatever else it proved."""
    before = _open_sockets()
    fixtures = _children()
    yield
    left = _children() - fixtures
    assert left == set(), f"processes were left running: {[psutil.Process(pid) for pid in left]}"
    if _open_sockets() > before:
        gc.collect()  # one in a reference cycle is closed, with a warning that fails the test
    assert _open_sockets() <= before, "a socket was left open"


def _children() -> set[int]:
    """Processes that this one started, by the kernel's own list: psutil would read all processes of the machine."""
    pids: set[int] = set()
    for thread in os.listdir("/proc/self/task"):
        # A thread that has ended left its children to another one.
        with suppress(FileNotFoundError), open(f"/proc/self/task/{thread}/children") as listed:
            pids.update(map(int, listed.read().split()))
    return pids


def _open_sockets() -> int:
    count = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            count += os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
        except FileNotFoundError:
            continue  # the descriptor of the listing itself
    return count
