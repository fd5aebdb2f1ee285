"""The SLOs of a scenario as OpenSLO v1: a Service, and an SLO each, over Prometheus. Pure.

The specification: https://github.com/OpenSLO/OpenSLO. An SLO of a share of requests is a ratio of two counters, with
the share as its target. Every other one compares a value with its target: OpenSLO wants a share below 1 of the
values to meet it, where Battle allows no miss.
"""

from collections.abc import Iterator
from typing import Any

from battle.monitoring import catalog
from battle.monitoring.rule_text import comment, document, slug, unique_slugs
from battle.monitoring.slo_queries import Live, StatedSlo, stated_slos
from battle.scenario.scenario import Scenario

VERSION = "openslo/v1"

COMPARED_TARGET = 0.9999
"""The share of values that must meet a target which Battle lets none miss: OpenSLO's highest is below 1."""

DESCRIPTION_MAX = 1050
"""Characters of a description, by the specification."""

_MINUTE_NS = 60 * 10**9
_OPERATORS = {"<=": "lte", "<": "lt", ">=": "gte", ">": "gt"}


def openslo(scenario: Scenario) -> str:
    """The documents of a scenario. Raises SloTextError."""
    slos = stated_slos(scenario)
    service = slug(scenario.name)
    names = unique_slugs(f"{service}-{slo.workload}-{slo.title}" for slo in slos)
    documents = [_service(scenario, service)]
    documents += [_slo(scenario, slo, service, name) for slo, name in zip(slos, names, strict=True)]
    return "".join([*comment(_head(scenario, slos)), *(f"---\n{document(one)}" for one in documents)])


def _head(scenario: Scenario, slos: list[StatedSlo]) -> Iterator[str]:
    yield f"OpenSLO v1 for the SLOs of {scenario.name!r}, made by `battle slo export`."
    compared = [slo for slo in slos if not _is_ratio(slo)]
    if compared:
        yield ""
        yield f"These allow no miss in Battle. OpenSLO's target is below 1, so it is {COMPARED_TARGET:g}:"
    yield from (f"- {slo.target_text}" for slo in compared)
    unseen = [slo for slo in slos if isinstance(slo.live, str)]
    if unseen:
        yield ""
        yield f"Known after the run only, so by {catalog.SLO_MET.prometheus}:"
    yield from (f"- {slo.target_text}: {slo.live}" for slo in unseen)


def _is_ratio(slo: StatedSlo) -> bool:
    return isinstance(slo.live, Live) and slo.live.good is not None


def _service(scenario: Scenario, name: str) -> dict[str, Any]:
    about = {"description": scenario.proves[:DESCRIPTION_MAX]} if scenario.proves else {}
    return _object("Service", name, scenario.name, about)


def _slo(scenario: Scenario, slo: StatedSlo, service: str, name: str) -> dict[str, Any]:
    live = slo.live
    if isinstance(live, Live) and live.good is not None:
        indicator: dict[str, Any] = {
            "ratioMetric": {"counter": True, "good": _source(live.good), "total": _source(live.total or "")}
        }
        objective: dict[str, Any] = {"target": live.share}
    else:
        indicator = {"thresholdMetric": _source(live.value if isinstance(live, Live) else slo.result)}
        objective = {**_compared(slo), "target": COMPARED_TARGET}
    return _object(
        "SLO",
        name,
        slo.target_text,
        {
            "description": _description(slo)[:DESCRIPTION_MAX],
            "service": service,
            "indicator": {"metadata": {"name": name}, "spec": indicator},
            "timeWindow": [{"duration": f"{max(1, -(-scenario.load // _MINUTE_NS))}m", "isRolling": True}],
            "budgetingMethod": "Occurrences",
            "objectives": [{"displayName": slo.target_text, **objective}],
        },
    )


def _compared(slo: StatedSlo) -> dict[str, Any]:
    """The value of the metric against the target, or the result, which is 1 when it was met."""
    if isinstance(slo.live, Live):
        return {"op": _OPERATORS[slo.bound], "value": slo.limit}
    return {"op": "gte", "value": 1}


def _description(slo: StatedSlo) -> str:
    sentences = [f"SLO of a battle: {slo.target_text}."]
    if not _is_ratio(slo):
        sentences.append("Battle allows no miss.")
    if isinstance(slo.live, str):
        sentences.append(f"Its result after the run, because {slo.live}.")
    elif slo.live.note:
        sentences.append(slo.live.note)
    return " ".join(sentences)


def _source(query: str) -> dict[str, Any]:
    return {"metricSource": {"type": "Prometheus", "spec": {"query": query}}}


def _object(kind: str, name: str, title: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": VERSION,
        "kind": kind,
        "metadata": {"name": name, "displayName": title},
        "spec": spec,
    }
