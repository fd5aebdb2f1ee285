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

from actors.faults.base import FaultSpec
from actors.units import Duration
from actors.workload.spec import WsSubscribe
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
from battle.judgement.findings import Finding
from battle.reports.schema import Report
from store.database import open_run

STANDBY = "standby"

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
    """

    fault: FaultSpec
    shows: str
    beside: tuple[FaultSpec, ...] = ()
    quiet: Duration = QUIET


class Placed(NamedTuple):
    """An effect in its place in a run: the ids of the fault and of the same one at the standby."""

    effect: Effect
    fault_id: str
    control_id: str


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
        control = msgspec.structs.replace(fault, target=STANDBY)
        others = [_moved(other, now + SETTLING) for other in effect.beside]
        placed.append(Placed(effect, identified(fault), identified(control)))
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
    return Scenario(
        "Faults and their effects",
        providers=[MockProvider(name, latency=ms(5)) for name in ("a", "b", "c", STANDBY)],
        gateway=GATEWAY,
        workloads=[subscribers if streams else HttpBurst(METHODS, size=10, every=BURSTS, duration=load)],
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
    """A run, and what its log shows. Close it."""

    def __init__(self, report: Report, run_dir: Path, placed: list[Placed]) -> None:
        self.report = report
        self.placed = placed
        self._faults = {fault.fault_id: fault for fault in report.faults}
        self._run = open_run(run_dir)
        self.close = self._run.close

    @property
    def about_faults(self) -> Finding:
        """What the verdict says about faults."""
        (finding,) = [one for one in self.report.findings if one.checker == "faults_took_effect"]
        return finding

    def observed(self, fault_id: str) -> bool:
        """Whether the verdict takes the fault for one that had its effect."""
        return self._faults[fault_id].effect_observed

    def shown(self, effect: Effect, fault_id: str) -> bool:
        """Whether the log shows the effect while this fault held."""
        return self._ask(effect.shows, self._tables(fault_id))

    def shown_before(self, effect: Effect, fault_id: str) -> bool:
        """Whether it shows the same in the quiet time before."""
        fault = self._faults[fault_id]
        return self._ask(effect.shows, _tables(fault.target, fault.started_ns - QUIET, fault.started_ns))

    def facts(self, fault_id: str) -> dict[str, list[tuple[Any, ...]]]:
        """What there was at the target while the fault held, for whoever wonders why a test fails."""
        with_tables = f"WITH {self._tables(fault_id)}"
        return {name: self._run.execute(f"{with_tables} {sql}").rows for name, sql in _FACTS.items()}

    def _tables(self, fault_id: str) -> str:
        fault = self._faults[fault_id]
        return _tables(fault.target, fault.started_ns, fault.ended_ns - ENDING)

    def _ask(self, shows: str, tables: str) -> bool:
        ((shown,),) = self._run.execute(f"WITH {tables} SELECT coalesce(({shows}), false)").rows
        return shown


def _tables(target: str, from_ns: int, until_ns: int) -> str:
    """What happened at one provider in one span: requests and heads from a moment after its start on, and requests
    only from begin to end; what befell WebSocket connections all through it."""
    settled = f"BETWEEN {from_ns + SETTLING} AND {until_ns}"
    return f"""
        served AS (FROM attempts WHERE provider = '{target}' AND received_ns {settled}),
        asked AS (
            SELECT *, (ended_ns - started_ns) / 1e6 AS took_ms FROM gateway_attempts
            WHERE provider = '{target}' AND started_ns {settled} AND ended_ns {settled}
        ),
        answers AS (FROM requests WHERE request_id IN (SELECT request_id FROM asked WHERE outcome = 'ok')),
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
    "told": "SELECT change, close_code, detail, count(*) FROM told GROUP BY ALL",
    "published": "SELECT number, fault_id FROM published ORDER BY at_ns",
}
