"""What was measured of a real provider, as the file that `battle record` writes and mock providers replay."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from battle.actors.spec.base import Spec
from battle.actors.spec.failures import HttpFailure, RpcFailure
from battle.actors.spec.limits import CallLimit
from battle.actors.units import ms
from battle.store import typed
from battle.store.regular import read_regular

PROFILE_BYTES_MAX = 2**20
"""Of a profile: one has some kilobytes."""


class ProfileError(ValueError):
    """A profile cannot be read; the message says which, and why."""


class MeasuredLimit(Spec, frozen=True, kw_only=True):
    """A rate limit as it was met: `calls` in each window of `window_ms`, with `burst` as in `CallLimit`.

    Any window from `window_ms_min` to `window_ms_max` fits what was measured. `refusal` is what the refused calls got
    most often, `refused_after_ms` how long they took for that: the median.
    """

    calls: int
    window_ms: float
    window_ms_min: float
    window_ms_max: float
    burst: int = 0
    refusal: HttpFailure | RpcFailure
    refused_after_ms: float = 0.0

    def problems(self) -> Iterator[str]:
        yield from (f"limit: {problem}" for problem in self.replayed().problems())

    def replayed(self) -> CallLimit:
        """The limit of a mock that behaves like that."""
        return CallLimit(
            calls=self.calls,
            window=ms(self.window_ms),
            burst=self.burst,
            refusal=self.refusal,
            delay=ms(self.refused_after_ms),
        )


class ProviderProfile(Spec, frozen=True, kw_only=True):
    """A provider as it was measured: by `requests` calls, `requests_per_second` of them in a second.

    `latencies_ms` are as likely one as another. `failure_ratio` of the calls failed, in the ways that `failures`
    lists, each as often as it came: names of failures, or "reset" and "no_answer". Where there is a `limit`, what it
    refused is not among them. Up to `limit_searched_per_second` calls per second a limit was looked for.

    `head_delays_ms` are as likely one as another: how long after its time a new block was first seen, by the clock of
    the machine that measured, each within `head_delay_error_ms`. `heights_went_back` is how often an older block
    came after a newer one. `unknown` says what could not be found out, in sentences.
    """

    latencies_ms: list[float]
    failure_ratio: float = 0.0
    failures: list[str] = []
    provider: str = ""
    recorded_at: str = ""
    requests: int = 0
    requests_per_second: float = 0.0
    chain_id: int | None = None
    limit_searched_per_second: float = 0.0
    head_delays_ms: list[float] = []
    head_delay_error_ms: float | None = None
    heights_went_back: int = 0
    unknown: list[str] = []
    limit: MeasuredLimit | None = None

    def problems(self) -> Iterator[str]:
        if not self.latencies_ms or min(self.latencies_ms) < 0:
            yield "latencies_ms needs at least one latency, none of them negative"
        if not 0 <= self.failure_ratio <= 1:
            yield f"failure_ratio is a share from 0 to 1, not {self.failure_ratio}"
        if self.failure_ratio and not self.failures:
            yield "failures must name what the calls of failure_ratio get"
        if self.head_delays_ms and min(self.head_delays_ms) < 0:
            yield "head_delays_ms cannot be negative"
        if self.limit is not None:
            yield from self.limit.problems()


def read_profile(path: Path | str) -> ProviderProfile:
    """The profile in a TOML file.

    Raises:
        ProfileError: it is not there, or no profile.
    """
    try:
        text = read_regular(Path(path), PROFILE_BYTES_MAX).decode()
        profile = typed.convert(tomllib.loads(text), ProviderProfile)
    except OSError as error:
        raise ProfileError(f"profile {path} cannot be read: {error.strerror}") from None
    except (msgspec.ValidationError, tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProfileError(f"profile {path}: {error}") from None
    if problems := list(profile.problems()):
        raise ProfileError(f"profile {path}: {'; '.join(problems)}")
    return profile
