"""From what a provider did to its profile, and the profile as a file. Pure."""

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

import msgspec

from battle.actors.spec.failures import HttpFailure, RpcFailure
from battle.actors.spec.profiles import MeasuredLimit, ProviderProfile
from battle.formatting import plural
from battle.recording.call_limits import Searched, found_limit
from battle.recording.lag import HeadSeen, Lag, lag_of

SAMPLES = 100
"""Latencies, and delays of heads, that a profile keeps: percentiles, each as likely as another."""

_KINDS_MAX = 100
"""Of failures, in proportion to how often they came."""

_FEW_BLOCKS = 5
"""So few delays are not how they are distributed."""

_ALWAYS_UNKNOWN = (
    "limit: of windows longer than the search (a day, a month), of other methods, batches and connections",
)


class Observation(msgspec.Struct, frozen=True):
    """One call: when it was sent, how long it took, and how it failed; "" when it did not.

    `height` is the newest block's number, where the call was for that, and `age_s` how old the block was then.
    `refusal` is what was answered, if that was because of too many calls; `why` says more than the failure's name,
    where that is too little.
    """

    sent_s: float
    took_s: float
    failure: str = ""
    height: int | None = None
    age_s: float | None = None
    refusal: HttpFailure | RpcFailure | None = None
    why: str = ""


def profile_of(
    observations: Sequence[Observation],
    *,
    provider: str,
    recorded_at: str,
    chain_id: int | None,
    search: Searched | None = None,
    refused: Sequence[Observation] = (),
) -> ProviderProfile:
    """What was measured. There must be at least one call that was answered. `refused` are calls of the search for a
    limit, the others are none of them."""
    good = sorted(one.took_s for one in observations if not one.failure)
    assert good
    refusals = [one for one in (*observations, *refused) if one.refusal is not None]
    limit = None if search is None else _limit(search, refusals)
    lag = lag_of([
        HeadSeen(one.sent_s, one.height, one.age_s) for one in observations if one.height is not None
    ])  # fmt: skip
    counted = [one for one in observations if limit is None or one.refusal is None]
    failures = [one.failure for one in counted if one.failure]
    rate = round(_rate(observations), 2)
    return ProviderProfile(
        provider=provider,
        recorded_at=recorded_at,
        requests=len(observations),
        requests_per_second=rate,
        chain_id=chain_id,
        latencies_ms=_percentiles(good),
        failure_ratio=round(len(failures) / len(counted), 4),
        failures=_in_proportion(failures),
        limit_searched_per_second=rate if search is None else search.per_second,
        limit=limit,
        head_delays_ms=_percentiles(lag.delays_s) if lag.delays_s else [],
        head_delay_error_ms=None if lag.error_s is None else round(lag.error_s * 1e3, 1),
        heights_went_back=_went_back(observations),
        unknown=[*_unknown_of_limit(limit, search, refusals, rate), *_unknown_of_lag(lag), *_ALWAYS_UNKNOWN],
    )


def _limit(search: Searched, refusals: Sequence[Observation]) -> MeasuredLimit | None:
    found = found_limit(search.calls)
    if found is None or not refusals:
        return None
    refusal, _ = Counter(_keyed(one.refusal) for one in refusals).most_common(1)[0]
    alike = [one for one in refusals if _keyed(one.refusal) == refusal]
    assert alike[0].refusal is not None
    return MeasuredLimit(
        calls=found.calls,
        window_ms=round(found.window_ms, 1),
        window_ms_min=round(found.window_ms_min, 1),
        window_ms_max=round(found.window_ms_max, 1),
        burst=found.burst,
        refusal=alike[0].refusal,
        refused_after_ms=round(median(one.took_s for one in alike) * 1e3, 3),
    )


def _keyed(refusal: HttpFailure | RpcFailure | None) -> bytes:
    return msgspec.json.encode(refusal)


def _unknown_of_limit(
    limit: MeasuredLimit | None, search: Searched | None, refusals: Sequence[Observation], rate: float
) -> Iterator[str]:
    if limit is not None:
        return
    searched = rate if search is None else search.per_second
    if not refusals:
        yield f"limit: none was met up to {searched:g} calls per second; above that it is not known"
    elif search is None:
        yield "limit: calls were refused, and the limit was not looked for; the refusals are among the failures"
    else:
        why = (
            search.gave_up
            or "no limit of calls per window, or of an even rate, explains them; a higher --limit-up-to shows more"
        )
        yield f"limit: calls were refused, but which limit that was is not known: {why}"


def _unknown_of_lag(lag: Lag) -> Iterator[str]:
    if lag.unknown:
        yield lag.unknown
        return
    if len(lag.delays_s) < _FEW_BLOCKS:
        yield f"lag: how it is distributed, as only {len(lag.delays_s)} new blocks came"
    yield "lag: how much of it is the way of a block through the network, and this machine's clock being wrong"


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
    yield f"  limit     {_limit_text(profile)}"
    if profile.head_delays_ms:
        delays = profile.head_delays_ms
        yield (
            f"  lag       a new block was {median(delays):.4g} ms old when first seen "
            f"({delays[0]:.4g} to {delays[-1]:.4g}, each to within {profile.head_delay_error_ms or 0:g} ms)"
        )
    if profile.heights_went_back:
        yield f"  heights   an older block came after a newer one {profile.heights_went_back} times"
    yield "  not known:"
    yield from (f"    {one}" for one in profile.unknown)


def _limit_text(profile: ProviderProfile) -> str:
    limit = profile.limit
    if limit is None:
        return f"none found up to {profile.limit_searched_per_second:g} calls per second"
    evenly = f", at an even rate, {limit.burst} at once after a rest" if limit.burst else ""
    room = f"{limit.window_ms_min / 1e3:.3g} to {limit.window_ms_max / 1e3:.3g} s fit what was measured"
    return f"{plural(limit.calls, 'call')} in {limit.window_ms / 1e3:.3g} s{evenly} ({room}); {_refusal_text(limit)}"


def _refusal_text(limit: MeasuredLimit) -> str:
    refusal = limit.refusal
    wait = refusal.headers.get("retry-after")
    says = f", Retry-After {wait}" if wait else ""
    if isinstance(refusal, RpcFailure):
        return f"refused with JSON-RPC error {refusal.code} under HTTP {refusal.http_status}{says}"
    return f"refused with HTTP {refusal.status}{says}"


def profile_text(profile: ProviderProfile) -> str:
    """The profile as TOML."""
    lines = [
        "# What `battle record` measured. A mock provider replays latencies, failures, limit and head_delays:",
        "# profile = FILE, or in Python MockProvider.from_profile(FILE, NAME). The rest is for whoever reads it.",
    ]
    return "\n".join([*lines, *_table(msgspec.to_builtins(profile), ()), ""])


def _table(values: dict[str, Any], name: tuple[str, ...]) -> Iterator[str]:
    """The lines of a TOML table: first its values, then the tables in it. What is None is left out."""
    if name:
        yield f"\n[{'.'.join(name)}]"
    for key, value in values.items():
        if value is not None and not isinstance(value, dict):
            yield f"{_key(key)} = {_toml(value)}"
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from _table(value, (*name, _key(key)))


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() and name.isascii() else _toml(name)


def _toml(value: object) -> str:
    """JSON's texts, numbers and lists of them are TOML's, but for one character that TOML wants to be escaped."""
    return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")
