"""What a baseline file holds: one or several runs of one scenario, small enough to commit. Pure.

A run that is compared is made into the same thing, so that everything is compared with everything alike.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from battle.analysis.findings import Verdict
from battle.analysis.statistics.summary import LatencySummary

SCHEMA_VERSION = 1
"""Raised when a field is renamed, removed, or changes its meaning. A file of another version is refused."""

SLUG_CHARACTERS_MAX = 100
"""File names may have 255 bytes nearly everywhere; the rest is for whoever puts something before or after it."""

NOT_MEASURED_BY = frozenset({"slo", "workload_slos", "proves", "name", "gateway", "tags", "labels"})
"""Parts of a scenario that change nothing of what providers, load and faults do: they are no other scenario. Its tags
were called labels, and stand in baselines of that time."""

DIGEST_CHARACTERS = 16
"""64 bits: no two scenarios that anybody writes have the same by chance."""


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    pass


class Identity(_Part, frozen=True, kw_only=True):
    """What must be the same for one run to follow from another: there is one baseline for each."""

    scenario: str
    world: str
    gateway: str


class Sample(_Part, frozen=True, kw_only=True):
    """The latencies of one workload since the due time, or of all (`workload` None), as time cells and bins."""

    workload: str | None
    latencies: LatencySummary


class OneRun(_Part, frozen=True, kw_only=True):
    """One run of a snapshot: its seed, and each metric's value by its key (`metrics.key`); None: not measured."""

    run_id: str
    seed: int | None
    values: dict[str, float | None]


class Snapshot(_Part, frozen=True, kw_only=True):
    """What a run was like. `runs` begins with the one that `samples` are of; more are its calibration.

    `parts` are digests of the scenario's parts, `gateway_digest` one of the gateway's settings. `reasons` are those
    of a verdict that is no PASS; `distrusted` (in files: `doubts`) are why the measurement itself cannot be
    trusted, if it cannot.
    """

    schema_version: int
    name: str
    identity: Identity
    verdict: Verdict
    partial: bool
    reasons: tuple[str, ...]
    distrusted: tuple[str, ...] = msgspec.field(name="doubts")
    load_ns: int | None
    host: dict[str, Any]
    versions: dict[str, Any]
    parts: dict[str, str]
    gateway_digest: str
    runs: tuple[OneRun, ...]
    samples: tuple[Sample, ...]
    failover_costs: LatencySummary | None

    @property
    def simulated(self) -> bool:
        """Whether its times are virtual."""
        return self.identity.world == "simulated"

    def values(self, key: str) -> list[float]:
        """What its runs measured of one metric, as far as they did."""
        return [value for one in self.runs if (value := one.values.get(key)) is not None]


def parts_of(scenario: object) -> dict[str, str]:
    """A digest of each part of a scenario, as `run.json` has it, that shapes what a run measures."""
    if not isinstance(scenario, Mapping):
        return {}
    return {
        name: _digest_of(name, part) for name, part in sorted(scenario.items()) if name not in NOT_MEASURED_BY
    }


def _digest_of(name: str, part: object) -> str:
    """Groups of providers were called tags when the first baselines were saved, and their digests hold that name."""
    if name == "providers" and isinstance(part, list):
        part = [_with_tags(provider) for provider in part]
    return digest(part)


def _with_tags(provider: object) -> object:
    if not isinstance(provider, Mapping):
        return provider
    return {"tags" if field == "groups" else field: value for field, value in provider.items()}


def digest(data: object) -> str:
    """A short digest of plain data; the order of keys is no difference."""
    text = msgspec.json.encode(data, order="deterministic")
    return hashlib.sha256(text).hexdigest()[:DIGEST_CHARACTERS]


def slug(text: str) -> str:
    """A text as part of a file's name."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:SLUG_CHARACTERS_MAX].strip("-") or "baseline"


def default_name(identity: Identity) -> str:
    """The name of the baseline for a scenario, world and gateway."""
    return slug(f"{identity.scenario} {identity.world} {identity.gateway}")
