"""What holds for every test: nothing is left running, and property tests are bounded by count, not by the clock."""

import gc
import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress

import hypothesis
import psutil
import pytest

# Of 47 slips put into cores (restart, timeline, breaker, toxics, chain) the properties found 33 within 100 examples:
# 32 by the 20th, the last by the 27th; most others were in constants. The night looks for what is rarer.
hypothesis.settings.register_profile("quick", deadline=None, max_examples=20)
hypothesis.settings.register_profile("battle", deadline=None, max_examples=30)
hypothesis.settings.register_profile("night", deadline=None, max_examples=500)
hypothesis.settings.load_profile("battle")

# A shell has what it starts in the background ignore SIGINT, and nohup SIGHUP; so would the programs that tests end.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


WHOLE = {"golden_run", "open_history", "open_run", "run_scenario", "subprocess", "write_run"}
"""Names by which a module of tests plays battles, writes or reads logs, or starts programs."""

WHOLE_FOLDERS = {"browser", "docs", "fuzz"}
"""Folders of which all tests take that long."""

THOROUGH_FOLDERS = {"baselines", "charts", "cli", "explain", "pytest_plugin", "queries", "reports"}
"""Folders whose `whole` tests are in `make test-all` alone: what is shown of a log that is judged right.

`make test` has those of the judgement itself, of the log, and of the actors.
"""

THOROUGH = {
    "test_database",
    "test_dry_run",
    "test_fuzz",
    "test_generated_pages",
    "test_library_page",
    "test_own_checkers",
    "test_pytest_page",
    "test_queries",
    "test_sandbox",
    "test_seal",
    "test_slo_page",
    "test_tutorial",
}
"""Modules of other folders of which that holds as well."""

KEPT = {
    "test_determinism",
    "test_secrets",
    "test_signals",
    "test_verdicts",
}
"""Whole battles that `make test` plays: each verdict, one log for one seed, and how a run is ended.

What the others show is shown by the tests of its parts too: they run in `make test-all`.
"""


LIVE_TWIN = re.compile(r"[\[-]live[\]-]")
"""In the name of a test that runs in both worlds: its simulated twin is run by day.

A live one that is `alone` is for the night: these are many, take long, and meet the same code."""


LIVE_FOLDERS = {"actors", "browser", "end_to_end"}
"""Where `make test` looks for live tests: it need not read the others a second and a third time."""


def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """The marks that follow from where a test is, and from what it uses."""
    for item in items:
        parts, stem = item.path.parts, item.path.stem
        if "end_to_end" in parts:
            item.add_marker("whole")
            item.add_marker("alone")  # a live run that is late proves nothing
            if stem not in KEPT:
                item.add_marker("thorough")
        elif not WHOLE_FOLDERS.isdisjoint(parts) or not WHOLE.isdisjoint(vars(item.module)):
            item.add_marker("whole")
        if item.get_closest_marker("whole") and (not THOROUGH_FOLDERS.isdisjoint(parts) or stem in THOROUGH):
            item.add_marker("thorough")
        if item.get_closest_marker("alone") and LIVE_TWIN.search(item.name) and stem != "test_verdicts":
            item.add_marker("slow")
        elsewhere = item.get_closest_marker("live") and LIVE_FOLDERS.isdisjoint(parts)
        if elsewhere and not (item.get_closest_marker("thorough") or item.get_closest_marker("slow")):
            raise pytest.UsageError(f"make test does not look there for live tests: {item.nodeid}")


RECURSION_LIMIT = sys.getrecursionlimit()


def pytest_collection_finish() -> None:
    """The collected tests are no garbage; otherwise each simulated run, which collects it, would search them all.

    A library that a test imports raises the limit of recursion for the whole process (py_ecc): input that is nested
    too deeply would then end it.
    """
    sys.setrecursionlimit(RECURSION_LIMIT)
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    gc.unfreeze()  # DuckDB would tell of all that is not freed at the end


CI_VARIABLES = re.compile(r"CI|(?:CI|GITHUB|GITLAB|RUNNER|ACTIONS)_\w+")
"""What a CI service sets. Our own tests run in CI as well, and must not write into its summary or annotate."""


@pytest.fixture(autouse=True, scope="session")
def no_ci() -> Iterator[None]:
    """No test, and no program that one starts, sees the CI service that runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if CI_VARIABLES.fullmatch(name)]:
            patch.delenv(name)
        yield


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
