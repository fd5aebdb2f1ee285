"""Whether plain data has the shape of a struct: every mistake at once, each with its place and what to write instead.

msgspec stops at the first mistake and knows neither durations in words nor what was probably meant. So data is read
along the types first, by their annotations alone: a new field is covered by itself. Pure.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from math import isfinite
from typing import Any, NamedTuple, TypeAlias
from unicodedata import category

import msgspec
from msgspec import inspect

from battle.actors.spec.base import nearest, unknown_field
from battle.actors.units import duration_problem, format_duration, parse_duration
from battle.scenario.data.part_problems import part_problems
from battle.store import typed

Path: TypeAlias = tuple[str | int, ...]
"""Names of fields and numbers of items, from the outermost inwards."""


class Problem(NamedTuple):
    """One mistake: where it is, as a path and in words, and the sentence about it; of a value that value, shown."""

    path: Path
    where: str
    text: str
    value: str | None = None

    def is_in(self, sentence: str) -> bool:
        """Whether a part of the scenario says the same of itself: it names the field and shows the value."""
        return self.value is not None and self.value in sentence and str(self.path[-1]) in sentence

    def __str__(self) -> str:
        where = self.where if self.value is None else f"{self.where} = {self.value}"
        return f"{where}: {self.text}" if where else self.text


class ForeignValue:
    """Stands in plain data for an object that is none."""

    def __init__(self, value: object) -> None:
        self.kind = type(value).__name__


def read(
    data: Any, root: type, table: str = "a table", found: Iterable[Problem] = ()
) -> tuple[Any, list[Problem]]:
    """Data from a file with its durations in words made numbers, and all that is wrong with its shape.

    When something is, what the structs of a right shape say of their own values comes after it. `table` is what the
    file's language calls one, `found` what is known to be wrong already.
    """
    reader = _Reader(words=True, table=table)
    reader.problems += found
    return reader.value(data, _kind_of(root), _Place()), reader.problems + reader.of_sound_structs()


def problems_of(struct: msgspec.Struct) -> list[Problem]:
    """All that is wrong with the shape of what a struct made in Python holds: Python takes anything for a field."""
    return _read_struct(struct).problems


def all_problems_of(struct: msgspec.Struct) -> list[Problem]:
    """The same, and when there is any, what the structs of a right shape in it say of their own values."""
    reader = _read_struct(struct)
    return reader.problems + reader.of_sound_structs()


def _read_struct(struct: msgspec.Struct) -> "_Reader":
    reader = _Reader(words=False)
    reader.value(_plain(struct), _kind_of(type(struct)), _Place())
    return reader


_kind_of = cache(inspect.type_info)


class _Place(NamedTuple):
    path: Path = ()
    where: str = ""

    def field(self, name: str) -> "_Place":
        joint = "" if not self.where else ": " if self.where.endswith(")") else "."
        return _Place((*self.path, name), f"{self.where}{joint}{name}")

    def item(self, number: int, data: Any) -> "_Place":
        """An item of a list is called by its number, its kind, and whom it is about."""
        words = [data.get(key) for key in ("type", "target", "name")] if isinstance(data, dict) else []
        said = " ".join(word for word in words if isinstance(word, str) and word)
        return _Place(
            (*self.path, number), f"{self.where}[{number}]" + (f" ({shown_text(said)})" if said else "")
        )


class _Reader:
    """Walks data along its types; `words`: durations may be texts."""

    def __init__(self, *, words: bool, table: str = "a table") -> None:
        self._a_table = table
        self.problems: list[Problem] = []
        self._words = words
        self._sound: list[tuple[Any, type, _Place]] = []

    def of_sound_structs(self) -> list[Problem]:
        """What structs in which all has its shape say of themselves; nothing when that is so of all.

        The whole cannot be asked when a part of it is wrong, and its author should not hear of the rest only later.
        """
        if not self.problems:
            return []
        found: list[Problem] = []
        for data, cls, place in reversed(
            self._sound
        ):  # outer ones first: they report what is in them as well
            name = place.path[-1] if place.path else ""
            own = [text.removeprefix(f"{name}: ") for text in _own_problems(data, cls)]
            found += [
                Problem(place.path, place.where, text)
                for text in own
                if not any(text in one.text and _is_within(place.path, one.path) for one in found)
            ]
        return sorted(found, key=lambda problem: [str(part) for part in problem.path])

    def value(self, data: Any, kind: inspect.Type, place: _Place) -> Any:
        """The data as it is to be converted."""
        match kind:
            case inspect.Metadata(extra={"duration": True}):
                return self._duration(data, place)
            case inspect.Metadata():
                return self.value(data, kind.type, place)
            case inspect.UnionType():
                return self._one_of(data, kind, place)
            case inspect.StructType() if isinstance(data, dict):
                return self._struct(data, kind, place)
            case inspect.DictType() if isinstance(data, dict):
                return self._table(data, kind, place)
            case inspect.ListType() | inspect.VarTupleType() | inspect.SetType() if isinstance(
                data, list | tuple
            ):
                items = enumerate(data)
                return [self.value(item, kind.item_type, place.item(number, item)) for number, item in items]
            case inspect.LiteralType():
                self._choice(data, kind.values, place)
            case inspect.AnyType():
                self._anything(data, place, set())
            case inspect.FloatType() if isinstance(data, float) and not isfinite(data):
                self._refuse_value(place, _shown(data), "expected a finite number")
            case _ if not _fits(data, kind):
                self._refuse(place, _unexpected(data, [kind], self._a_table))
        if isinstance(data, str):
            self._text(data, place)
        return data

    def _refuse(self, place: _Place, text: str) -> None:
        self.problems.append(Problem(place.path, place.where, text))

    def _duration(self, data: Any, place: _Place) -> Any:
        value = parse_duration(data) if isinstance(data, str) else data
        problem = duration_problem(data)
        if problem is not None:
            self._refuse_value(place, _shown(data if value is None else value, duration=True), problem)
        elif isinstance(data, str) and not self._words:
            self._refuse_value(
                place, _shown(data), f"durations are numbers in Python; write {_in_python(value)}"
            )
        return data if value is None else value

    def _refuse_value(self, place: _Place, shown: str, text: str) -> None:
        self.problems.append(Problem(place.path, place.where, text, shown))

    def _one_of(self, data: Any, union: inspect.UnionType, place: _Place) -> Any:
        structs = [kind for kind in union.types if isinstance(kind, inspect.StructType)]
        if isinstance(data, dict) and structs:
            chosen = structs[0] if structs[0].tag is None else self._tagged(data, structs, place)
            return data if chosen is None else self._struct(data, chosen, place)
        takes = [kind for kind in union.types if _takes(data, kind)]
        if takes:
            return self.value(data, takes[0], place)
        durations = [kind for kind in union.types if _is_duration(kind)]
        if durations and isinstance(data, str | int | float):
            return self._duration(data, place)
        self._refuse(place, _unexpected(data, union.types, self._a_table))
        return data

    def _tagged(
        self, data: dict[Any, Any], structs: Sequence[inspect.StructType], place: _Place
    ) -> inspect.StructType | None:
        tag = data.get("type")
        for struct in structs:
            if struct.tag == tag:
                return struct
        known = [str(struct.tag) for struct in structs]
        if tag is None:
            self._refuse(place, f"`type` is missing; it is one of {', '.join(known)}")
        else:
            self._refuse_value(place.field("type"), _shown(tag), _no_such(tag, known))
        return None

    def _struct(self, data: dict[Any, Any], kind: inspect.StructType, place: _Place) -> Any:
        fields = {field.encode_name: field for field in kind.fields}
        result: dict[Any, Any] = {}
        before = len(self.problems)
        for name, value in data.items():
            if name in fields:
                result[name] = self.value(value, fields[name].type, place.field(name))
                continue
            result[name] = value
            if name == kind.tag_field and kind.tag is not None:
                self._choice(value, [kind.tag], place.field(name))
            else:
                shown = shown_text(str(name))
                self.problems.append(
                    Problem((*place.path, shown), place.where, unknown_field(kind.cls, shown))
                )
        for name, field in fields.items():
            if field.required and name not in data:
                self._refuse(place, f"`{name}` is missing; {kind.cls.__name__} needs it")
        # Where a generator that a file names lies is known only when the whole scenario is.
        if len(self.problems) == before and not (self._words and data.get("generator")):
            self._sound.append((result, kind.cls, place))
        return result

    def _table(self, data: dict[Any, Any], kind: inspect.DictType, place: _Place) -> Any:
        result = {}
        for name, value in data.items():
            inside = place.field(shown_text(str(name)))
            self.value(name, kind.key_type, inside)
            result[name] = self.value(value, kind.value_type, inside)
        return result

    def _choice(self, data: Any, values: Sequence[Any], place: _Place) -> None:
        if data not in values:
            self._refuse_value(place, _shown(data), _no_such(data, [str(value) for value in values]))

    def _anything(self, data: Any, place: _Place, seen: set[int]) -> None:
        """What may be anything is written to files as JSON all the same; what refers to itself is looked at once."""
        if isinstance(data, str):
            if (found := _half(data)) is not None:
                self._refuse(place, _unwritable(found))
        elif isinstance(data, dict | list | tuple) and id(data) not in seen:
            seen.add(id(data))
            items = data.items() if isinstance(data, dict) else enumerate(data)
            for name, value in items:
                self._anything(name, place, seen)
                self._anything(value, place, seen)
        elif isinstance(data, ForeignValue):
            self._refuse(place, f"a {data.kind} is not data: write strings, numbers, lists and tables")

    def _text(self, text: str, place: _Place) -> None:
        found = _half(text) or next((sign for sign in text if _is_control(sign)), None)
        if found is not None:
            self._refuse(place, _unwritable(found))


def _own_problems(data: Any, cls: type) -> list[str]:
    """What a struct of this data says of its values; nothing when it cannot be made, or says nothing."""
    if not hasattr(cls, "problems"):
        return []
    try:
        return list(part_problems(typed.convert(data, cls)))
    except (msgspec.ValidationError, RecursionError):
        return []


def _is_within(path: Path, outer: Path) -> bool:
    return path[: len(outer)] == outer


def _plain(value: Any) -> Any:
    """The struct as plain data, whatever it holds."""
    match value:
        case msgspec.Struct():
            config = value.__struct_config__
            fields = {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
            return fields if config.tag is None else {config.tag_field: config.tag, **fields}
        case dict():
            return {name: _plain(one) for name, one in value.items()}
        case list() | tuple():
            return [_plain(one) for one in value]
        case set() | frozenset():
            return sorted((_plain(one) for one in value), key=repr)
        case None | bool() | int() | float() | str():
            return value
        case _:
            return ForeignValue(value)


def _takes(data: Any, kind: inspect.Type) -> bool:
    """Whether data is of this kind, for all that can be seen from outside."""
    match kind:
        case inspect.Metadata():
            return not _is_duration(kind) and _takes(data, kind.type)
        case inspect.ListType() | inspect.VarTupleType() | inspect.SetType():
            return isinstance(data, list | tuple)
        case inspect.DictType() | inspect.StructType():
            return isinstance(data, dict)
        case inspect.LiteralType():
            return isinstance(data, str)
        case inspect.AnyType():
            return True
        case _:
            return _fits(data, kind)


def _fits(data: Any, kind: inspect.Type) -> bool:
    match kind:
        case inspect.StrType():
            return isinstance(data, str)
        case inspect.BoolType():
            return isinstance(data, bool)
        case inspect.IntType():
            return isinstance(data, int) and not isinstance(data, bool)
        case inspect.FloatType():
            return isinstance(data, int | float) and not isinstance(data, bool)
        case inspect.NoneType():
            return data is None
        case inspect.ListType() | inspect.VarTupleType() | inspect.SetType() | inspect.DictType():
            return False  # those that fit were taken apart already
        case inspect.StructType():
            return False
        case _:
            return True


def _is_duration(kind: inspect.Type) -> bool:
    return isinstance(kind, inspect.Metadata) and (kind.extra or {}).get("duration") is True


_EXPECTED: tuple[tuple[tuple[type, ...], str], ...] = (
    ((inspect.StrType, inspect.LiteralType), "a string"),
    ((inspect.BoolType,), "true or false"),
    ((inspect.IntType,), "a whole number"),
    ((inspect.FloatType,), "a number"),
    ((inspect.ListType, inspect.VarTupleType, inspect.SetType), "a list: write [ ... ]"),
    ((inspect.DictType, inspect.StructType), "a table: write { ... }"),
)


def _expected(kinds: Iterable[inspect.Type], table: str) -> Iterator[str]:
    for kind in kinds:
        if _is_duration(kind):
            yield 'a duration such as "10s"'
            continue
        plain = kind.type if isinstance(kind, inspect.Metadata) else kind
        yield from (text.replace("a table", table) for types, text in _EXPECTED if isinstance(plain, types))


def _unexpected(data: Any, kinds: Iterable[inspect.Type], table: str) -> str:
    kinds, seen = list(kinds), table if isinstance(data, dict) else _shown(data)
    expected = f"expected {' or '.join(dict.fromkeys(_expected(kinds, table)))}, not {seen}"
    share = _percentage(data) if any(isinstance(kind, inspect.FloatType) for kind in kinds) else None
    return expected if share is None else f"{expected}: write {share:g}"


def _percentage(data: Any) -> float | None:
    """The share that "99%" means."""
    if not isinstance(data, str) or not data.strip().endswith("%"):
        return None
    try:
        return round(float(data.strip().removesuffix("%")) / 100, 12)
    except ValueError:
        return None


def _no_such(value: Any, known: Sequence[str]) -> str:
    meant = nearest(value, known) if isinstance(value, str) else None
    hint = f"did you mean {meant!r}? " if meant else ""
    return f"{hint}it is {'one of ' if len(known) > 1 else ''}{', '.join(known)}"


_SHOWN_MAX = 60


def _shown(data: Any, *, duration: bool = False) -> str:
    if duration and isinstance(data, int) and not isinstance(data, bool):
        return format_duration(data)
    if isinstance(data, ForeignValue):
        return f"a {data.kind}"
    if isinstance(data, dict):
        return "a table"
    if isinstance(data, list | tuple):
        return "a list"
    if data is None or isinstance(data, bool):
        return "nothing" if data is None else str(data).lower()
    return shown_text(repr(data))


def shown_text(text: str) -> str:
    """A text that a terminal can show, and that is not too long for a sentence."""
    printable = "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text
    )
    return printable if len(printable) <= _SHOWN_MAX else printable[: _SHOWN_MAX - 3] + "..."


def _in_python(value: Any) -> str:
    return f"seconds({value / 10**9:g})" if value >= 10**9 else f"ms({value / 10**6:g})"


def _half(text: str) -> str | None:
    """Half of a UTF-16 pair, which no file can hold."""
    return next((sign for sign in text if category(sign) == "Cs"), None)


def _is_control(sign: str) -> bool:
    return category(sign) == "Cc" and sign not in "\t\n\r"


def _unwritable(sign: str) -> str:
    what = "half of a surrogate pair" if category(sign) == "Cs" else "a control character"
    return f"it holds \\u{ord(sign):04x}, {what}: leave it out"
