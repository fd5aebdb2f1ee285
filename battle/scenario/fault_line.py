"""Faults as they are typed by hand, a line each, while providers stand: `error_rate a ratio=0.5 for=10s`. Pure.

    KIND TARGET [FIELD=VALUE ...] [for=LENGTH]    begins now, and holds until it is ended or its length is over
    end [ID ...]                                  ends these faults, or all
    faults                                        lists those that hold
    plan                                          plays the scenario's own faults, from now on
    help [KIND]

Fields and values are those of a scenario file. Several values of one field are separated by commas:
`error_rate a kinds=http_503,reset`.
"""

import re
from typing import Any, Literal, TypeAlias, get_args

import msgspec
from msgspec import inspect

from battle.actors.spec.base import Spec, nearest
from battle.actors.spec.faults.base import FaultSpec
from battle.actors.spec.faults.schedule import Fault
from battle.actors.units import Duration, duration_problem, parse_duration
from battle.actors.wire.untrusted_json import Unreadable, reader
from battle.errors import ScenarioError
from battle.scenario.data.files import DataFile, converted
from battle.scenario.fault_validation import fault_problems
from battle.scenario.scenario import Scenario

Word: TypeAlias = Literal["end", "faults", "plan", "help"]

KINDS: dict[str, type[FaultSpec]] = {kind.kind(): kind for kind in get_args(Fault)}
"""Every kind of fault, by the name that it has in a scenario file and in the log."""

_WORDS: tuple[Word, ...] = get_args(Word)
_PARTS = re.compile(r"""(?:[^\s"'\[{]|"[^"]*"|'[^']*'|\[[^]]*\]|\{[^}]*\})+""")
_LENGTH = "for"
_read = reader()
_BEGIN = "at"
"""The field that says when: now is when."""
_LENGTHS = ("duration", "down")
"""The fields that say how long in a file; `for` does for all kinds."""
_REPEATS = "{} repeats itself: by hand, begin one `kill` after the other"


class Order(msgspec.Struct, frozen=True):
    """One of the words, with what follows it."""

    word: Word
    about: tuple[str, ...] = ()


class FaultByHand(msgspec.Struct, frozen=True):
    """A fault that begins now; without a `length` it holds until it is ended."""

    fault: Fault
    length: Duration | None


Line: TypeAlias = Order | FaultByHand


def parse_line(line: str, scenario: Scenario) -> Line | None:
    """What a line asks for; None when it is empty or a comment.

    Raises:
        ScenarioError: there is no such order or fault, it has no such field, or it cannot fall on its target here.
    """
    first, *others = _PARTS.findall(line.partition("#")[0]) or [""]
    if not first:
        return None
    for word in _WORDS:
        if word == first:
            return Order(word, tuple(others))
    if first not in KINDS:
        meant = nearest(first, (*KINDS, *_WORDS))
        raise ScenarioError(
            f"there is no fault {first!r}: " + (f"did you mean `{meant}`?" if meant else "`help` lists them")
        )
    if not others or "=" in others[0]:
        raise ScenarioError(f"{first} needs a target: {first} {scenario.providers[0].name}")
    return _by_hand(KINDS[first], _unquoted(others[0]), others[1:], scenario)


def help_text(name: str) -> str:
    """What a kind of fault does when it is typed, and its fields."""
    kind = KINDS.get(name)
    if kind is None:
        return f"there is no fault {name!r}; there are: {', '.join(KINDS)}"
    if kind.repeats_every is not FaultSpec.repeats_every:
        return _REPEATS.format(name)
    summary = (kind.__doc__ or "").strip().partition("\n")[0].replace(f", at `{_BEGIN}`", "")
    for length in _LENGTHS:
        summary = summary.replace(f"`{length}`", f"`{_LENGTH}`")
    fields = [one for one in kind.__struct_fields__ if one not in ("target", _BEGIN, *_LENGTHS)]
    return f"{name} TARGET: {summary}\n  fields: {', '.join([*fields, f'{_LENGTH}=LENGTH'])}"


def _by_hand(kind: type[FaultSpec], target: str, parts: list[str], scenario: Scenario) -> FaultByHand:
    values, length = _values(kind, parts)
    if _BEGIN in values:
        raise ScenarioError(f"{kind.kind()}: by hand a fault begins now: leave {_BEGIN} out")
    now = {_BEGIN: 0} if _BEGIN in kind.__struct_fields__ else {}
    data = {**now, **values, "type": kind.kind(), "target": target}
    fault = converted(DataFile(kind.kind(), {"fault": data}), _Typed).fault
    if fault.repeats_every is not None:
        raise ScenarioError(_REPEATS.format(fault.kind()))
    problems = list(fault_problems(msgspec.structs.replace(scenario, chaos=(fault,))))
    if problems:
        raise ScenarioError("; ".join(problems))
    if length is None and any(name in values for name in _LENGTHS):
        begin, end = fault.first
        length = end - begin
    return FaultByHand(fault, length)


class _Typed(Spec, frozen=True):
    fault: Fault


def _values(kind: type[FaultSpec], parts: list[str]) -> tuple[dict[str, Any], Duration | None]:
    lists = {field.name for field in msgspec.structs.fields(kind) if _is_list(field.type)}
    values: dict[str, Any] = {}
    length: Duration | None = None
    for part in parts:
        name, equals, text = part.partition("=")
        if not equals or not text:
            raise ScenarioError(f"{kind.kind()}: {part!r} is no field with a value: write FIELD=VALUE")
        if name == _LENGTH:
            length = _length(text)
        elif name in lists and text[0] not in "[{":
            values[name] = [_value(one) for one in text.split(",")]
        else:
            values[name] = _value(text)
    return values, length


def _is_list(kind: Any) -> bool:
    return isinstance(inspect.type_info(kind), inspect.ListType | inspect.VarTupleType)


def _length(text: str) -> Duration:
    problem = duration_problem(text)
    length = parse_duration(text)
    if problem is not None or not length:
        raise ScenarioError(f"for={text} is no length of time: write for=10s")
    return length


def _value(text: str) -> Any:
    """As in JSON where it is such; a word otherwise: it needs no quotes."""
    try:
        return _read(text)
    except Unreadable:
        return _unquoted(text)


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text
