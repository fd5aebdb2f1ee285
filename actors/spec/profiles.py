"""What was measured of a real provider, as the file that `battle record` writes and mock providers replay."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from battle.actors.spec.base import Spec
from battle.store import typed
from battle.store.regular import read_regular

PROFILE_BYTES_MAX = 2**20
"""Of a profile: one has some kilobytes."""


class ProfileError(ValueError):
    """A profile cannot be read; the message says which, and why."""


class ProviderProfile(Spec, frozen=True, kw_only=True):
    """A provider as it was measured: by `requests` calls, `requests_per_second` of them in a second.

    `latencies_ms` are as likely one as another. `failure_ratio` of the calls failed, in the ways that `failures`
    lists, each as often as it came: names of failures, or "reset" and "no_answer". `refused_above_per_second`: in a
    second with more calls some were refused. `head_age_ms` is how old a new block was when it was first seen, by this
    machine's clock; `heights_went_back` how often an older one came after it.
    """

    latencies_ms: list[float]
    failure_ratio: float = 0.0
    failures: list[str] = []
    provider: str = ""
    recorded_at: str = ""
    requests: int = 0
    requests_per_second: float = 0.0
    chain_id: int | None = None
    refused_above_per_second: float | None = None
    head_age_ms: float | None = None
    heights_went_back: int = 0

    def problems(self) -> Iterator[str]:
        if not self.latencies_ms or min(self.latencies_ms) < 0:
            yield "latencies_ms needs at least one latency, none of them negative"
        if not 0 <= self.failure_ratio <= 1:
            yield f"failure_ratio is a share from 0 to 1, not {self.failure_ratio}"
        if self.failure_ratio and not self.failures:
            yield "failures must name what the calls of failure_ratio get"


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
