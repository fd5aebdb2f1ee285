"""The DuckDB schema, derived from the event structs: the one place where Python types become column types."""

from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from battle.store.events import TABLES

_SCALARS = {int: "BIGINT", float: "DOUBLE", str: "VARCHAR", bool: "BOOLEAN"}


def column_type(annotation: Any) -> str:
    """The DuckDB type of a field. Every column can be NULL, so `| None` changes nothing.

    Raises:
        TypeError: the log has no column for such a field.
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        present = [argument for argument in arguments if argument is not NoneType]
        if len(present) == 1:
            return column_type(present[0])
    if origin is Literal and all(isinstance(argument, str) for argument in arguments):
        return "VARCHAR"
    if origin in (list, tuple):
        return f"{column_type(arguments[0])}[]"
    if origin is dict or annotation is dict:
        return "JSON"
    if annotation in _SCALARS:
        return _SCALARS[annotation]
    raise TypeError(f"the log has no column type for {annotation!r}")


def struct_columns(struct: type[msgspec.Struct]) -> dict[str, str]:
    """The columns of a struct's fields, in their order, with their types."""
    hints = get_type_hints(struct)
    return {name: column_type(hints[name]) for name in struct.__struct_fields__}


def table_columns(table: str) -> dict[str, str]:
    """The columns of a table of the log: its event's fields, then the segment it came from."""
    return {**struct_columns(TABLES[table]), "segment": "VARCHAR"}


def schema_text() -> str:
    """The whole schema, one column a line: what the golden file in `tests/store/` holds."""
    lines = []
    for table in TABLES:
        lines += [f"{table}.{column} {kind}" for column, kind in table_columns(table).items()]
    return "\n".join(lines) + "\n"
