"""How two snapshots differ in what should be alike, and why a comparison may not be believed. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from battle.analysis.baselines.snapshot import NOT_MEASURED_BY, Snapshot


def differences(before: Snapshot, after: Snapshot) -> tuple[str, ...]:
    """Each difference but that of seeds, in a sentence. In the simulated world no machine shows."""
    return tuple(_differences(before, after))


def cautions(before: Snapshot, after: Snapshot) -> tuple[str, ...]:
    """Why either of the two measurements cannot be trusted."""
    return tuple(f"{one.name} cannot be trusted: {why}" for one in (before, after) for why in one.distrusted)


def _differences(before: Snapshot, after: Snapshot) -> Iterator[str]:
    old, new = before.identity, after.identity
    if before.runs[0].run_id == after.runs[0].run_id:
        yield "the baseline was made from this run, so nothing can be worse"
    if old.scenario != new.scenario:
        yield f"other scenario: {old.scenario!r} before, {new.scenario!r} after"
    changed = [
        name
        for name in _names(before.parts, after.parts)
        if name not in NOT_MEASURED_BY and _differ(before.parts, after.parts, name)
    ]
    if changed:
        yield f"the scenario has changed: {', '.join(changed)}"
    if old.gateway != new.gateway:
        yield f"other gateway: {old.gateway} before, {new.gateway} after"
    elif before.gateway_digest != after.gateway_digest:
        yield "the gateway is set up differently"
    if not before.simulated:
        yield from _listed("other machine", before.host, after.host)
    yield from _listed("other versions", before.versions, after.versions)


def _listed(what: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    changed = [
        f"{name} {before.get(name, 'unknown')} before, {after.get(name, 'unknown')} after"
        for name in _names(before, after)
        if _differ(before, after, name)
    ]
    if changed:
        yield f"{what}: {'; '.join(changed)}"


def _names(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    return sorted({*before, *after})


def _differ(before: Mapping[str, Any], after: Mapping[str, Any], name: str) -> bool:
    return bool(before.get(name) != after.get(name))
