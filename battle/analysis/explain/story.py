"""From what the log holds of a request to its story: a title, a summary, what was the case, steps, shares. Pure."""

from collections.abc import Iterator

import msgspec

from battle.analysis.explain.history import (
    ClientRow,
    GatewayEndRow,
    GatewayRow,
    History,
    attempt_of,
)
from battle.analysis.explain.phrases import (
    answer_text,
    breaker_text,
    failure_text,
    fault_text,
    reply_text,
    state_text,
    status_text,
)
from battle.analysis.explain.shares import Share, shares_of
from battle.analysis.explain.steps import VERY_LATE_NS, Step, steps_of
from battle.formatting import duration_text, sentence

NOTICED_WITHIN_NS = 100_000_000
"""A node's death is logged by the coordinator, which may notice it a little later than those who talked to it."""


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """One request from its due time to its end. `steps` and `origin_ns` are moments of the run.

    `load_began_ns` is the moment from which reports count; None: the log does not say.
    `situation` is what was the case when it was due, and `notes` say what the log cannot know.
    `breakers_known`: whether the gateway reports its circuit breakers.
    """

    request_id: str
    title: str
    summary: str
    world: str
    origin_ns: int
    ended_ns: int
    load_began_ns: int | None
    workload: str | None
    method: str | None
    outcome: str | None
    answer: str | None
    breakers_known: bool
    situation: tuple[str, ...]
    steps: tuple[Step, ...]
    shares: tuple[Share, ...]
    notes: tuple[str, ...]


def story_of(history: History) -> Story:
    """The story of a request."""
    client = history.client
    return Story(
        request_id=history.request_id,
        title=_title(history),
        summary=" ".join(_summary(history)),
        world=history.run.world,
        origin_ns=history.from_ns,
        ended_ns=history.until_ns,
        load_began_ns=history.run.load_began_ns,
        workload=client.workload if client else None,
        method=client.method if client else None,
        outcome=client.outcome if client else None,
        answer=client.answer if client else None,
        breakers_known=history.run.coverage.breakers,
        situation=tuple(_situation(history)),
        steps=steps_of(history),
        shares=shares_of(history),
        notes=tuple(_notes(history)),
    )


def _title(history: History) -> str:
    client = history.client
    if client is None:
        return "its end is not in the log"
    took = duration_text(client.ended_ns - client.scheduled_ns)
    what = f"({client.method}, workload {client.workload})"
    if client.outcome == "ok":
        return f"{answer_text(client.answer)}, {took} after its scheduled time {what}"
    why = failure_text(client.failure, client.http_status, client.rpc_code)
    if client.outcome == "unknown":
        return f"unknown whether it took effect, {took} after its scheduled time: {why} {what}"
    return f"an error, {took} after its scheduled time: {why} {what}"


# The summary


def _summary(history: History) -> Iterator[str]:
    client = history.client
    if client is not None and client.sent_ns is None:
        why = failure_text(client.failure, client.http_status, client.rpc_code)
        yield f"It was not sent: {why}."
        yield from _gateway_away(history, client)
        return
    if history.dropped_by is not None:
        yield f"The gateway dropped it in flight: {_end_text(history.dropped_by)}."
    if (
        client is not None
        and client.sent_ns is not None
        and client.sent_ns - client.scheduled_ns >= VERY_LATE_NS
    ):
        yield f"It was sent {duration_text(client.sent_ns - client.scheduled_ns)} late."
    yield from _gateway_sentences(history) if history.run.coverage.gateway else _provider_sentences(history)
    if client is not None:
        yield from _untrue(history, client)


def _gateway_away(history: History, client: ClientRow) -> Iterator[str]:
    """Of a request that was not sent: why the gateway's process was not there, or not ready yet."""
    for end in [] if client.got_answer else history.gateway_ends:
        starting = end.restarted_ns is not None and end.restarted_ns <= client.scheduled_ns
        state = "starting again, and not ready yet" if starting else "down"
        yield f"The gateway was {state}: {_end_text(end)}."


def _end_text(end: GatewayEndRow) -> str:
    if not end.fault_id:
        return f"the gateway had crashed ({end.reason})"
    did = "asked the gateway to stop" if end.how == "stopped" else "killed the gateway"
    return f"fault {end.fault_id} had {did}"


def _gateway_sentences(history: History) -> Iterator[str]:
    answered = [one for one in history.gateway if one.outcome == "ok"]
    failed = [one for one in history.gateway if one.outcome != "ok" and one.failure != "cancelled"]
    called_off = [one.provider for one in history.gateway if one.failure == "cancelled"]
    passed_over = list(dict.fromkeys(row.provider for row in history.rejections))
    if passed_over:
        yield f"{_listed(passed_over)} {_was(passed_over)} skipped because of {_its(passed_over)}."
    for attempt in failed:
        yield _failed_sentence(history, attempt)
    if answered:
        winner = answered[0]
        took = duration_text(winner.ended_ns - winner.started_ns)
        how = f"Then {winner.provider}" if failed else winner.provider
        race = f", sooner than {_listed(called_off)}" if called_off else ""
        yield f"{how} answered in {took}{race}."
    elif history.dropped_by is not None:
        yield "Attempts that were under way when the gateway ended are not in its log."
    elif not history.gateway:
        yield "The gateway made no attempt for it."
    elif failed:
        yield "The gateway tried no further." if len(failed) == 1 else "Then the gateway gave up."
    else:
        yield f"The attempt at {_listed(called_off)} was cancelled."


def _failed_sentence(history: History, attempt: GatewayRow) -> str:
    took = duration_text(attempt.ended_ns - attempt.started_ns)
    why = failure_text(attempt.failure, attempt.http_status, attempt.rpc_code)
    return f"{attempt.provider} failed after {took}: {why}{_cause(history, attempt)}."


def _cause(history: History, attempt: GatewayRow) -> str:
    """The fault behind a failure: what the provider itself says, else what was in force there."""
    said = {row.fault_id for row in history.serving(attempt) if row.fault_id}
    if said:
        return f" (fault {_listed(sorted(said))})"
    there = history.faults_at(attempt.provider, attempt.started_ns, attempt.ended_ns)
    if not there:
        return ""
    return f" (while fault {_listed([fault.fault_id for fault in there])} was in force)"


def _provider_sentences(history: History) -> Iterator[str]:
    if not history.served:
        yield f"It is in no provider's log{_unreachable(history)}."
    for provider in dict.fromkeys(row.provider for row in history.served):
        rows = [row for row in history.served if row.provider == provider]
        replied = [row for row in rows if row.replied_ns is not None]
        bad = next((row for row in replied if row.outcome != "ok"), None)
        if not replied and not rows[0].fault_id and history.dropped_by is not None:
            yield f"{provider} had it, and had not replied by then."
        elif not replied:
            fault_id = rows[0].fault_id
            yield f"{provider} did not reply{f' (fault {fault_id})' if fault_id else ''}."
        elif bad is not None:
            yield f"{provider} replied {reply_text(bad)}."
        else:
            first, last = min(row.received_ns for row in rows), max(row.replied_ns or 0 for row in replied)
            status = status_text(replied[0].http_status, replied[0].rpc_code)
            yield f"{provider} replied {status} in {duration_text(last - first)}."


def _unreachable(history: History) -> str:
    """Why providers may have no trace of it: those that were down when it came, or died while it was under way."""
    sent_ns = history.client.sent_ns if history.client is not None else None
    down = history.down_at(history.from_ns if sent_ns is None else sent_ns)
    died = [
        node.node
        for node in history.nodes
        if node.change == "crashed" and node.at_ns >= history.from_ns and node.node not in down
    ]
    parts = [f"{_listed(down)} {_was(down)} down"] if down else []
    if died:
        parts.append(f"{_listed(died)} died meanwhile and may have had it")
    return f": {', '.join(parts)}" if parts else ""


def _untrue(history: History, client: ClientRow) -> Iterator[str]:
    """Where an answer that does not hold may come from."""
    if client.answer not in ("wrong", "stale"):
        return
    faults = sorted({row.fault_id for row in history.served if row.fault_id and row.replied_ns is not None})
    if faults:
        yield f"The provider answered under fault {_listed(faults)}, and the gateway passed it on."
    elif history.served:
        yield "No fault touched its providers' answers."
    if client.answer == "stale":
        yield "It was right at an older block, but at none between sending and answering."
    else:
        yield "It is right at no block; the log keeps the verdict, not the answer."


# What was the case


def _situation(history: History) -> Iterator[str]:
    begin_ns = history.from_ns
    for fault in history.faults:
        if fault.applied_ns < begin_ns:
            yield f"{fault_text(fault)} had been in force for {duration_text(begin_ns - fault.applied_ns)}"
    latest = {node.node: node for node in history.nodes if node.at_ns < begin_ns}
    for node in latest.values():
        if node.change != "started":
            yield f"{node.node} had been down for {duration_text(begin_ns - node.at_ns)}"
    breakers = {(row.provider, row.transport): row for row in history.breakers if row.at_ns < begin_ns}
    for row in breakers.values():
        if row.to_state != "closed":
            since = duration_text(begin_ns - row.at_ns)
            yield f"{breaker_text(row.provider, row.transport)} had been {state_text(row.to_state)} for {since}"


# What the log cannot know


def _notes(history: History) -> Iterator[str]:
    run = history.run
    if history.asked_for is not None:
        yield f"{history.asked_for} is one of the {history.calls} calls of this batch."
    if history.client is None:
        yield (
            "The client's log does not show its end: it was in flight when the log ended, the client's node died, or "
            "requests were not collected."
        )
    if not run.coverage.gateway:
        yield (
            "This gateway does not report its attempts: those that reached a provider are known from its log, a "
            "refused one leaves no trace."
        )
    if not run.coverage.providers:
        yield "No provider's log has an attempt with a request's id."
    elif not run.ended:
        yield "The run did not end cleanly: some of what happened may be missing."
    yield from _silent_providers(history)
    if sum(one.hedged for one in history.gateway) > 1:
        yield "Attempts raced: the time belongs to the one that answered."


def _silent_providers(history: History) -> Iterator[str]:
    if not history.run.coverage.providers:
        return
    seen = {id(attempt_of(row, history.gateway)) for row in history.served}
    unseen = [one for one in history.gateway if id(one) not in seen and one.failure != "refused"]
    died = [one for one in unseen if _died_meanwhile(history, one)]
    for one in died:
        yield (
            f"{one.provider} died before attempt {one.attempt} ended, so its log does not show it: it may have "
            "started on it."
        )
    others = [f"attempt {one.attempt} at {one.provider}" for one in unseen if one not in died]
    if others:
        yield f"No provider's log has {sentence(others)}: it did not arrive there, or it was not logged."


def _died_meanwhile(history: History, attempt: GatewayRow) -> bool:
    return any(
        node.node == attempt.provider
        and node.change == "crashed"
        and attempt.started_ns <= node.at_ns <= attempt.ended_ns + NOTICED_WITHIN_NS
        for node in history.nodes
    )


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _was(names: list[str]) -> str:
    return "was" if len(names) == 1 else "were"


def _its(names: list[str]) -> str:
    return "its breaker" if len(names) == 1 else "their breakers"
