"""The base of everything a scenario is written in: frozen data that says no to what it does not know."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any

import msgspec

from battle.actors.redaction import redacted
from battle.actors.units import format_duration, is_duration

_ALIKE = 0.6
"""How much of a word must agree for it to be what was meant."""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The one of the known words that was probably meant; None when none is alike."""
    by_lower = {one.lower(): one for one in known}
    found = get_close_matches(word.lower(), by_lower, n=1, cutoff=_ALIKE)
    return by_lower[found[0]] if found else None


def unknown_field(owner: type, field: str) -> str:
    """What is wrong with a field that a struct does not have: the struct, and the field that was probably meant.

    A struct may have `renamed_fields`: names that earlier versions had, and those of today.
    """
    if new := getattr(owner, "renamed_fields", {}).get(field):
        return f"`{field}` of {owner.__name__} is called `{new}` now"
    known = list(getattr(owner, "__struct_fields__", ()))
    meant = nearest(field, known)
    hint = f"did you mean `{meant}`?" if meant else f"its fields are {', '.join(known) or 'none'}"
    return f"unknown field `{field}` in {owner.__name__}: {hint}"


class Checking(msgspec.StructMeta):
    """Says of a constructor's wrong arguments which struct it was, and which field was probably meant."""

    def __call__(cls, *args: Any, **fields: Any) -> Any:
        try:
            return super().__call__(*args, **fields)
        except TypeError as error:
            raise TypeError(_wrong_arguments(cls, str(error), fields)) from None


def _wrong_arguments(owner: type, message: str, fields: Iterable[str]) -> str:
    known: tuple[str, ...] = getattr(owner, "__struct_fields__", ())
    if unknown := [field for field in fields if field not in known]:
        return "; ".join(unknown_field(owner, field) for field in unknown)
    return f"{owner.__name__}: {message}"


def above_zero_problems(whose: str, spec: msgspec.Struct, *names: str) -> Iterator[str]:
    """Which of these fields of a spec are not above 0, as sentences that begin with whose they are."""
    for field in msgspec.structs.fields(spec):
        value = getattr(spec, field.name)
        if field.name in names and value <= 0:
            shown = format_duration(value) if is_duration(field.type) else value
            yield f"{whose} {field.name} must be above 0, not {shown}"


class Spec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, metaclass=Checking):
    """One part of a scenario. It round-trips through JSON; unknown fields are refused when it is loaded."""

    def __repr__(self) -> str:
        return redacted(super().__repr__())

    def problems(self) -> Iterator[str]:
        """Each thing wrong with these values, as a sentence that says what to write instead."""
        yield from ()
