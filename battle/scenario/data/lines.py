"""In which line of a data file a mistake is. Pure."""

import re
from collections.abc import Iterator

import yaml

from battle.scenario.data.shapes import Path

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]")
_KEY = re.compile(r"\s*((?:[\w-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[\w-]+|\"[^\"]*\"|'[^']*'))*)\s*=")
_NAME = re.compile(r"[\w-]+|\"[^\"]*\"|'[^']*'")


def line_of(text: str, suffix: str, path: Path) -> int | None:
    """The line, counted from 1, of what the path leads to, or of what is next around it; None: unknown."""
    return _in_toml(text, path) if suffix == ".toml" else _in_yaml(text, path)


def _in_yaml(text: str, path: Path) -> int | None:
    """JSON is YAML too, as far as lines matter."""
    try:
        node = yaml.compose(text, yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError):
        return None
    line: int | None = None
    for step in path:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == step), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            found = (node.value[step], node.value[step])
        else:
            found = None
        if found is None:
            break
        line, node = found[0].start_mark.line + 1, found[1]
    return line


def _in_toml(text: str, path: Path) -> int | None:
    places = dict(_toml_places(text))
    for length in range(len(path), 0, -1):
        if path[:length] in places:
            begin = places[path[:length]]
            return _further(text, begin, path[length:])
    return _further(text, 1, path) if path else None


def _further(text: str, begin: int, rest: Path) -> int:
    """What stands in an inline table has no place of its own: the first line from here on that has its name."""
    line, lines = begin, text.splitlines()
    for step in rest:
        if isinstance(step, str):
            named = re.compile(rf"(?<![\w-])['\"]?{re.escape(step)}['\"]?\s*=")
            line = next((n for n in range(line, len(lines) + 1) if named.search(lines[n - 1])), line)
    return line


def _toml_places(text: str) -> Iterator[tuple[Path, int]]:
    """The path of each table and key that stands at the start of a line, with the number of its line."""
    counts: dict[Path, int] = {}
    table: Path = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = _table_path(_names(header[2]), counts, is_item=header[1] == "[[")
            yield table, number
        elif key := _KEY.match(line):
            yield (*table, *_names(key[1])), number


def _table_path(names: list[str], counts: dict[Path, int], *, is_item: bool) -> Path:
    path: Path = ()
    for position, name in enumerate(names):
        path = (*path, name)
        last = position == len(names) - 1
        if last and is_item:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


def _names(text: str) -> list[str]:
    return [name.strip("\"'") for name in _NAME.findall(text)]
