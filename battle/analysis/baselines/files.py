"""The directory of baselines: a JSON file for each, to be committed with what it is a baseline of."""

import os
import re
from pathlib import Path

import msgspec

from battle.analysis.baselines.snapshot import (
    SCHEMA_VERSION,
    Identity,
    Snapshot,
    default_name,
)
from battle.analysis.reports.comparison import BYTES_MAX
from battle.errors import BattleError
from battle.store import typed
from battle.store.regular import read_regular

SUFFIX = ".json"


class NoBaselineError(BattleError):
    """There is no baseline for a scenario, world and gateway."""


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def save(snapshot: Snapshot, directory: Path, *, replace_others: bool = False) -> Path:
    """Write a baseline into its file, whole or not at all, and return its path. The same run gives the same bytes.

    It replaces the one of the same scenario, world and gateway; another's only with `replace_others`.

    Raises:
        BattleError: its name is none for a file, belongs to another's, or the directory cannot be written.
    """
    path = _path_of(snapshot.name, directory)
    if path.exists() and not replace_others:
        _check_replaces(path, snapshot)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.tmp")
        draft.write_bytes(encoded(snapshot))
        os.replace(draft, path)
    except OSError as error:
        raise BattleError(f"the baseline cannot be written to {path}: {error.strerror}") from None
    return path


def encoded(snapshot: Snapshot) -> bytes:
    """The bytes of a baseline's file: a line for each field, so that a diff shows what changed."""
    lines = (
        msgspec.json.encode(field.encode_name)
        + b": "
        + msgspec.json.encode(getattr(snapshot, field.name), order="deterministic")
        for field in msgspec.structs.fields(snapshot)
    )
    return b"{\n" + b",\n".join(lines) + b"\n}\n"


def load(path: Path) -> Snapshot:
    """The baseline in a file.

    Raises:
        BattleError: it cannot be read, or is of another version.
    """
    try:
        content = read_regular(path, BYTES_MAX)
        version = typed.decode(content, _Versioned).schema_version
        if version == SCHEMA_VERSION:
            return typed.decode(content, Snapshot)
    except OSError as error:
        raise BattleError(f"{path} cannot be read: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BattleError(f"{path} is not a baseline: {error}") from None
    raise BattleError(
        f"{path} has schema version {version}, this Battle reads {SCHEMA_VERSION}: save the baseline again"
    )


def paths(directory: Path) -> list[Path]:
    """The files of all baselines, by name; none when the directory is not there.

    Raises:
        BattleError: it is something else than a directory, or cannot be read.
    """
    try:
        with os.scandir(directory) as entries:
            next(entries, None)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise BattleError(f"{directory} is not a directory of baselines: {error.strerror}") from None
    return sorted(path for path in directory.glob(f"*{SUFFIX}") if path.is_file())


def named(text: str, directory: Path) -> Snapshot | None:
    """The baseline that `text` means: its name, or its file. None: there is none. Raises BattleError like `load`."""
    for path in (directory / f"{text}{SUFFIX}", Path(text)):
        if path.suffix == SUFFIX and path.is_file():
            return load(path)
    return None


def baseline_for(identity: Identity, directory: Path) -> Snapshot:
    """The one baseline of a scenario, world and gateway.

    Raises:
        NoBaselineError: there is none.
        BattleError: there are several, and none has the usual name.
    """
    usual = directory / f"{default_name(identity)}{SUFFIX}"
    fitting = [one for path in paths(directory) if (one := load(path)).identity == identity]
    chosen = [one for one in fitting if one.name == usual.stem] or fitting
    if len(chosen) == 1:
        return chosen[0]
    what = f"scenario {identity.scenario!r} in the {identity.world} world against {identity.gateway}"
    if not chosen:
        raise NoBaselineError(
            f"there is no baseline below {directory} for {what}: create one with `battle baseline save RUN`"
        )
    names = ", ".join(one.name for one in chosen)
    raise BattleError(f"there are several baselines for {what}: say which with --baseline ({names})")


class _Versioned(msgspec.Struct):
    schema_version: int


def _path_of(name: str, directory: Path) -> Path:
    if not _NAME.fullmatch(name):
        raise BattleError(
            f"{name!r} is not a valid baseline name: use up to 100 letters, digits and . _ -, no dot first"
        )
    return directory / f"{name}{SUFFIX}"


def _check_replaces(path: Path, snapshot: Snapshot) -> None:
    other = load(path).identity
    if other != snapshot.identity:
        raise BattleError(
            f"{path} is the baseline of {other.scenario!r} in the {other.world} world against {other.gateway}: "
            "give another --name, or --force to replace it"
        )
