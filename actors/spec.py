"""The base of everything a scenario is written in: frozen data that says no to what it does not know."""

from collections.abc import Iterator

import msgspec


class Spec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One part of a scenario. It round-trips through JSON; unknown fields are refused when it is loaded."""

    def problems(self) -> Iterator[str]:
        """Each thing wrong with these values, as a sentence that says what to write instead."""
        yield from ()
