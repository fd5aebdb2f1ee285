"""Before, during and after faults: every moment of a run is in exactly one of them."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from battle.scenario.slo.scope import Scope
from battle.scenario.slo.windows import (
    BEGIN_NS,
    END_NS,
    FaultName,
    Window,
    fault_windows,
    merged,
    selects,
)


class Span(FaultName):
    """A fault that was applied."""

    started_ns: int
    ended_ns: int | None

    def __new__(cls, name: str, started_ns: int, ended_ns: int | None) -> "Span":
        kind, target = name.split()
        span = super().__new__(cls, f"{kind}-{target}.1", kind, target)
        span.started_ns, span.ended_ns = started_ns, ended_ns
        return span


TIMES = st.integers(0, 60)
SPANS = st.lists(
    st.builds(
        lambda name, start, length: Span(name, start, None if length is None else start + length),
        st.sampled_from(["kill a", "kill b", "degrade a"]),
        TIMES,
        st.none() | TIMES,
    ),
    max_size=5,
)


def windows(when: str, spans: list[Span], grace_ns: int = 0, fault: str | None = None) -> tuple[Window, ...]:
    return fault_windows(Scope(when=when, grace_ns=grace_ns, fault=fault), spans)


def holds(found: tuple[Window, ...], moment: int) -> bool:
    return any(begin <= moment < end for begin, end in found)


@given(SPANS.filter(bool), st.integers(0, 20), st.integers(0, 200))
def test_each_moment_is_before_during_or_after(spans: list[Span], grace: int, moment: int) -> None:
    where = [when for when in ("before", "during", "after") if holds(windows(when, spans, grace), moment)]
    began = [span for span in spans if span.started_ns <= moment]
    in_force = [span for span in began if span.ended_ns is None or moment < span.ended_ns + grace]
    # A fault that was over in the moment it began held in none.
    lasting = [span for span in spans if span.ended_ns is None or span.ended_ns + grace > span.started_ns]
    if in_force:
        assert where == ["during"]
    elif not lasting:
        assert where == []
    elif any(span in lasting for span in began):
        assert where == ["after"]
    else:
        assert where == ["before"]


@given(st.lists(st.tuples(TIMES, TIMES), max_size=8))
def test_merging_keeps_the_moments_in_the_fewest_windows(some: list[Window]) -> None:
    result = merged(some)
    assert all(holds(result, at) == holds(tuple(some), at) for at in range(62))
    assert all(one[1] < other[0] for one, other in pairwise(result))
    assert merged(result) == result


def test_without_a_fault_there_is_no_window() -> None:
    assert [windows(when, []) for when in ("before", "during", "after")] == [(), (), ()]


def test_two_faults_make_two_windows_and_the_time_between_is_after_the_first() -> None:
    spans = [Span("kill a", 10, 20), Span("kill b", 30, 40)]
    assert windows("before", spans) == ((BEGIN_NS, 10),)
    assert windows("during", spans) == ((10, 20), (30, 40))
    assert windows("after", spans) == ((20, 30), (40, END_NS))
    assert windows("during", spans, 10) == ((10, 50),)
    assert windows("after", spans, 5) == ((25, 30), (45, END_NS))


def test_a_fault_that_was_never_reverted_holds_to_the_end() -> None:
    spans = [Span("kill a", 10, None)]
    assert windows("during", spans) == ((10, END_NS),)
    assert windows("after", spans) == ()


def test_words_select_faults() -> None:
    spans = [Span("kill a", 10, 20), Span("kill b", 30, 40), Span("degrade a", 50, 60)]
    assert windows("during", spans, fault="kill a") == ((10, 20),)
    assert windows("during", spans, fault="a") == ((10, 20), (50, 60))
    assert windows("during", spans, fault="kill") == ((10, 20), (30, 40))
    assert windows("during", spans, fault="kill-b.1") == ((30, 40),)
    assert windows("during", spans, fault="kill c") == ()
    assert selects(None, spans[0])
