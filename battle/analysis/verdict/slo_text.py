"""The results of SLOs as sentences: in reasons, on a terminal, in every report. Pure."""

from collections.abc import Iterator, Sequence

from battle.analysis.verdict.slo_comparison import SloResult
from battle.formatting import percent_text, sentence
from battle.scenario.slo.sql import Bound

_BOUNDS: dict[Bound, str] = {"<=": "≤", "<": "<", ">=": "≥", ">": ">", "==": "=", "!=": "≠"}


def slo_text(result: SloResult) -> str:
    """An SLO's result as a sentence: "success_rate was missed: 97 % (target ≥ 99 %)"."""
    target = f"target {target_text(result)}"
    if result.never and result.note:
        missed = "is not trusted" if result.untrusted else f"was {result.status}"
        return f"{result.title} {missed}: {result.note} ({target})"
    if result.untrusted:
        return f"{result.title} is not trusted: {measured_text(result)} ({target}), but {result.note}"
    if result.status == "not_measured":
        return f"{result.title} was not measured: {result.note} ({target})"
    missed = " was missed:" if result.status == "missed" else ""
    note = f"; {result.note}" if result.note else ""
    return f"{result.title}{missed} {measured_text(result)} ({target}{note})"


def target_text(result: SloResult) -> str:
    """An SLO's target: "≥ 99 %"."""
    return f"{_BOUNDS[result.bound]} {quantity_text(result.limit, result.unit)}"


def reason_texts(results: Sequence[SloResult]) -> Iterator[str]:
    """SLOs that were not met, as reasons: those with the same cause are one reason, which says it once."""
    groups: dict[object, list[SloResult]] = {}
    for place, result in enumerate(results):
        why = result.causes or (None if result.status == "missed" else result.note)
        groups.setdefault((result.status, result.untrusted, why) if why else place, []).append(result)
    for group in groups.values():
        yield reason_text(group[0]) if len(group) == 1 else _shared_text(group)


def _shared_text(group: Sequence[SloResult]) -> str:
    first = group[0]
    if first.status == "missed":
        return f"{'; '.join(map(slo_text, group))}: {sentence(first.causes)}"
    claims = (f"{one.title} ({measured_text(one)}, target {target_text(one)})" for one in group)
    if first.untrusted:
        return f"{'; '.join(claims)} are not trusted: {first.note}"
    return f"{', '.join(one.title for one in group)} were not measured: {first.note}"


def reason_text(result: SloResult) -> str:
    """An SLO's result as a sentence, with what the log says of why it was missed."""
    causes = f": {sentence(result.causes)}" if result.causes else ""
    return slo_text(result) + causes


def measured_text(result: SloResult) -> str | None:
    """What was measured, with digits enough to distinguish it from the target: 300.04 ms is not 300 ms."""
    if result.measured is None:
        return "not reached" if result.never else None
    limit = quantity_text(result.limit, result.unit)
    texts = (quantity_text(result.measured, result.unit, digits) for digits in (4, 6, 9, 12))
    return next((text for text in texts if text != limit or result.measured == result.limit), limit)


def quantity_text(value: float, unit: str, digits: int = 9) -> str:
    """A limit or a measured value with its unit."""
    if unit == "ratio":
        return percent_text(value)
    rounded = float(f"{value:.{digits}g}") if abs(value) < 10**digits else value
    return f"{rounded:,.9g} {unit}".strip()
