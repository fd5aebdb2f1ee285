"""What faults leave behind: steps that come again are a leak, what grew once is a pool."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.analysis.findings import Finding
from battle.analysis.log import Log
from battle.analysis.verdict.checkers.fault_growth import (
    ResourceNeed,
    episodes,
    steps,
    unexplained,
)
from battle.analysis.verdict.checkers.leaks import connections_leaked
from battle.scenario.slo.slo import SloSet
from battle.store.database import open_run
from battle.store.events import Event
from tests.battle.histories import (
    S,
    against,
    connection_changed,
    failed,
    fault,
    node_sample,
    phases,
    request,
    served,
    write_run,
)

TWICE_S = (5, 12)
LOAD_S = 20
DOWN_S = 2


def after(at: int, starts_s: Sequence[int] = TWICE_S) -> int:
    """How many faults there were until then."""
    return sum(at > start_s for start_s in starts_s)


def kills(
    targets: str = "aa", starts_s: Sequence[int] = TWICE_S, kinds: Sequence[str] = ("kill",)
) -> list[Event]:
    events: list[Event] = []
    for number, start_s in enumerate(starts_s):
        kind, target = kinds[number % len(kinds)], targets[number % len(targets)]
        fault_id = f"{kind}-{target}.{number + 1}"
        events += fault(fault_id, start_s * S, (start_s + DOWN_S) * S, kind=kind, target=target)
    return events


def held(
    tmp_path: Path, *events: Event, end_s: int = LOAD_S, node: str = "gateway", **levels: Callable[[int], Any]
) -> Finding:
    samples = [
        node_sample(at * S, node, **{name: level(at) for name, level in levels.items()})
        for at in range(end_s + 1)
    ]
    steady = [request(number, number * S // 10) for number in range(10 * end_s)]
    log = {"gateway": [*phases(end_ns=end_s * S), *samples, *steady, *events]}
    with open_run(write_run(tmp_path / "run", log, sealed=False, **against("command", "a", "b", "c"))) as run:
        finding = connections_leaked(Log(run), SloSet())
    assert finding is not None
    return finding


@pytest.mark.parametrize(
    ("levels", "targets", "words"),
    [
        (
            {"open_fds": lambda at: 20 + 50 * after(at)},
            "aa",
            "gateway had 20 open files before kill-a.1, 70 after it, and 120 after kill-a.2: it keeps more each time",
        ),
        (
            {"open_fds": lambda at: 20 + 50 * after(at)},
            "ab",
            "gateway had 20 open files before kill-a.1, 70 after it, and 120 after kill-b.2: it keeps more each time",
        ),
        (
            {"tasks": lambda at: 20 + 100 * after(at)},
            "aa",
            "gateway had 20 tasks before kill-a.1, 120 after it, and 220 after kill-a.2: it keeps more each time",
        ),
        (
            {"rss_bytes": lambda at: (30 + 70 * after(at)) * 10**6},
            "ab",
            "gateway had 30 MB of memory before kill-a.1, 100 after it, and 170 after kill-b.2: "
            "it keeps more each time",
        ),
        # An allocator or a timer gives some of it back.
        (
            {"open_fds": lambda at: 20 + 50 * after(at) + 9 * any(s < at <= s + DOWN_S for s in TWICE_S)},
            "aa",
            "gateway had 20 open files before kill-a.1, 70 after it, and 120 after kill-a.2: it keeps more each time",
        ),
    ],
)
def test_what_each_fault_leaves_behind_is_a_leak(
    tmp_path: Path, levels: Any, targets: str, words: str
) -> None:
    finding = held(tmp_path, *kills(targets), **levels)
    assert (finding.verdict, finding.severity, finding.ids) == ("FAIL", "harm", ("gateway",))
    assert finding.summary == words


def test_many_faults_are_counted_and_the_first_and_last_of_them_named(tmp_path: Path) -> None:
    starts_s = (5, 12, 19, 26)
    finding = held(
        tmp_path, *kills("a", starts_s), end_s=40, open_fds=lambda at: 20 + 50 * after(at, starts_s)
    )
    assert finding.summary == (
        "gateway had 20 open files before kill-a.1, 70 after it, more after each of 2 faults between, and 220 after "
        "kill-a.4: it keeps more each time"
    )


@pytest.mark.parametrize(
    ("levels", "targets"),
    [
        ({"open_fds": lambda at: 20 + 50 * (at > TWICE_S[0])}, "aa"),  # a pool that grew once
        ({"open_fds": lambda at: 20 + 40 * (at > 5) + 4 * (at > 12)}, "aa"),  # and again a little
        ({"open_fds": lambda at: 20 + 12 * after(at)}, "ab"),  # a pool for each provider that took over
        ({"open_fds": lambda at: 20 + 50 * any(s < at <= s + 3 for s in TWICE_S)}, "aa"),  # given back
        ({"open_fds": lambda at: 20 + 50 * after(at) * (at < 18)}, "aa"),  # given back later
        ({"open_fds": lambda at: 80 - 50 * any(s < at <= s + 3 for s in TWICE_S)}, "aa"),  # lost, and opened
        ({"open_fds": lambda at: 50 + 5 * at}, "aa"),  # all the time, in a load too short to judge that
        ({"open_fds": lambda at: 20 + 200 * (at > 5) + 15 * (at > 12)}, "aa"),  # hardly anything is missing
        # What the first fault needed, and gave back, the second one needs again.
        ({"open_fds": lambda at: 20 + 100 * (5 < at < 8) + 20 * (at >= 8) + 60 * (at > 12)}, "aa"),
        ({"rss_bytes": lambda at: (30 + 70 * (at > 5)) * 10**6}, "aa"),  # a cache that is filled
        ({"rss_bytes": lambda at: (30 + 20 * after(at)) * 10**6}, "ab"),  # buffers for each provider
        ({"rss_bytes": lambda at: (900 + 70 * after(at)) * 10**6}, "aa"),  # too little to matter
        ({"rss_bytes": lambda at: None}, "aa"),
    ],
)
def test_what_grows_once_or_is_given_back_is_no_leak(tmp_path: Path, levels: Any, targets: str) -> None:
    finding = held(tmp_path, *kills(targets), **levels)
    assert (finding.verdict, finding.severity) == ("PASS", None)


def test_a_large_step_at_a_single_fault_is_a_warning(tmp_path: Path) -> None:
    finding = held(tmp_path, *kills("a", (5,)), open_fds=lambda at: 20 + 100 * (at > 5))
    assert (finding.verdict, finding.severity, finding.ids) == ("PASS", "warning", ("gateway",))
    assert finding.summary == (
        "gateway had 20 open files before kill-a.1, 120 after it, and kept them: repeat the fault to see whether "
        "that is a leak or a pool"
    )


def test_memory_that_a_single_fault_took_is_noted(tmp_path: Path) -> None:
    finding = held(tmp_path, *kills("a", (5,)), rss_bytes=lambda at: (30 + 70 * (at > 5)) * 10**6)
    assert (finding.verdict, finding.severity) == ("PASS", None)
    assert finding.summary.endswith(
        "; gateway had 30 MB of memory before kill-a.1, 100 after it, and kept them: repeat the fault to see "
        "whether that is a leak or a cache"
    )


def crowd(first: int, start_s: int, count: int, took_s: float = 1.5) -> list[Event]:
    """Requests that are all on their way at once."""
    return [request(first + number, start_s * S, round(took_s * S)) for number in range(count)]


@pytest.mark.parametrize(
    "needed",
    [
        # More at once than ever before, each with a connection of the client and one to each provider.
        [*crowd(1000, 5, 20), *crowd(2000, 12, 40)],
        # Given up by clients, so that the gateway may be waiting still.
        [failed(1000 + n, (5 + 7 * (n % 2)) * S, S, outcome="unknown", failure="timeout") for n in range(40)],
        # Never answered by a provider.
        [served(n, "a", (5 + 7 * (n % 2)) * S, replied_ns=None, outcome="error") for n in range(40)],
        # WebSocket clients that were severed and came back.
        [
            connection_changed("connected", (6 + 7 * (n % 2)) * S, str(n), side="client", name="w")
            for n in range(40)
        ],
    ],
)
def test_what_clients_asked_for_explains_what_is_held(tmp_path: Path, needed: list[Event]) -> None:
    def files(at: int) -> int:
        return 20 + 50 * after(at)

    calm = held(tmp_path / "calm", *kills(), open_fds=files)
    assert calm.verdict == "FAIL"
    busy = held(tmp_path / "busy", *kills(), *needed, open_fds=files)
    assert (busy.verdict, busy.severity) == ("PASS", None)


def test_a_crowd_as_large_as_before_explains_nothing(tmp_path: Path) -> None:
    crowds = [*crowd(1000, 2, 40), *crowd(2000, 12, 40)]
    finding = held(
        tmp_path,
        *kills("aaa", (5, 12, 19)),
        *crowds,
        end_s=30,
        open_fds=lambda at: 20 + 50 * after(at, (12, 19)),
    )
    assert finding.verdict == "FAIL"


def test_faults_of_two_kinds_that_each_leave_files_are_a_leak(tmp_path: Path) -> None:
    files: dict[str, Any] = {"open_fds": lambda at: 20 + 90 * after(at)}
    finding = held(tmp_path / "1", *kills("a", kinds=("kill", "hang")), **files)
    assert finding.verdict == "FAIL"
    starts_s = (5, 12, 19, 26)  # each again, and nothing more
    finding = held(tmp_path / "2", *kills("a", starts_s, ("kill", "hang")), end_s=40, **files)
    assert finding.verdict == "PASS"


def test_what_the_bench_holds_after_faults_is_its_own(tmp_path: Path) -> None:
    finding = held(tmp_path, *kills(), node="b", open_fds=lambda at: 20 + 50 * after(at))
    assert finding.verdict == "PASS"


def test_faults_that_follow_closely_are_one(tmp_path: Path) -> None:
    close = [(0, 2 * S, "kill", "a", "1"), (3 * S, 5 * S, "kill", "a", "2"), (7 * S, 9 * S, "kill", "b", "3")]
    first, second = episodes(close)
    assert (first.fault_ids, first.to_ns, first.new) == (("1", "2"), 5 * S, True)
    assert (second.fault_ids, second.new) == (("3",), True)


# Properties: one resource of one process, `gap` seconds calm before each fault and after the last.

GAP_S = 6
LEAST, RATIO = 10, 1.5


def judged(level: Callable[[int], float], kinds: Sequence[str], targets: Sequence[str]) -> Any:
    """What the core says of a level, by the seconds of a load with a fault every 8 seconds."""
    pairs = list(zip(kinds, targets, strict=True))
    faults = episodes(
        ((GAP_S + 8 * n) * S, (GAP_S + 8 * n + DOWN_S) * S, kind, target, f"{kind}-{target}.{n}")
        for n, (kind, target) in enumerate(pairs)
    )
    samples = [(at * S, level(at)) for at in range(8 * len(pairs) + GAP_S)]
    needs = dict.fromkeys(faults, ResourceNeed(1, 1, 0, 0))
    return unexplained(
        steps(samples, faults),
        needs,
        least=LEAST,
        ratio=RATIO,
        per_need=4,
        bounded=True,
        until_ns=samples[-1][0],
    )


def begun(at: int) -> int:
    """How many of the faults had begun before a second."""
    return max(-(-(at - GAP_S) // 8), 0)


some_faults = st.lists(
    st.tuples(st.sampled_from(["kill", "hang"]), st.sampled_from("ab")), min_size=2, max_size=8
)


@given(
    some_faults,
    st.lists(st.integers(45, 200), min_size=8, max_size=8),
    st.lists(st.integers(0, 20), min_size=80, max_size=80),
)
def test_steps_at_each_fault_always_alarm(
    faults: list[tuple[str, str]], sizes: list[int], peaks: list[int]
) -> None:
    """Whatever faults need beside it while they hold."""
    kinds, targets = zip(*faults, strict=True)

    def level(at: int) -> float:
        held = at > GAP_S and 0 < (at - GAP_S) % 8 <= DOWN_S
        return 20 + sum(sizes[: begun(at)]) + (peaks[at] if held else 0) % (min(sizes) // 4)

    found = judged(level, kinds, targets)
    assert found is not None
    assert found.repeated


@given(
    some_faults,
    st.lists(st.integers(0, 300), min_size=80, max_size=80),
    st.integers(1, 300),
    st.integers(0, 80),
)
def test_a_plateau_is_never_a_leak(
    faults: list[tuple[str, str]], growth: list[int], top: int, full: int
) -> None:
    """A level that grows by whatever steps and stays at its top is reached once: a single step at most."""
    kinds, targets = zip(*faults, strict=True)
    once = judged(lambda at: 20 + top * (at > full), kinds, targets)
    assert once is None or not once.repeated
    early = judged(
        lambda at: 20 + min(sum(growth[: at + 1]), top) if at < GAP_S else 20 + top, kinds, targets
    )
    assert early is None


@given(some_faults, st.lists(st.integers(20, 300), min_size=80, max_size=80))
def test_what_comes_back_to_its_first_level_is_never_a_leak(
    faults: list[tuple[str, str]], levels: list[int]
) -> None:
    kinds, targets = zip(*faults, strict=True)
    last = 8 * len(faults) + GAP_S - 1
    assert judged(lambda at: 20 if at == last else levels[at], kinds, targets) is None
