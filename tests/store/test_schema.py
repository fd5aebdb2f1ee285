"""The schema is derived from the structs, and no change to it goes unseen."""

from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest

from battle.store.events import TABLE_OF_TAG, TABLES, AnyEvent, Event, tag_of
from battle.store.schema import column_type, schema_text, table_columns

GOLDEN = Path(__file__).parent / "schema.golden"


def test_the_schema_is_the_golden_one() -> None:
    """A change that is meant: `python -c "import battle.store.schema as s; print(s.schema_text(), end='')"`."""
    assert schema_text() == GOLDEN.read_text()


@pytest.mark.parametrize("event_type", TABLES.values())
def test_none_is_the_only_default_of_an_event_field(event_type: type[Event]) -> None:
    for field in msgspec.structs.fields(event_type):
        assert field.default in (None, msgspec.NODEFAULT), field.name
        assert field.default_factory is msgspec.NODEFAULT, field.name


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (int, "BIGINT"),
        (float, "DOUBLE"),
        (str, "VARCHAR"),
        (bool, "BOOLEAN"),
        (Literal["a", "b"], "VARCHAR"),
        (dict[str, Any], "JSON"),
        (list[int], "BIGINT[]"),
        (tuple[str, ...], "VARCHAR[]"),
        (int | None, "BIGINT"),
        (Literal["a"] | None, "VARCHAR"),
    ],
)
def test_column_types(annotation: Any, expected: str) -> None:
    assert column_type(annotation) == expected


@pytest.mark.parametrize("annotation", [int | str, bytes, Literal[1], object])
def test_a_field_without_a_column_type_is_refused(annotation: Any) -> None:
    with pytest.raises(TypeError):
        column_type(annotation)


def test_each_table_ends_with_its_segment() -> None:
    assert list(table_columns("breaker_rejections")) == [
        "at_ns", "provider", "transport", "request_id", "segment",
    ]  # fmt: skip


def test_each_event_has_one_table_and_one_tag() -> None:
    assert set(AnyEvent.__args__) == set(TABLES.values())
    assert len(TABLE_OF_TAG) == len(TABLES)
    assert tag_of(TABLES["requests"]) == "request_ended"
