"""Requests, attempts and faults as spans."""

import random

import pytest

from battle.monitoring import spans as module
from battle.monitoring.spans import GRACE_NS, Sampling, SpanBuilder
from tests.battle.histories import MS, S, failed, fault, request, served, tried


def built(*events, share=1.0, run_id="run"):
    builder = SpanBuilder(run_id, Sampling(share))
    for event in events:
        builder.take(event)
    return builder.finish(100 * S)


FAILOVER = (
    request(1, took_ns=60 * MS),
    tried(1, "a", 2 * MS, 20 * MS, "error"),
    tried(1, "b", 21 * MS, 59 * MS, attempt=2),
    served(1, "b", 30 * MS, 20 * MS),
)


def test_attempts_are_below_their_request_whatever_came_first():
    for seed in range(10):
        events = list(FAILOVER)
        random.Random(seed).shuffle(events)
        found = {(span.service, span.attributes.get("battle.provider")): span for span in built(*events)}
        root, first, second = found["client", None], found["gateway", "a"], found["gateway", "b"]
        assert root.parent_id is None
        assert first.parent_id == second.parent_id == root.span_id
        assert found["provider-b", "b"].parent_id == second.span_id
        assert len({span.trace_id for span in found.values()}) == 1
        assert len({span.span_id for span in found.values()}) == 4


def test_ids_follow_from_the_run_and_the_request():
    ids = {(span.service, span.span_id, span.trace_id) for span in built(*FAILOVER)}
    assert ids == {(span.service, span.span_id, span.trace_id) for span in built(*reversed(FAILOVER))}
    assert not ids & {
        (span.service, span.span_id, span.trace_id) for span in built(*FAILOVER, run_id="another")
    }


def test_providers_of_a_gateway_that_reports_nothing_are_below_the_request():
    root, provider = built(request(1), served(1, "a", 5 * MS))
    assert provider.parent_id == root.span_id
    assert (provider.service, provider.kind) == ("provider-a", "server")


def test_an_attempt_that_ends_after_its_request_finds_its_place():
    builder = SpanBuilder("run", Sampling(1.0))
    builder.take(request(1))
    builder.take(tried(1, "a", 2 * MS, 20 * MS))
    assert builder.release(GRACE_NS) == []  # not yet
    root, attempt = builder.release(GRACE_NS + 50 * MS)
    builder.take(tried(1, "b", 30 * MS, 10 * S, "unknown", attempt=2, reason="hedge"))
    builder.take(served(1, "b", 31 * MS, 9 * S))
    hedge, provider = builder.finish(20 * S)
    assert hedge.parent_id == attempt.parent_id == root.span_id
    assert provider.parent_id == hedge.span_id


def test_a_share_of_the_successful_ones_is_kept_and_every_failed_one():
    events = [one for number in range(2_000) for one in (request(number), served(number, "a", 5 * MS))]
    events += [failed(number) for number in range(2_000, 2_100)]
    found = built(*events, share=0.2)
    roots = [span for span in found if span.service == "client"]
    wrong = [span for span in roots if span.error is not None]
    kept = [span for span in roots if span.error is None]
    assert len(wrong) == 100
    assert {(span.attributes["battle.sampling.share"], span.trace_state) for span in wrong} == {
        (1.0, "ot=th:0")
    }
    assert 330 <= len(kept) <= 470
    assert {span.attributes["battle.sampling.share"] for span in kept} == {0.2}
    assert len([span for span in found if span.service == "provider-a"]) == len(kept)
    smaller = {span.trace_id for span in built(*events, share=0.1) if span.service == "client"}
    assert smaller < {span.trace_id for span in roots}  # the same decision, only stricter


@pytest.mark.parametrize(("share", "state"), [(1.0, "ot=th:0"), (0.5, "ot=th:8"), (0.25, "ot=th:c")])
def test_the_threshold_is_written_as_opentelemetry_has_it(share, state):
    assert Sampling(share).trace_state == state


@pytest.mark.parametrize("share", [0, -1, 1.5])
def test_a_share_outside_its_bounds_is_refused(share):
    with pytest.raises(ValueError, match="above 0"):
        Sampling(share)


def test_a_wrong_answer_is_kept_as_a_failure():
    [span] = built(request(1, answer="wrong"), share=1e-9)
    assert span.error is not None


def test_faults_are_spans_of_their_own_service():
    reverted, open_ended = built(
        *fault("kill-a.1", 3 * S, 5 * S), *fault("hang-b.1", 6 * S, None, kind="hang")
    )
    assert (reverted.service, reverted.name) == ("faults", "kill")
    assert (reverted.start_ns, reverted.end_ns) == (3 * S, 5 * S)
    assert open_ended.end_ns == 100 * S
    assert reverted.attributes["battle.fault_id"] == "kill-a.1"


def test_memory_is_bounded_when_no_request_ends(monkeypatch):
    monkeypatch.setattr(module, "PENDING_MAX", 10)
    builder = SpanBuilder("run", Sampling(1.0))
    for number in range(100):
        builder.take(served(number, "a", number * MS))
    assert len(builder._pending) == 10
    assert builder.finish(S) == []
    assert builder.incomplete == 100
