"""From what a provider did to its profile, and the profile as a file. Pure."""

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median

import msgspec

from battle.actors.spec.profiles import ProviderProfile

SAMPLES = 100
"""Latencies that a profile keeps: its percentiles, each as likely as another."""

REFUSALS = ("http_429", "rpc_limit")
"""How a provider says that it is asked too often."""

_KINDS_MAX = 100
"""Of failures, in proportion to how often they came."""


class Observation(msgspec.Struct, frozen=True):
    """One call: when it was sent, how long it took, and how it failed; "" when it did not.

    `height` and `age_s` are the newest block's, where the call was for that: its number, and how old it was.
    """

    sent_s: float
    took_s: float
    failure: str = ""
    height: int | None = None
    age_s: float | None = None


def profile_of(
    observations: Sequence[Observation], *, provider: str, recorded_at: str, chain_id: int | None
) -> ProviderProfile:
    """What was measured. There must be at least one call that was answered."""
    good = sorted(one.took_s for one in observations if not one.failure)
    assert good
    failures = [one.failure for one in observations if one.failure]
    return ProviderProfile(
        provider=provider,
        recorded_at=recorded_at,
        requests=len(observations),
        requests_per_second=round(_rate(observations), 2),
        chain_id=chain_id,
        latencies_ms=_percentiles(good),
        failure_ratio=round(len(failures) / len(observations), 4),
        failures=_in_proportion(failures),
        refused_above_per_second=_limit(observations),
        head_age_ms=_head_age_ms(observations),
        heights_went_back=_went_back(observations),
    )


def _rate(observations: Sequence[Observation]) -> float:
    span_s = observations[-1].sent_s - observations[0].sent_s
    return (len(observations) - 1) / span_s if span_s > 0 else 0.0


def _percentiles(ordered: Sequence[float]) -> list[float]:
    """At most `SAMPLES` of the values, evenly spaced in their order, in milliseconds."""
    count = min(SAMPLES, len(ordered))
    return [round(ordered[(2 * n + 1) * len(ordered) // (2 * count)] * 1e3, 3) for n in range(count)]


def _in_proportion(failures: Sequence[str]) -> list[str]:
    counted = Counter(failures).most_common()
    if len(failures) <= _KINDS_MAX:
        return [kind for kind, times in counted for _ in range(times)]
    return [kind for kind, times in counted for _ in range(max(1, _KINDS_MAX * times // len(failures)))]


def _limit(observations: Sequence[Observation]) -> float | None:
    """How many calls were answered in the best of the seconds in which some were refused; None: none were."""
    answered, refused = Counter[int](), Counter[int]()
    for one in observations:
        second = int(one.sent_s)
        (refused if one.failure in REFUSALS else answered)[second] += 1
    return float(max(answered[second] for second in refused)) if refused else None


def _head_age_ms(observations: Sequence[Observation]) -> float | None:
    """How old a block was when it was first seen: the median."""
    ages: dict[int, float] = {}
    for one in observations:
        if one.height is not None and one.age_s is not None:
            ages.setdefault(one.height, one.age_s)
    later = list(ages.values())[1:]  # the first one may have been there for long
    return round(median(later) * 1e3, 1) if later else None


def _went_back(observations: Sequence[Observation]) -> int:
    heights = [one.height for one in observations if one.height is not None]
    highest, back = 0, 0
    for height in heights:
        back += height < highest
        highest = max(highest, height)
    return back


def described(profile: ProviderProfile) -> Iterator[str]:
    """What the profile says, in lines for people."""
    ordered = sorted(profile.latencies_ms)
    middle, high = ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, len(ordered) * 95 // 100)]
    yield f"{profile.provider}: {profile.requests} calls, {profile.requests_per_second:g} per second"
    yield f"  latency   p50 {middle:g} ms, p95 {high:g} ms"
    kinds = ", ".join(f"{kind} {times}" for kind, times in Counter(profile.failures).most_common())
    yield f"  failures  {profile.failure_ratio:.1%}" + (f" ({kinds})" if kinds else "")
    if profile.refused_above_per_second is not None:
        yield f"  limit     about {profile.refused_above_per_second:g} calls per second"
    if profile.head_age_ms is not None:
        back = (
            f"; an older one came after it {profile.heights_went_back} times"
            if profile.heights_went_back
            else ""
        )
        yield f"  lag       a new block was {profile.head_age_ms:g} ms old when first seen{back}"


def profile_text(profile: ProviderProfile) -> str:
    """The profile as TOML."""
    said = msgspec.to_builtins(profile)
    lines = [
        "# What `battle record` measured. A mock provider replays the latencies and failures: profile = FILE,"
    ]
    lines.append("# or in Python MockProvider.from_profile(FILE, NAME). The rest is for whoever reads it.")
    lines += [f"{name} = {_toml(value)}" for name, value in said.items() if value is not None]
    return "\n".join((*lines, ""))


def _toml(value: object) -> str:
    """JSON's texts, numbers and lists of them are TOML's."""
    return msgspec.json.encode(value).decode()
