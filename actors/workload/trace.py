"""Recorded traces: JSON lines of calls with their times, read and checked as a whole before anything starts."""

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from actors.units import Duration, minutes, ms
from actors.wire.foreign import Unreadable, reader

MAX_CALLS = 1_000_000
"""Of one trace: all of it is held in memory, about 200 bytes for each."""

MAX_SPAN = minutes(24 * 60)
"""Times further from the start than this are no doubt counted from somewhere else, 1970 say."""

MAX_PROBLEMS = 10
"""Bad lines that are told one by one; a file that is no trace at all has nothing but bad lines."""

_CACHED_TRACES = 2


class Trace(msgspec.Struct, frozen=True):
    """Calls in the order of their times, counted from the start of the load.

    One tuple for each column, of values that the garbage collector need not look into: a million objects
    would make it pause in the middle of the load. `params` is JSON text, as it was recorded.
    """

    times_ns: tuple[Duration, ...]
    methods: tuple[str, ...]
    params: tuple[bytes, ...]


class TraceError(Exception):
    """A trace cannot be replayed; each of `problems` is a sentence."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    method: str
    params: msgspec.Raw = msgspec.Raw(b"[]")
    at_ms: float | None = None
    at_ns: int | None = None


_decode = reader(_Line)
_decode_params = reader(list[Any] | dict[str, Any])


def read_trace(path: str) -> Trace:
    """The trace in this file; a relative path starts at the working directory.

    Raises:
        TraceError: the file cannot be read, or what is in it is no trace.
    """
    try:
        state = Path(path).stat()
        return _read(path, state.st_mtime_ns, state.st_size)
    except OSError as error:
        raise TraceError([f"trace {path} cannot be read: {error.strerror}"]) from None


@lru_cache(_CACHED_TRACES)
def _read(path: str, _mtime_ns: int, _size_bytes: int) -> Trace:
    with Path(path).open("rb") as lines:
        return parse_trace(lines, path)


def parse_trace(lines: Iterable[bytes], name: str) -> Trace:
    """The trace in these lines; blank ones do not count. Calls of the same time stay in their order. Pure.

    Raises:
        TraceError: naming each bad line.
    """
    calls: list[tuple[Duration, str, bytes]] = []
    methods: dict[str, str] = {}
    problems: list[str] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            at_ns, method, params = _call(line)
        except ValueError as error:
            problems.append(f"trace {name}, line {number}: {error}")
        else:
            calls.append((at_ns, methods.setdefault(method, method), params))
        if len(problems) >= MAX_PROBLEMS:
            raise TraceError([*problems, f"trace {name}: what follows line {number} was not read"])
        if len(calls) > MAX_CALLS:
            raise TraceError([*problems, f"trace {name} has more than {MAX_CALLS:,} calls"])
    if problems or not calls:
        raise TraceError(problems or [f"trace {name} holds no calls"])
    calls.sort(key=_time_of)
    return Trace(*zip(*calls, strict=True))


def _time_of(call: tuple[Duration, str, bytes]) -> Duration:
    return call[0]


def _call(text: bytes) -> tuple[Duration, str, bytes]:
    """One line's time, method and parameters. Raises ValueError saying what is wrong."""
    try:
        line = _decode(text)
    except Unreadable as error:
        raise ValueError(str(error)) from None
    params = bytes(line.params)
    if params[:1] not in (b"[", b"{"):
        raise ValueError(f"params must be a list or an object, not {params[:40].decode('utf-8', 'replace')}")
    try:
        _decode_params(params)
    except Unreadable as error:
        raise ValueError(f"params cannot be sent: {error}") from None
    return _time(line), line.method, params


def _time(line: _Line) -> Duration:
    if (line.at_ms is None) == (line.at_ns is None):
        raise ValueError("it must say its time, either in at_ms or in at_ns")
    if line.at_ns is not None:
        at_ns = line.at_ns
    else:
        assert line.at_ms is not None
        if not abs(line.at_ms) < MAX_SPAN:
            raise ValueError(f"at_ms cannot be {line.at_ms}")
        at_ns = ms(line.at_ms)
    if not 0 <= at_ns <= MAX_SPAN:
        raise ValueError("its time must be from 0 to 24 hours, counted from the start of the recording")
    return at_ns
