"""The SLOs of a scenario as Prometheus rules: how each fares so far, and an alert when it is missed. Pure."""

from collections.abc import Iterator
from typing import Any

from battle.monitoring import catalog
from battle.monitoring.rule_text import comment, document, slug
from battle.monitoring.slo_queries import NEGATED, Live, StatedSlo, quoted, stated_slos
from battle.scenario.scenario import Scenario

RECORDED = "battle:slo_actual"
"""What the rules record: how an SLO fares so far, with the labels of `battle_slo_actual`."""

MISSING, MISSED = "BattleSloNotMet", "BattleSloMissed"
"""The alerts: while the run goes on, and after it."""


def prometheus_rules(scenario: Scenario) -> str:
    """A file of rules. Raises SloTextError."""
    slos = stated_slos(scenario)
    rules = [*_recordings(slos), *_alerts(slos, scenario.min_requests)]
    body = (
        {"groups": [{"name": f"battle-{slug(scenario.name)}", "rules": rules}]} if rules else {"groups": []}
    )
    return "".join([*comment(_head(scenario, slos)), document(body)])


def _head(scenario: Scenario, slos: list[StatedSlo]) -> Iterator[str]:
    yield f"Prometheus rules for the SLOs of {scenario.name!r}, made by `battle slo export`."
    yield f"{RECORDED} is an SLO's value so far, in the unit its name says; {MISSING} alerts on it."
    yield f"{MISSED} alerts on {catalog.SLO_MET.prometheus}, the result after the run, of every SLO."
    unseen = [slo for slo in slos if isinstance(slo.live, str)]
    if unseen:
        yield ""
        yield f"Known after the run only, so without {RECORDED}:"
    yield from (f"- {slo.target_text}: {slo.live}" for slo in unseen)


def _recordings(slos: list[StatedSlo]) -> Iterator[dict[str, Any]]:
    for slo in slos:
        if isinstance(slo.live, Live):
            yield {"record": RECORDED, "expr": slo.live.value, "labels": _labels(slo)}


def _alerts(slos: list[StatedSlo], min_requests: int) -> Iterator[dict[str, Any]]:
    for slo in slos:
        if isinstance(slo.live, Live):
            yield {
                "alert": MISSING,
                "expr": _missing(slo, slo.live, min_requests),
                "labels": {"severity": "warning", **_labels(slo)},
                "annotations": {
                    "summary": f"{_plain(slo)} is not met so far: {{{{ $value }}}}",
                    **({"description": slo.live.note} if slo.live.note else {}),
                },
            }
        yield {
            "alert": MISSED,
            "expr": f"{slo.result} == 0",
            "labels": {"severity": "critical", **_labels(slo)},
            "annotations": {"summary": f"{_plain(slo)} was missed"},
        }


def _missing(slo: StatedSlo, live: Live, min_requests: int) -> str:
    """Missed so far, by enough requests; what must happen often enough can be missed only when the load is over."""
    expr = f"{RECORDED}{slo.selector} {NEGATED[slo.bound]} {slo.limit!r}"
    if live.requests is not None:
        return f"{expr} and on ({catalog.SCENARIO}) {live.requests} >= {min_requests}"
    if slo.bound == ">=":
        idle = f"{catalog.LOAD_RUNNING.prometheus}{{{catalog.SCENARIO}={quoted(slo.scenario)}}}"
        return f"{expr} and on ({catalog.SCENARIO}) {idle} == 0"
    return expr


def _plain(slo: StatedSlo) -> str:
    """Which SLO it is, in a text that Prometheus takes for a template: two braces would begin an action."""
    return f"{slo.scenario}: {slo.target_text}".replace("{{", '{{ "{{" }}')


def _labels(slo: StatedSlo) -> dict[str, str]:
    """Those of `battle_slo_actual`; the scenario comes with the series."""
    return {"slo": slo.title, **({"workload": slo.workload} if slo.workload else {})}
