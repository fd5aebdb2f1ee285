"""Call traces: JSON lines of calls with their times, read and checked as a whole before anything starts.

A line is a call, or a list of calls that were sent as one batch, of which the first says the time:

    {"at_ms": 12.5, "method": "eth_call", "params": [...]}
    {"at_ms": 13, "method": "eth_chainId", "expect": {"result": "0x1"}}
    {"at_ms": 14, "method": "eth_mine", "response": {"id": 7, "error": {"code": -32601, "message": "no such method"}}}
    [{"at_ms": 20, "method": "eth_chainId"}, {"method": "eth_gasPrice"}]

`expect` and `response` are two names for one thing: the answer that the call should get.
"""

from collections.abc import Iterable
from functools import lru_cache
from math import inf
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from battle.actors.author_errors import AuthorsError
from battle.actors.chain.expected_answers import recorded_answer
from battle.actors.spec.workloads import Replay
from battle.actors.units import Duration, minutes, ms
from battle.actors.wire.untrusted_json import Unreadable, reader
from battle.store.regular import open_regular

MAX_CALLS = 1_000_000
"""Of one trace: all of it is held in memory, about 200 bytes for each."""

MAX_SPAN = minutes(24 * 60)
"""Times further from the start than this are counted from somewhere else, 1970 say."""

MAX_PROBLEMS = 10
"""Bad lines that are reported one by one; a file that is no trace at all has nothing but bad lines."""

_CACHED_TRACES = 2


class Trace(msgspec.Struct, frozen=True):
    """Requests in the order of their times, counted from the start of the load.

    One tuple for each column, of values that the garbage collector need not look into: a million objects
    would make it pause in the middle of the load. `params` is JSON text, as it was recorded, and so is `answers`:
    what should come, None where nobody said. A batch has the method "batch" and its whole line for parameters
    (`calls_of` reads it); `batches` has the number of each with that of its second call: the first call of a request
    has the request's number, further ones are numbered from behind the last request.
    """

    times_ns: tuple[Duration, ...]
    methods: tuple[str, ...]
    params: tuple[bytes, ...]
    answers: tuple[bytes | None, ...]
    batches: dict[int, int] = {}


class TraceError(AuthorsError):
    """A trace cannot be replayed; each of `problems` is a sentence."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    method: str
    params: msgspec.Raw = msgspec.Raw(b"[]")
    at_ms: float | None = None
    at_ns: int | None = None
    expect: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    response: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class TraceCall(NamedTuple):
    """One recorded call; `params` and `answer` are JSON text."""

    method: str
    params: bytes
    answer: bytes | None


BATCH = "batch"
"""What the log has for the method of a batch."""

_decode = reader(_Line)
_decode_batch = reader(list[_Line])
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


def duration_of(replay: Replay) -> Duration:
    """How long a replay takes; 0 when its trace cannot be read."""
    try:
        return replayed_for(read_trace(replay.path), replay.speed)
    except TraceError:
        return 0


def replayed_for(trace: Trace, speed: float) -> Duration:
    """How long a trace takes at a speed: until just after its last call; 0 for a speed that is impossible."""
    return int(trace.times_ns[-1] / speed) + 1 if 0 < speed < inf else 0


@lru_cache(_CACHED_TRACES)
def _read(path: str, _mtime_ns: int, _size_bytes: int) -> Trace:
    with open_regular(Path(path)) as lines:
        return parse_trace(lines, path)


def parse_trace(lines: Iterable[bytes], name: str) -> Trace:
    """The trace in these lines; blank ones do not count. Calls of the same time stay in their order. Pure.

    Raises:
        TraceError: naming each bad line.
    """
    requests: list[tuple[Duration, TraceCall, int]] = []
    total = 0
    methods: dict[str, str] = {}
    problems: list[str] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            at_ns, recorded, calls = _request(line.strip())
        except ValueError as error:
            problems.append(f"trace {name}, line {number}: {error}")
        else:
            method = methods.setdefault(recorded.method, recorded.method)
            requests.append((at_ns, recorded._replace(method=method), calls))
            total += calls or 1
        if len(problems) >= MAX_PROBLEMS:
            raise TraceError([*problems, f"trace {name}: what follows line {number} was not read"])
        if total > MAX_CALLS:
            raise TraceError([*problems, f"trace {name} has more than {MAX_CALLS:,} calls"])
    if problems or not requests:
        raise TraceError(problems or [f"trace {name} holds no calls"])
    requests.sort(key=_time_of)
    return _columns(requests)


def calls_of(batch: bytes) -> list[TraceCall]:
    """The calls of a batch from its line, which was checked."""
    return [_recorded(line) for line in _decode_batch(batch)]


def _columns(requests: list[tuple[Duration, TraceCall, int]]) -> Trace:
    batches: dict[int, int] = {}
    following = len(requests)
    for number, (_, _, calls) in enumerate(requests):
        if calls:
            batches[number] = following
            following += calls - 1
    times_ns = tuple(at_ns for at_ns, _, _ in requests)
    methods, params, answers = zip(*(recorded for _, recorded, _ in requests), strict=True)
    return Trace(times_ns, methods, params, answers, batches)


def _time_of(request: tuple[Duration, TraceCall, int]) -> Duration:
    return request[0]


def _request(text: bytes) -> tuple[Duration, TraceCall, int]:
    """A line's time, what it asks, and how many calls its batch has, 0 for a single call.

    Raises ValueError saying what is wrong.
    """
    is_batch = text.startswith(b"[")
    try:
        lines = _decode_batch(text) if is_batch else [_decode(text)]
    except Unreadable as error:
        raise ValueError(str(error)) from None
    if not lines:
        raise ValueError("a batch needs at least one call")
    calls = [_recorded(line) for line in lines]
    if not is_batch:
        return _time(lines[0]), calls[0], 0
    return _time(lines[0]), TraceCall(BATCH, text, None), len(calls)


def _recorded(line: _Line) -> TraceCall:
    params = bytes(line.params)
    if params[:1] not in (b"[", b"{"):
        raise ValueError(f"params must be a list or an object, not {params[:40].decode('utf-8', 'replace')}")
    try:
        _decode_params(params)
    except Unreadable as error:
        raise ValueError(f"params cannot be sent: {error}") from None
    answers = [bytes(one) for one in (line.expect, line.response) if not isinstance(one, msgspec.UnsetType)]
    if len(answers) > 1:
        raise ValueError("it gives its answer twice: write either expect or response")
    for answer in answers:
        recorded_answer(answer)
    return TraceCall(line.method, params, answers[0] if answers else None)


def _time(line: _Line) -> Duration:
    if (line.at_ms is None) == (line.at_ns is None):
        raise ValueError("it must give its time, in either at_ms or at_ns")
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
