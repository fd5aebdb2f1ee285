"""Each moment of a request is put down to one thing, whatever happened: the shares are the whole time."""

from hypothesis import given
from hypothesis import strategies as st

from battle.analysis.explain.lines import WIDTH, story_lines
from battle.analysis.explain.story import story_of
from tests.battle.analysis.explain.rows import history
from tests.battle.histories import request, served, tried

MOMENTS = st.integers(0, 3_000)
SPANS = st.tuples(MOMENTS, st.integers(0, 2_000))
PROVIDERS = st.sampled_from("abc")


@st.composite
def attempts(draw):
    provider, (at_ns, took_ns) = draw(PROVIDERS), draw(SPANS)
    outcome = draw(st.sampled_from(["ok", "error", "unknown"]))
    number = draw(st.integers(1, 4))
    return tried(1, provider, at_ns, at_ns + took_ns, outcome, attempt=number, hedged=draw(st.booleans()))


@st.composite
def servings(draw):
    provider, (at_ns, took_ns) = draw(PROVIDERS), draw(SPANS)
    replied = draw(st.booleans())
    outcome = draw(st.sampled_from(["ok", "error"]))
    changes = {} if replied else {"replied_ns": None}
    return served(1, provider, at_ns, took_ns, outcome=outcome, **changes)


@st.composite
def clients(draw):
    (due_ns, took_ns), late_ns = draw(SPANS), draw(st.none() | st.integers(0, 3_000))
    sent_ns = None if late_ns is None else due_ns + late_ns
    return request(1, due_ns, took_ns, sent_ns=sent_ns)


@given(clients(), st.lists(attempts(), max_size=4), st.lists(servings(), max_size=5))
def test_the_shares_are_the_whole_time(client, made, seen):
    found = story_of(history(client, *made, *seen))
    assert sum(share.spent_ns for share in found.shares) == found.ended_ns - found.origin_ns
    assert all(share.spent_ns > 0 for share in found.shares)
    assert len({share.what for share in found.shares}) == len(found.shares)


@given(st.none() | clients(), st.lists(attempts(), min_size=1, max_size=4), st.lists(servings(), max_size=5))
def test_every_story_is_in_the_order_of_time_and_can_be_shown(client, made, seen):
    found = story_of(history(*([] if client is None else [client]), *made, *seen))
    moments = [step.at_ns for step in found.steps]
    assert moments == sorted(moments)
    assert len(found.steps) >= 2 * len(made)
    assert all(len(line) <= WIDTH for line in story_lines(found))
