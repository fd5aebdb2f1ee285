"""In which line of a data file a mistake is. Pure."""

import re
from collections.abc import Iterator
from functools import lru_cache

import yaml

from battle.scenario.data.shapes import Path

_TOKEN = re.compile(
    r"""(?sx)
    \#[^\n]*+                                       # a comment
    | [^\S\n]++
    | "{3} (?: \\. | [^\\] )*? "{3,5}
    | '{3} .*? '{3,5}
    | " (?: \\. | [^"\\\n] )*+ "
    | ' [^'\n]*+ '
    | [^\s\[\]{}=,.\#"']++                          # a bare key, or a part of a value
    | .                                             # a sign that stands for itself, or the end of a line
    """
)
_ENDS_VALUE = frozenset(",]}\n")
_SIGNS = frozenset("[]{}=,.\n")


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
    try:
        places = _toml_places(text)
    except RecursionError:
        return None
    return next((places[path[:n]] for n in range(len(path), 0, -1) if path[:n] in places), None)


@lru_cache(maxsize=1)
def _toml_places(text: str) -> dict[Path, int]:
    """The line in which each table, key and item of a list begins."""
    return _TomlPlaces(text).places


class _TomlPlaces:
    """Reads text that is known to be TOML: what is a key, a table or an item, and nothing of what values mean."""

    def __init__(self, text: str) -> None:
        self.places: dict[Path, int] = {}
        self._counts: dict[Path, int] = {}
        self._tokens = list(_tokens(text))
        self._at = 0
        table: Path = ()
        while self._next:
            if self._next == "[":
                line = self._line
                self._at += 1
                is_item = self._next == "["
                table = _table_path(self._names("\n"), self._counts, is_item=is_item)
                self._note(table, line)
            elif self._next == "\n":
                self._at += 1
            else:
                self._pair(table)

    @property
    def _next(self) -> str:
        """The next token; "" at the end."""
        return self._tokens[self._at][0] if self._at < len(self._tokens) else ""

    @property
    def _line(self) -> int:
        return self._tokens[self._at][1]

    def _note(self, path: Path, line: int) -> None:
        """A dotted key stands for the tables around it too, where they have no place of their own."""
        self.places[path] = line
        for length in range(1, len(path)):
            self.places.setdefault(path[:length], line)

    def _names(self, end: str) -> list[str]:
        """The parts of a key, or of a table's head, up to what ends it."""
        names = []
        while self._next not in (end, ""):
            if self._next not in _SIGNS:
                names.append(self._next.strip("\"'"))
            self._at += 1
        self._at += 1
        return names

    def _pair(self, table: Path) -> None:
        line = self._line
        path = (*table, *self._names("="))
        self._note(path, line)
        self._value(path)

    def _value(self, path: Path) -> None:
        begin = self._next
        if begin not in ("[", "{"):
            while self._next and self._next not in _ENDS_VALUE:
                self._at += 1
            return
        self._at += 1
        number = 0
        while self._next not in ("]", "}", ""):
            if self._next in _ENDS_VALUE:
                self._at += 1
            elif begin == "{":
                self._pair(path)
            else:
                self._note((*path, number), self._line)
                self._value((*path, number))
                number += 1
        self._at += 1


def _tokens(text: str) -> Iterator[tuple[str, int]]:
    """What is neither blank nor a comment, each with the number of its line."""
    line = 1
    for found in _TOKEN.finditer(text):
        token = found[0]
        if token == "\n" or not (token.isspace() or token.startswith("#")):
            yield token, line
        line += token.count("\n")


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
