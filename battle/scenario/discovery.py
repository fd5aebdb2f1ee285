"""Which files of a directory hold scenarios, and which were left out, and why: nothing is left out in silence.

A Python file is imported only when it speaks of Battle, itself or by a module beside it; a data file is one when it
has the tables of one. What looks like a scenario and cannot be loaded is a row of its own, never skipped.
"""

import ast
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from battle.actors.author_files import source_of
from battle.defaults import DEFAULT_OUT
from battle.errors import ScenarioError
from battle.formatting import names_text
from battle.scenario.data.files import DATA_FILE_BYTES_MAX, SUFFIXES, parsed
from battle.scenario.data.kinds import USES, kind_of
from battle.store.regular import read_regular

SKIPPED_SHOWN = 8
"""Names of files that were skipped for the same reason: further ones are counted."""

SHORT_CHARACTERS = 10_000
"""A longer file that does not speak of providers is not read to see whether it is valid: YAML takes seconds."""

_OURS = frozenset({"battle"})
_SPEAKS = re.compile(r"^\s*(?:from|import)\s+battle\b", re.MULTILINE)
_TABLES = re.compile(r"(?:^|[\s{,\[])[\"']?(?:providers|workloads)[\"']?\s*(?:\]|=|:)")
_TEST = re.compile(r"test_.*\.py|.*_test\.py|conftest\.py")
_MAKERS = frozenset({"Scenario", "replace"})


class Skipped(msgspec.Struct, frozen=True):
    """A file in which no scenario was looked for, or found, and `why` in a few words."""

    name: str
    why: str


def files_below(place: Path) -> Iterator[Path]:
    """The files that could hold scenarios, in order: those of runs, of environments and hidden ones are none."""
    if not place.is_dir():
        yield place
        return
    paths = []
    for folder, folders, names in os.walk(place):
        folders[:] = [name for name in folders if not _is_foreign(Path(folder, name))]
        paths += [
            Path(folder, name)
            for name in names
            if Path(name).suffix in (".py", *SUFFIXES) and not name.startswith(".")
        ]
    yield from sorted(paths)


def _is_foreign(folder: Path) -> bool:
    return (
        folder.name.startswith(".")
        or folder.name in ("__pycache__", "node_modules", "site-packages", DEFAULT_OUT.name)
        or folder.is_symlink()
        or (folder / "pyvenv.cfg").exists()
        or (folder / "run.json").exists()
        or (folder / "suite.json").exists()
    )


def reason_to_skip(path: Path) -> str | None:
    """Why a file holds no scenario, without running anything of it; None when it looks as if it held one."""
    if path.suffix != ".py" and path.name.endswith(tuple(f".battle{suffix}" for suffix in SUFFIXES)):
        return None
    try:
        text = read_regular(path, DATA_FILE_BYTES_MAX).decode(errors="replace")
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    return _python_reason(path, text) if path.suffix == ".py" else _data_reason(path, text)


def speaks_of_battle(path: Path, seen: set[Path] | None = None) -> bool:
    """Whether a Python file imports Battle, itself or by modules beside it; those that were `seen` are left out."""
    try:
        text = source_of(path).decode(errors="replace")
    except OSError:
        return False
    return _imports_battle(path, text, set() if seen is None else seen)


def skipped_lines(skipped: Sequence[Skipped]) -> Iterator[str]:
    """Which files were skipped, those with the same reason together; nothing when there are none."""
    if not skipped:
        return
    reasons: dict[str, list[str]] = {}
    for one in skipped:
        reasons.setdefault(one.why, []).append(one.name)
    yield f"skipped {len(skipped)} {'file' if len(skipped) == 1 else 'files'}:"
    for why, names in reasons.items():
        yield f"  {names_text(names, SKIPPED_SHOWN)}: {why}"


def _data_reason(path: Path, text: str) -> str | None:
    nothing = "no providers and no workloads in it"
    named = "providers" in text or "workloads" in text
    if not named and len(text) > SHORT_CHARACTERS:
        return nothing
    try:
        data = parsed(text, path.suffix, str(path)).data
    except ScenarioError:
        return None if named and _TABLES.search(text) else f"it is not valid {path.suffix[1:].upper()}"
    if not isinstance(data, dict):
        return nothing
    if kind_of(path, data) == "providers":
        return USES["providers"]
    # Other programs' files have `providers` too: those of a scenario are a list.
    return None if "workloads" in data or isinstance(data.get("providers"), list) else nothing


def _python_reason(path: Path, text: str) -> str | None:
    if not _imports_battle(path, text, set()) and (_TEST.fullmatch(path.name) or "Scenario(" not in text):
        return "it does not import battle"
    if _TEST.fullmatch(path.name) and not _makes_scenarios(text):
        return "a file of tests"
    return None


def _imports_battle(path: Path, text: str, seen: set[Path]) -> bool:
    """Whether a module imports Battle, or one beside it that does."""
    seen.add(path)
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return _SPEAKS.search(text) is not None
    names = list(_imported_names(tree))
    if any(name.partition(".")[0] in _OURS for name in names):
        return True
    return any(
        speaks_of_battle(module, seen) for module in _modules_beside(path.parent, names) if module not in seen
    )


def _imported_names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _modules_beside(directory: Path, names: Iterable[str]) -> Iterator[Path]:
    for name in dict.fromkeys(names):
        place = directory.joinpath(*name.split("."))
        yield from (path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file())


def _makes_scenarios(text: str) -> bool:
    """Whether a scenario is made at the outermost level of a module, as far as its text shows."""
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    calls = [node.value for node in body if isinstance(node, ast.Assign | ast.AnnAssign)]
    return any(isinstance(call, ast.Call) and _last_name(call.func) in _MAKERS for call in calls)


def _last_name(function: ast.expr) -> str:
    return ast.unparse(function).rpartition(".")[2]
