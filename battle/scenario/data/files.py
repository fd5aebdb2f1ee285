"""TOML, YAML and JSON files as plain data, and as the structs that they are to be."""

import re
import tomllib
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from battle.errors import ScenarioError
from battle.scenario.data.lines import line_of
from battle.scenario.data.shapes import Problem, read
from battle.scenario.data.thresholds import without_thresholds
from battle.store import typed
from battle.store.regular import read_regular

SUFFIXES = (".toml", ".yaml", ".yml", ".json")

DATA_FILE_BYTES_MAX = 4 * 2**20
"""Of a file of settings that people write: a larger one is something else."""

YAML_NODES_MAX = 200_000
"""Values of one YAML document, with each alias counted as what it stands for: nine lines can make a billion."""

TOML_KEY_PARTS_MAX = 100
"""Of one dotted key: settings that people write have a few."""

_PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+"""
_LONG_KEY = re.compile(rf"(?<![\w-])(?:{_PART}){{{TOML_KEY_PARTS_MAX}}}")

_BYTE = re.compile(r" \(byte (\d+)\)")

T = TypeVar("T")


class DataFile(msgspec.Struct, frozen=True):
    """What a file holds, and the text that it was read from; `source` names it in messages."""

    source: str
    data: Any
    text: str = ""
    suffix: str = ".json"

    def within(self, problem: Problem) -> str:
        """The problem with the line it is in, if that is known."""
        line = line_of(self.text, self.suffix, problem.path)
        return str(problem) if line is None else f"line {line}: {problem}"


def read_data(path: Path) -> DataFile:
    """What a TOML, YAML or JSON file holds, as plain data.

    Raises:
        ScenarioError: it cannot be read, or is not what its name says.
    """
    if path.suffix not in SUFFIXES:
        raise ScenarioError(f"{path}: a data file ends in {', '.join(SUFFIXES)}")
    try:
        text = read_regular(path, DATA_FILE_BYTES_MAX).decode()
    except OSError as error:
        raise ScenarioError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{path} {not_utf8(error)}") from None
    return parsed(text, path.suffix, str(path))


def parsed(text: str, suffix: str, source: str) -> DataFile:
    """The text of a file of that kind as plain data. Raises ScenarioError."""
    try:
        return DataFile(source, _parse(text, suffix), text, suffix)
    except (ValueError, yaml.YAMLError) as error:
        raise ScenarioError(
            f"{source} is not valid {suffix[1:].upper()}: {_described(error, text)}"
        ) from None
    except RecursionError:
        raise ScenarioError(f"{source} is nested too deeply") from None


def not_utf8(error: UnicodeDecodeError) -> str:
    """What is wrong with a file of which that is said: "is not UTF-8 text: line 3 has the byte 0xff"."""
    data: bytes = error.object
    line = data.count(b"\n", 0, error.start) + 1
    return f"is not UTF-8 text: line {line} has the byte {data[error.start]:#04x}"


def _described(error: Exception, text: str) -> str:
    """What a parser says, in one line that begins with the line of the file. TOML's says where it is by itself."""
    match error:
        case yaml.MarkedYAMLError(problem_mark=yaml.Mark() as mark):
            said = ", ".join(part for part in (error.context, error.problem) if part)
            return f"line {mark.line + 1}: {said}"
        case yaml.reader.ReaderError():
            line = text.count("\n", 0, error.position) + 1
            return f"line {line}: the character U+{error.character:04X} is not allowed"
        case msgspec.DecodeError():
            said, where = _BYTE.sub("", str(error)), _BYTE.search(str(error))
            before = text.encode()[: int(where[1])] if where else text.rstrip().encode()
            line = before.count(b"\n") + 1
            return f"line {line}: {said.removeprefix('JSON is malformed: ')}"
        case _:
            return str(error)


def converted(file: DataFile, root: type[T]) -> T:
    """The struct that the file's data describes; durations may be written "50ms".

    Raises:
        ScenarioError: naming every value of a wrong shape, every unknown and every missing field.
    """
    try:
        has_slos = "slo" in getattr(root, "__struct_fields__", ())
        data, found = without_thresholds(file.data) if has_slos else (file.data, [])
        plain, problems = read(
            data, root, "a mapping" if file.suffix in (".yaml", ".yml") else "a table", found
        )
        if not problems:
            return typed.convert(plain, root)
    except msgspec.ValidationError as error:
        raise ScenarioError(f"{file.source}: {error}") from None
    except RecursionError:
        raise ScenarioError(f"{file.source} is nested too deeply, or refers to itself") from None
    raise ScenarioError(file.source, [file.within(problem) for problem in problems])


def _parse(text: str, suffix: str) -> Any:
    if suffix == ".toml":
        if _LONG_KEY.search(text):
            raise RecursionError  # which it would be, after hours: the time for such a key grows with its cube
        return tomllib.loads(text)
    if suffix == ".json":
        return typed.decode(text)
    return _parse_yaml(text)


def _parse_yaml(text: str) -> Any:
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _refuse_bomb(node)
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _refuse_bomb(root: yaml.Node) -> None:
    """Count what the aliases of a YAML document stand for, before any of it is built. Raises ValueError."""
    count, left = 0, [root]
    while left:
        count += 1
        if count > YAML_NODES_MAX:
            raise ValueError(
                f"its aliases make more than {YAML_NODES_MAX:,} values of it, or it refers to itself"
            )
        node = left.pop()
        if isinstance(node, yaml.MappingNode):
            left += [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            left += node.value
