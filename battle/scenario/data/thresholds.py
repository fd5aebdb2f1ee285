"""Thresholds of k6 in files: `slo = {thresholds = {...}}` is read as the SLOs that one would write instead. Pure."""

from collections.abc import Mapping
from typing import Any

from battle.scenario.data.shapes import Path, Problem
from battle.scenario.slo.k6 import targets_of
from battle.scenario.slo.metrics import METRICS

FIELD = "thresholds"
"""The field of an SLO in a file that holds them."""


def without_thresholds(data: Any) -> tuple[Any, list[Problem]]:
    """The data of a scenario or of a file of SLOs with SLOs in the place of thresholds, and all that is wrong with
    these."""
    problems: list[Problem] = []
    if not isinstance(data, dict):
        return data, problems
    result = dict(data)
    if "slo" in data:
        result["slo"] = _listed(data["slo"], problems)
    if isinstance(named := data.get("workload_slos"), dict):
        result["workload_slos"] = {name: _of_workload(name, slo, problems) for name, slo in named.items()}
    return result, problems


def _listed(slo: Any, problems: list[Problem]) -> Any:
    """Those of one SLO, or of a list; what is about other workloads comes behind all, so that places stay."""
    if not isinstance(slo, list):
        found = _expanded(slo, ("slo",), "slo", problems)
        return found[0] if len(found) == 1 else found
    several = [_expanded(one, ("slo", number), f"slo[{number}]", problems) for number, one in enumerate(slo)]
    return [found[0] for found in several] + [one for found in several for one in found[1:]]


def _of_workload(name: Any, slo: Any, problems: list[Problem]) -> Any:
    if not isinstance(slo, dict) or FIELD not in slo:
        return slo
    found = _expanded({**slo, "workload": name}, ("workload_slos", name), f"workload_slos.{name}", problems)
    return {field: value for field, value in found[0].items() if field != "workload" or field in slo}


def _expanded(slo: Any, path: Path, where: str, problems: list[Problem]) -> list[Any]:
    """An SLO as it would be without thresholds: of its own part of the run first, then of the workloads named."""
    if not isinstance(slo, dict) or FIELD not in slo:
        return [slo]
    path, where = (*path, FIELD), f"{where}.{FIELD}"
    found = targets_of(slo[FIELD])
    for name, text in found.mistakes:
        problems.append(Problem((*path, name), f"{where}.{name}" if name else where, text))
    base = {field: value for field, value in slo.items() if field != FIELD}
    scope = {field: value for field, value in base.items() if field not in METRICS and field != "queries"}
    own = base.get("workload")
    others = []
    for workload, targets in found.by_workload.items():
        if workload in (None, own):
            _merge(base, targets, path, where, problems)
        elif own is not None:
            text = (
                f"the tag scenario:{workload} is about another workload than {own!r}: leave one of them out"
            )
            problems.append(Problem(path, where, text))
        else:
            others.append({**scope, **targets, "workload": workload})
    return [base, *others] if base.keys() - scope.keys() or not others else others


def _merge(
    base: dict[str, Any], targets: Mapping[str, float], path: Path, where: str, problems: list[Problem]
) -> None:
    problems += [
        Problem(path, where, f"{name} is given twice: keep the stricter one")
        for name in targets
        if name in base
    ]
    base.update(targets)
