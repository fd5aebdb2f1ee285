"""The steps of a story, in order: what each side did with a request, and what happened around it. Pure."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from battle.analysis.explain.history import (
    BreakerRow,
    ClientRow,
    GatewayRow,
    History,
    ServedRow,
    attempt_of,
)
from battle.analysis.explain.phrases import (
    answer_text,
    breaker_text,
    change_text,
    failure_text,
    fault_text,
    node_text,
    reply_text,
    state_text,
)
from battle.formatting import duration_text, plural

Tone: TypeAlias = Literal["plain", "good", "bad", "around"]

LATE_NS = 1_000_000
"""A request sent within a millisecond of its due time is on time: no generator is better than that for long."""

VERY_LATE_NS = 10_000_000
"""From here on lateness is a part of the story: no run is INCONCLUSIVE for less."""

AT_ONCE_NS = 1_000_000
"""A breaker that changes within so long of an attempt's end changes with it: both are logged in one go."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a story. `around`: it happened meanwhile, not to the request itself."""

    at_ns: int
    who: str
    text: str
    tone: Tone = "plain"


class _Placed(NamedTuple):
    """A step with its place among those of the same moment: what causes comes before what it causes."""

    at_ns: int
    rank: int
    step: Step


_DUE, _SENT, _AROUND, _END = 0, 1, 2, 1_000_000_000
_ATTEMPT = 100
"""The ranks of attempt k begin at k times this, k counted from 1; those below are offsets into them."""

_PASSED_OVER, _BEGIN, _RECEIVED, _REPLIED, _ENDED, _BREAKER = range(0, 60, 10)


def steps_of(history: History) -> tuple[Step, ...]:
    """Everything that is known, in the order of time."""
    placed = [*_client(history), *_gateway(history), *_providers(history), *_around(history)]
    return tuple(each.step for each in sorted(placed, key=lambda each: (each.at_ns, each.rank)))


def _placed(at_ns: int, rank: int, who: str, text: str, tone: Tone = "plain") -> _Placed:
    return _Placed(at_ns, rank, Step(at_ns=at_ns, who=who, text=text, tone=tone))


# The client


def _client(history: History) -> Iterator[_Placed]:
    client = history.client
    if client is None:
        return
    calls = f", {plural(history.calls, 'call')}" if history.calls > 1 else ""
    yield _placed(client.scheduled_ns, _DUE, "client", f"scheduled: {client.method}{calls}")
    if client.sent_ns is not None:
        late_ns = client.sent_ns - client.scheduled_ns
        way = " over a WebSocket" if history.transport == "ws" else ""
        if late_ns < LATE_NS:
            yield _placed(client.sent_ns, _SENT, "client", f"sent{way}, on time")
        else:
            text = f"sent{way}, {duration_text(late_ns)} late{_why_late(history)}"
            tone: Tone = "bad" if late_ns >= VERY_LATE_NS else "plain"
            yield _placed(client.sent_ns, _SENT, "client", text, tone)
    well = client.outcome == "ok" and client.answer in ("right", "none")
    yield _placed(client.ended_ns, _END, "client", _end_text(client), "good" if well else "bad")


def _why_late(history: History) -> str:
    pace = history.pace
    if pace is None:
        return ""
    parts = []
    if pace.backlog:
        parts.append(
            f"at the end of that second {pace.backlog:,} were queued, and {pace.in_flight:,} were in flight"
        )
    if pace.lateness_p99_ns is not None:
        parts.append(
            f"99 % of the requests sent in it were at most {duration_text(pace.lateness_p99_ns)} late"
        )
    if pace.loop_lag_ns is not None and pace.loop_lag_ns >= LATE_NS:
        parts.append(f"the generator itself was stalled for up to {duration_text(pace.loop_lag_ns)}")
    return f": {'; '.join(parts)}" if parts else ""


def _end_text(client: ClientRow) -> str:
    if client.outcome == "ok":
        status = "" if client.http_status is None else f" (HTTP {client.http_status})"
        return f"got {answer_text(client.answer)}{status}"
    why = failure_text(client.failure, client.http_status, client.rpc_code)
    if client.sent_ns is None:
        return f"not sent: {why}"
    wrong = ", and it was given a WRONG answer" if client.answer == "wrong" else ""
    if client.outcome == "unknown":
        return f"abandoned: {why}; it is unknown whether it took effect{wrong}"
    return f"ended in an error: {why}{wrong}"


# The gateway


def _gateway(history: History) -> Iterator[_Placed]:
    for turn, attempt in enumerate(history.gateway, 1):
        base = turn * _ATTEMPT
        yield _placed(attempt.started_ns, base + _BEGIN, "gateway", _begin_text(history, attempt))
        tone: Tone = "plain" if attempt.outcome == "ok" or attempt.failure == "cancelled" else "bad"
        yield _placed(attempt.ended_ns, base + _ENDED, "gateway", _attempt_end_text(attempt), tone)
    for row in history.rejections:
        later = [turn for turn, one in enumerate(history.gateway, 1) if one.started_ns >= row.at_ns]
        base = (later[0] if later else len(history.gateway) + 1) * _ATTEMPT
        state = history.breaker(row.provider, row.transport, row.at_ns + 1)
        yield _placed(
            row.at_ns, base + _PASSED_OVER, "gateway", f"skips {row.provider}: {_rejected_texts(state)}"
        )


def _rejected_texts(row: BreakerRow | None) -> str:
    if row is None:
        return "its breaker does not allow it"
    if row.to_state == "half_open":
        return "its breaker is half open, and its probe is in flight"
    return f"its breaker is {state_text(row.to_state)}"


def _begin_text(history: History, attempt: GatewayRow) -> str:
    before = [one for one in history.gateway if one.started_ns <= attempt.started_ns and one is not attempt]
    again = " again" if any(one.provider == attempt.provider for one in before) else ""
    text = f"attempt {attempt.attempt} goes to {attempt.provider}{again}: {_reason_text(history, attempt, before)}"
    state = history.breaker(attempt.provider, attempt.transport, attempt.started_ns + 1)
    if state is not None and state.to_state == "half_open":
        text += f", and a probe, for {breaker_text(attempt.provider, attempt.transport)} is half open"
    elif state is not None and state.to_state == "open":
        text += f", although {breaker_text(attempt.provider, attempt.transport)} is open"
    return text


def _reason_text(history: History, attempt: GatewayRow, before: Sequence[GatewayRow]) -> str:
    if attempt.reason == "primary":
        passed_over = any(row.at_ns <= attempt.started_ns for row in history.rejections)
        return "the first choice of the others" if passed_over else "the first choice"
    if attempt.reason == "retry":
        failed = [str(one.attempt) for one in before if one.ended_ns <= attempt.started_ns]
        return f"a retry, because attempt {failed[-1]} failed" if failed else "a retry"
    waited = f" for {duration_text(attempt.started_ns - before[0].started_ns)}" if before else ""
    return f"a hedge, because attempt 1 had no answer{waited}"


def _attempt_end_text(attempt: GatewayRow) -> str:
    took = duration_text(attempt.ended_ns - attempt.started_ns)
    if attempt.outcome == "ok":
        status = "" if attempt.http_status is None else f" with HTTP {attempt.http_status}"
        return f"attempt {attempt.attempt}: {attempt.provider} answered{status}, after {took}"
    if attempt.failure == "cancelled":
        return f"attempt {attempt.attempt} to {attempt.provider} is cancelled after {took}"
    why = failure_text(attempt.failure, attempt.http_status, attempt.rpc_code)
    return f"attempt {attempt.attempt} to {attempt.provider} failed after {took}: {why}"


# The providers


def _providers(history: History) -> Iterator[_Placed]:
    groups: dict[tuple[int, str], list[ServedRow]] = {}
    for row in history.served:
        attempt = attempt_of(row, history.gateway)
        turn = 0 if attempt is None else history.gateway.index(attempt) + 1
        groups.setdefault((turn, row.provider), []).append(row)
    for (turn, provider), rows in groups.items():
        base = (turn or len(history.gateway) + 1) * _ATTEMPT
        why = "" if history.dropped_by is None else " before the gateway ended"
        yield from _provider(base, f"provider {provider}", rows, why)


def _provider(base: int, who: str, rows: Sequence[ServedRow], why_silent: str) -> Iterator[_Placed]:
    arrived = Counter((row.received_ns, row.method) for row in rows)
    for (at_ns, method), times in arrived.items():
        what = "received it" if len(rows) == 1 else f"received {times} × {method}"
        yield _placed(at_ns, base + _RECEIVED, who, what)
    silent = Counter(row.fault_id for row in rows if row.replied_ns is None)
    for fault_id, times in silent.items():
        by = f", because of fault {fault_id}" if fault_id else why_silent
        of = "" if len(rows) == 1 else f" to {times} of them"
        last_ns = max(row.received_ns for row in rows)
        yield _placed(last_ns, base + _RECEIVED + 1, who, f"did not reply{of}{by}", "bad")
    replies = Counter(
        (row.replied_ns, reply_text(row), row.outcome) for row in rows if row.replied_ns is not None
    )
    for (replied_ns, text, outcome), times in replies.items():
        of = "" if len(rows) == 1 else f" to {times} of {len(rows)} calls"
        yield _placed(
            replied_ns, base + _REPLIED, who, f"replied{of}: {text}", "plain" if outcome == "ok" else "bad"
        )


# What happened around it


def _around(history: History) -> Iterator[_Placed]:
    from_ns, until_ns = history.from_ns, history.until_ns
    for fault in history.faults:
        if from_ns <= fault.applied_ns <= until_ns:
            yield _placed(fault.applied_ns, _AROUND, "chaos", f"{fault_text(fault)} begins", "around")
        if fault.reverted_ns is not None and from_ns <= fault.reverted_ns <= until_ns:
            yield _placed(fault.reverted_ns, _AROUND, "chaos", f"fault {fault.fault_id} ends", "around")
    for node in history.nodes:
        if node.at_ns >= from_ns:
            yield _placed(node.at_ns, _AROUND + 1, "chaos", node_text(node), "around")
    for action in history.fault_actions:
        times = f", {action.times} times" if action.times > 1 else ""
        text = f"fault {action.fault_id} at {action.node}: a connection {action.action}{times}"
        if action.action in ("paused", "resumed", "kept_down"):
            text = f"fault {action.fault_id}: {action.node} {state_text(action.action)}"
        yield _placed(action.at_ns, _AROUND + 1, "chaos", text, "around")
    for lost in history.connections:
        code = f" with code {lost.close_code}" if lost.close_code else ""
        text = f"{plural(lost.connections, 'WebSocket connection')} of its workload {lost.change}{code}"
        yield _placed(lost.at_ns, _AROUND, "client", text, "around")
    for change in history.breakers:
        if change.at_ns >= from_ns:
            yield _breaker(history, change)


def _breaker(history: History, change: BreakerRow) -> _Placed:
    with_it = [
        (turn, one)
        for turn, one in enumerate(history.gateway, 1)
        if (one.provider, one.transport) == (change.provider, change.transport)
        and abs(one.ended_ns - change.at_ns) <= AT_ONCE_NS
        and one.failure != "cancelled"
    ]
    if not with_it:
        return _placed(change.at_ns, _AROUND, "gateway", change_text(change), "around")
    turn, attempt = with_it[0]
    how = "succeeds" if attempt.outcome == "ok" else "fails"
    text = f"{change_text(change)}, as attempt {attempt.attempt} {how}"
    # Logged a moment before the attempt is: listed after it, for the attempt's end is the cause.
    at_ns = max(change.at_ns, attempt.ended_ns)
    return _placed(at_ns, turn * _ATTEMPT + _BREAKER, "gateway", text, "around")
