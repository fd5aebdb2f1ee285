"""What holds for every test: nothing is left running, and property tests are bounded by count, not by the clock."""

import gc
import os
import signal
from collections.abc import Iterator

import hypothesis
import psutil
import pytest

hypothesis.settings.register_profile("battle", deadline=None)
hypothesis.settings.load_profile("battle")

# A shell has what it starts in the background ignore SIGINT, and so would the programs that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """A test that leaves a process or a socket behind fails, whatever else it proved."""
    before = _open_sockets()
    fixtures = psutil.Process().children(recursive=True)
    yield
    children = [child for child in psutil.Process().children(recursive=True) if child not in fixtures]
    assert children == [], f"processes were left running: {children}"
    if _open_sockets() > before:
        gc.collect()  # one in a reference cycle is closed, with a warning that fails the test
    assert _open_sockets() <= before, "a socket was left open"


def _open_sockets() -> int:
    count = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            count += os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
        except FileNotFoundError:
            continue  # the descriptor of the listing itself
    return count
