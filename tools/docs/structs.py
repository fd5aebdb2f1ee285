"""The structs that scenarios are written in, in the words of their code."""

import ast
import inspect
import re
import sys
import types
from collections.abc import Container, Iterable, Iterator
from itertools import pairwise
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec

from battle.actors.units import format_duration
from tools.docs.markdown import table


def reachable(root: type, elsewhere: Container[type] = ()) -> list[type]:
    """All structs that `root` is made of, but for those that are documented elsewhere."""
    structs: dict[type, None] = {}
    waiting = [root]
    while waiting:
        struct = waiting.pop(0)
        if struct not in structs and struct not in elsewhere:
            structs[struct] = None
            waiting += [found for hint in get_type_hints(struct).values() for found in _structs_in(hint)]
    return list(structs)


def words_of(structs: Iterable[type]) -> Iterator[str]:
    """The section on the type aliases that the structs' fields name."""
    aliases: dict[str, types.ModuleType] = {}
    for struct in structs:
        for _, text, home in _written_fields(struct):
            names = re.findall(r"[A-Z][A-Za-z]+", text)
            aliases |= {name: _home(name, home) for name in names if _is_alias(name, home)}
    yield from ("## Words used above", "")
    for name, home in sorted(aliases.items()):
        yield from _alias(name, home)


def _structs_in(hint: Any) -> Iterator[type]:
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        yield hint
    for argument in get_args(hint):
        yield from _structs_in(argument)


def _is_alias(name: str, home: types.ModuleType) -> bool:
    value = getattr(home, name, None)
    return (
        value is not None
        and name not in ("Any", "Literal")
        and not (isinstance(value, type) and value is not int)
    )


def _home(name: str, user: types.ModuleType) -> types.ModuleType:
    """The module that defines the alias, which `user` may only import."""
    for node in ast.parse(inspect.getsource(user)).body:
        if isinstance(node, ast.ImportFrom) and any(alias.name == name for alias in node.names):
            return _home(name, sys.modules[str(node.module)])
    return user


def _written_fields(struct: type) -> Iterator[tuple[str, str, types.ModuleType]]:
    """Each field's name, its annotation as written, and the module it is written in."""
    for base in _own_bases(struct):
        for node in _class_body(base):
            if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
                continue
            if not ast.unparse(node.annotation).startswith("ClassVar"):
                yield node.target.id, ast.unparse(node.annotation), sys.modules[base.__module__]


def _own_bases(struct: type) -> list[type]:
    """The classes that give the struct its fields, itself among them."""
    bases = struct.__mro__[: struct.__mro__.index(msgspec.Struct)]
    return list(reversed(bases))


def _class_body(struct: type) -> list[ast.stmt]:
    definition = ast.parse(inspect.getsource(struct)).body[0]
    assert isinstance(definition, ast.ClassDef)
    return definition.body


def _docs_after(body: list[ast.stmt]) -> dict[str, str]:
    """What the strings after assignments say of what was assigned."""
    return {
        node.target.id: inspect.cleandoc(after.value.value)
        for node, after in pairwise(body)
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and isinstance(after, ast.Expr)
        and isinstance(after.value, ast.Constant)
        and isinstance(after.value.value, str)
    }


class Field(msgspec.Struct, frozen=True):
    """One field of a struct, in the words of its code."""

    name: str
    annotation: str
    default: str
    meaning: str


def fields_of(struct: type) -> list[Field]:
    """The fields in the order in which they are given."""
    written = {name: text for name, text, _ in _written_fields(struct)}
    meanings = {
        name: doc for base in _own_bases(struct) for name, doc in _docs_after(_class_body(base)).items()
    }
    return [
        Field(
            field.name,
            f"`{written.get(field.name, field.type)}`",
            _default(field, written),
            meanings.get(field.name, ""),
        )
        for field in msgspec.structs.fields(struct)
    ]


def head_of(struct: type, level: str = "##") -> Iterator[str]:
    """A struct's heading and docstring, and how files name it."""
    yield from (f"{level} {struct.__name__}", "", inspect.getdoc(struct) or "", "")
    tag = struct.__struct_config__.tag  # type: ignore[attr-defined]
    if tag is not None:
        yield from (f'In files: `type = "{tag}"`.', "")


def section_of(struct: type) -> Iterator[str]:
    """All about a struct."""
    yield from head_of(struct)
    fields = fields_of(struct)
    columns = ["field", "type", "default", *(["meaning"] if any(field.meaning for field in fields) else [])]
    rows = ((f"`{field.name}`", field.annotation, field.default, field.meaning) for field in fields)
    yield from table(columns, (row[: len(columns)] for row in rows))


def _default(field: msgspec.structs.FieldInfo, written: dict[str, str]) -> str:
    if field.required:
        return "required"
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    if isinstance(value, msgspec.Struct):
        return f"`{type(value).__name__}()`"
    if isinstance(value, int) and value and written.get(field.name, "").startswith(("Duration", "Latency")):
        return format_duration(value)
    if isinstance(value, set):
        return f"`{{{', '.join(repr(item) for item in sorted(value))}}}`"
    return f"`{value!r}`"


def _alias(name: str, home: types.ModuleType) -> Iterator[str]:
    body = ast.parse(inspect.getsource(home)).body
    (written,) = (
        ast.unparse(node.value)
        for node in body
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == name and node.value is not None
    )
    yield from (f"**{name}** = `{_as_written(getattr(home, name), written)}`", "")
    if doc := _docs_after(body).get(name):
        yield from (doc, "")


def _as_written(value: Any, written: str) -> str:
    """An alias as it is written; a union of structs by their names, whatever bases and unions it is written with."""
    members = get_args(value)
    structs = [one for one in members if isinstance(one, type) and issubclass(one, msgspec.Struct)]
    if get_origin(value) in (Union, types.UnionType) and len(structs) == len(members):
        return " | ".join(struct.__name__ for struct in structs)
    return written
