"""JSON from outside: any bytes in, data that is safe to use or one documented error out."""

import ast
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle import actors
from battle.actors.wire.untrusted_json import Unreadable, reader

read_anything = reader()
read_raw = reader(dict[str, msgspec.Raw])

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_json_is_read(data: Any) -> None:
    assert read_anything(msgspec.json.encode(data)) == data


@given(st.binary())
def test_any_bytes_are_json_or_unreadable(data: bytes) -> None:
    for read in (read_anything, read_raw, reader(str), reader(int), reader(list[msgspec.Raw])):
        with suppress(Unreadable):
            read(data)


@pytest.mark.parametrize(
    ("text", "is_json"),
    [
        (b"", False),
        (b'{"a":"\xff"}', False),
        (b'{"a":"\xed\xa0\x80"}', False),
        (b'{"a":"\\ud800"}', False),
        (b'{"\xff":1}', False),
        (b'{"a":NaN}', False),
        (b"{" * 100_000, False),
        (b"[" * 100_000 + b"]" * 100_000, False),
        (b"1e999", True),
        (b"9" * 5000, True),
    ],
)
def test_what_cannot_be_read_is_one_kind_of_error(text: bytes, is_json: bool) -> None:
    for read in (read_anything, reader(msgspec.Raw)):
        if read is read_anything or not is_json:
            with pytest.raises(Unreadable) as caught:
                read(text)
            assert caught.value.is_json == is_json


def test_a_string_with_lone_surrogates_is_unreadable() -> None:
    with pytest.raises(Unreadable):
        read_anything('"\ud800"')


def test_another_shape_is_json() -> None:
    with pytest.raises(Unreadable) as caught:
        read_raw(b"[1]")
    assert caught.value.is_json


def test_the_raw_parts_of_what_was_read_are_utf8() -> None:
    with pytest.raises(Unreadable):
        read_raw(b'{"a":{"b":"\xff"}}')
    assert bytes(read_raw('{"a":"\u00e9"}')["a"]).decode() == '"\u00e9"'


def _further_down(data: Any, frames: int) -> None:
    if frames:
        _further_down(data, frames - 1)
        return
    assert msgspec.json.encode(data)
    assert repr(data)
    assert data == data[:]


def test_whatever_was_read_can_be_used_further_down_the_stack() -> None:
    """A text that is just not too deep to be read must not be too deep to be encoded a few calls later."""
    read_deepest = 0
    for depth in range(50, 1100):
        try:
            data = read_anything(b"[" * depth + b"]" * depth)
        except Unreadable:
            continue
        read_deepest = depth
        _further_down(data, 80)
    assert read_deepest > 500


def test_nobody_else_decodes_json() -> None:
    """But the live world, whose nodes and coordinator talk to one another."""
    root = Path(actors.__file__).parent
    found = [
        f"{path.relative_to(root)}:{node.lineno}"
        for path in sorted(root.rglob("*.py"))
        if path != root / "wire/untrusted_json.py" and root / "world/live" not in path.parents
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
        and node.attr in ("decode", "Decoder", "loads")
        and isinstance(node.value, ast.Attribute | ast.Name)
        and ast.unparse(node.value) in ("msgspec.json", "json")
    ]
    assert found == []
