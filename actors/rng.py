"""Randomness, all of it drawn from the run's seed.

A sequential stream of numbers shifts for everybody when one draw more or less is made. Draws keyed by
(seed, name, request, attempt) do not: runs with another strategy, or one fault less, stay comparable.
"""

from hashlib import blake2b
from random import Random as Random

_SCALE = 1 / 2**53


def stream(seed: int, name: str) -> Random:
    """A sequential stream of its own for `name`; it does not depend on PYTHONHASHSEED."""
    return Random(f"{seed}:{name}")


class Draws:
    """Numbers that are pure functions of (seed, name, key...)."""

    __slots__ = ("_key",)

    def __init__(self, seed: int, name: str) -> None:
        self._key = blake2b(f"{seed}:{name}".encode(), digest_size=32).digest()

    def uniform(self, *key: object) -> float:
        """A number in [0, 1) for this key. Keys are distinguished by their text: use strings and integers."""
        digest = blake2b("\x1f".join(map(str, key)).encode(), digest_size=8, key=self._key).digest()
        return (int.from_bytes(digest, "little") >> 11) * _SCALE

    def stream(self, *key: object) -> Random:
        """A whole stream of numbers for this key, for draws that need more than one (slower to make)."""
        return Random("\x1f".join((self._key.hex(), *map(str, key))))
