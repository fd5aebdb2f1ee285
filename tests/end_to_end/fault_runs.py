"""Runs in which one provider has a fault while everybody uses it, and a standby has the same one unnoticed.

The standby comes last by priority and so is never asked: it is the control. What a fault must show in the log is a
line of SQL over a few tables that hold one span of one provider; so the same line can be asked about the fault, about
the standby's, and about a time without any.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from battle import (
    Breaker,
    Chain,
    Continuity,
    EmbeddedGateway,
    HttpBurst,
    MockProvider,
    Retry,
    Scenario,
    Slo,
    ms,
    run_scenario,
)
from battle.actors.spec.faults.base import FaultSpec
from battle.actors.spec.faults.transport import Partition
from battle.actors.spec.workloads import WsSubscribe
from battle.actors.units import Duration
from battle.analysis.findings import Finding
from battle.analysis.reports.schema import Report
from battle.store.database import Run, open_run
from tests.asking import asked

STANDBY = "standby"

BUSY, IDLE = "busy", "idle"
"""The workloads: one that all effects are about, and one that asks only before the first and after the last."""

BURSTS = ms(250)
"""From one burst of requests to the next: connections are idle meanwhile, as a fault that refuses them wants it."""

QUIET = 2 * BURSTS
"""Before each fault, and after it."""

LASTS = 3 * BURSTS
"""How long a fault holds: with `QUIET` this keeps all faults in step with the bursts."""

SETTLING = ms(100)
"""After its start a fault is taken for granted only this much later: in the live world a message has to arrive."""

ENDING = ms(20)
"""So much before its end it is not counted on any more: what it held up goes on a moment before it counts as over."""

METHODS = {"eth_blockNumber": 1, "eth_getBlockByNumber": 1, "eth_getBlockByHash": 1, "eth_chainId": 1}

GATEWAY = EmbeddedGateway(
    strategy="priority",
    # Two attempts never come to the standby, and with enough of a budget each that fails is made good.
    retry=Retry(max_attempts=2, attempt_timeout=ms(150), budget_ratio=2),
    # Faults are to meet the traffic for as long as they hold.
    breaker=Breaker(failure_threshold=100_000),
    continuity=Continuity(stale_after_blocks=15),
)


class Effect(NamedTuple):
    """What a fault must show: `shows` is SQL for true, over the tables of `_tables`, which hold what happened at its
    target while it held.

    `fault` is aimed at a provider in use and lasts as long as it says; when is the run's business. Those `beside` it
    begin a moment later, and have no counterpart at the standby. The next fault begins after a time of `quiet`.
    A fault that is aimed at no provider is its own `control` when it befalls a workload that is idle.
    """

    fault: FaultSpec
    shows: str
    beside: tuple[FaultSpec, ...] = ()
    quiet: Duration = QUIET
    control: FaultSpec | None = None


class Placed(NamedTuple):
    """An effect in its place in a run: the ids of the fault and of the same one at the standby."""

    effect: Effect
    fault_id: str
    control_id: str
    control: FaultSpec


def laid_out(effects: Sequence[Effect]) -> tuple[list[Placed], list[FaultSpec], Duration]:
    """The effects one after the other, each after a quiet time; all faults, with their times; and when it is over."""
    counts: Counter[tuple[str, str]] = Counter()

    def identified(fault: FaultSpec) -> str:
        counts[fault.kind(), fault.target] += 1
        return f"{fault.kind()}-{fault.target}.{counts[fault.kind(), fault.target]}"

    placed, faults = [], []
    now = QUIET + BURSTS // 2  # no burst falls together with the begin or end of a fault
    for effect in effects:
        fault = _moved(effect.fault, now)
        if effect.control is None:
            control = msgspec.structs.replace(fault, target=STANDBY)
        else:
            control = _moved(effect.control, now)
        others = [_moved(other, now + SETTLING) for other in effect.beside]
        placed.append(Placed(effect, identified(fault), identified(control), control))
        faults += [fault, control, *others]
        for other in others:
            identified(other)
        now = fault.first[1] + effect.quiet
    return placed, faults, now


def _moved(fault: FaultSpec, start: Duration) -> FaultSpec:
    begin, end = fault.first
    return fault.placed(start, start + end - begin)


def scenario(faults: Sequence[FaultSpec], load: Duration, *, streams: bool) -> Scenario:
    """Bursts of requests every quarter of a second, between which connections are idle; or four subscribers."""
    subscribers = WsSubscribe(connections=4, duration=load, connect_over=ms(50))
    # Whether the gateway is any good is not the question here.
    lax = (
        Slo(max_wrong_answers=10**6, max_missed_heads=10**6)
        if streams
        else Slo(success_rate=0.01, max_wrong_answers=10**6)
    )
    requests = HttpBurst(METHODS, size=10, every=BURSTS, duration=load, name=BUSY)
    at_both_ends = HttpBurst("eth_chainId", size=1, every=load - QUIET // 2, duration=load, name=IDLE)
    return Scenario(
        "Faults and their effects",
        providers=[MockProvider(name, latency=ms(5)) for name in ("a", "b", "c", STANDBY)],
        gateway=GATEWAY,
        workloads=[subscribers] if streams else [requests, at_both_ends],
        chaos=[*faults],
        chain=Chain(block_time=ms(100)),
        slo=lax,
    )


def played(effects: Sequence[Effect], world, out, *, streams: bool) -> "Evidence":
    """A run with these effects, one after the other."""
    placed, faults, load = laid_out(effects)
    result = run_scenario(scenario(faults, load, streams=streams), world=world, out=out)
    return Evidence(result.report, result.run_dir, placed)


class Evidence:
    """A run, and what its log shows: all that is asked of it is asked at once, so that no process stays behind."""

    def __init__(self, report: Report, run_dir: Path, placed: list[Placed]) -> None:
        self.report = report
        self.placed = placed
        self._faults = {fault.fault_id: fault for fault in report.faults}
        self._peers = {one.fault_id: _workload(one.effect.fault) for one in placed}
        self._peers |= {one.control_id: _workload(one.control) for one in placed}
        self._run_dir = run_dir
        with open_run(run_dir) as run:
            self._shown = {
                fault_id: _ask(run, one.effect.shows, self._tables(fault_id))
                for one in placed
                for fault_id in (one.fault_id, one.control_id)
            }
            self._shown_before = {
                one.fault_id: _ask(run, one.effect.shows, self._tables_before(one.fault_id)) for one in placed
            }

    @property
    def about_faults(self) -> Finding:
        """What the verdict says about faults."""
        (finding,) = [one for one in self.report.findings if one.checker == "faults_took_effect"]
        return finding

    def observed(self, fault_id: str) -> bool:
        """Whether the verdict takes the fault for one that had its effect."""
        return self._faults[fault_id].effect_observed

    def shown(self, fault_id: str) -> bool:
        """Whether the log shows the effect while this fault held."""
        return self._shown[fault_id]

    def shown_before(self, fault_id: str) -> bool:
        """Whether it shows the same in the quiet time before."""
        return self._shown_before[fault_id]

    def facts(self, fault_id: str) -> dict[str, list[tuple[Any, ...]]]:
        """What there was at the target while the fault held, for whoever wonders why a test fails."""
        with_tables = f"WITH {self._tables(fault_id)}"
        with open_run(self._run_dir) as run:
            return {name: asked(run, f"{with_tables} {sql}").rows for name, sql in _FACTS.items()}

    def _tables(self, fault_id: str) -> str:
        fault = self._faults[fault_id]
        assert fault.started_ns is not None
        assert fault.ended_ns is not None
        return _tables(fault.target, self._peers[fault_id], fault.started_ns, fault.ended_ns - ENDING)

    def _tables_before(self, fault_id: str) -> str:
        fault = self._faults[fault_id]
        assert fault.started_ns is not None
        return _tables(fault.target, self._peers[fault_id], fault.started_ns - QUIET, fault.started_ns)


def _ask(run: Run, shows: str, tables: str) -> bool:
    ((shown,),) = asked(run, f"WITH {tables} SELECT coalesce(({shows}), false)").rows
    return bool(shown)


def _workload(fault: FaultSpec) -> str:
    return fault.peer if isinstance(fault, Partition) and fault.is_before_the_gateway else BUSY


def _tables(target: str, workload: str, from_ns: int, until_ns: int) -> str:
    """What happened at one provider in one span: requests and heads from a moment after its start on, and requests
    only from begin to end; what befell WebSocket connections all through it. And what one workload sent, in the same
    span, and what of that came through to any provider."""
    settled = f"BETWEEN {from_ns + SETTLING} AND {until_ns}"
    return f"""
        served AS (FROM attempts WHERE provider = '{target}' AND received_ns {settled}),
        asked AS (
            SELECT *, (ended_ns - started_ns) / 1e6 AS took_ms FROM gateway_attempts
            WHERE provider = '{target}' AND started_ns {settled} AND ended_ns {settled}
        ),
        answers AS (FROM requests WHERE request_id IN (SELECT request_id FROM asked WHERE outcome = 'ok')),
        sent AS (
            SELECT *, ended_ns <= {until_ns} AS ended_in_time FROM requests
            WHERE workload = '{workload}' AND sent_ns {settled}
        ),
        came_through AS (
            FROM attempts WHERE received_ns {settled} AND request_id IN (SELECT request_id FROM sent)
        ),
        published AS (FROM heads WHERE provider = '{target}' AND at_ns {settled}),
        told AS (
            FROM subscriptions
            WHERE side = 'gateway' AND name = '{target}' AND at_ns BETWEEN {from_ns} AND {until_ns}
        )
    """


_FACTS = {
    "asked": "SELECT outcome, failure, http_status, rpc_code, max(took_ms), count(*) FROM asked GROUP BY ALL",
    "served": "SELECT outcome, http_status, rpc_code, fault_id, count(*) FROM served GROUP BY ALL",
    "answers": "SELECT outcome, answer, count(*) FROM answers GROUP BY ALL",
    "sent": "SELECT outcome, ended_in_time, count(*) FROM sent GROUP BY ALL",
    "came_through": "SELECT provider, count(*) FROM came_through GROUP BY ALL",
    "told": "SELECT change, close_code, detail, count(*) FROM told GROUP BY ALL",
    "published": "SELECT number, fault_id FROM published ORDER BY at_ns",
}
