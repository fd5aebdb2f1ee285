"""What is wrong with a workload beyond its own fields: its trace, its generator and its log filters are tried."""

from collections.abc import Iterator

from battle.actors.chain.logs import pattern_of
from battle.actors.spec.workloads import HttpSessions, HttpUsers, LogFilter, Replay, Workload, WsSubscribe
from battle.actors.units import Duration
from battle.actors.wire.jsonrpc import RpcError
from battle.actors.workload.requests import trace
from battle.actors.workload.requests.author_generator import GeneratorError, load_generator
from battle.actors.workload.sessions.author_script import load_script
from battle.actors.workload.sessions.script import ScriptError


def workload_problems(workload: Workload) -> Iterator[str]:
    """Each thing wrong with a workload: with its fields, then with its trace, its log filters or its generator."""
    yield from workload.problems()
    match workload:
        case Replay():
            yield from _trace_problems(workload.path)
        case WsSubscribe():
            for kind in workload.kinds:
                if isinstance(kind, LogFilter):
                    yield from log_filter_problems(kind)
        case HttpSessions():
            if ":" in workload.script and not workload.steps:
                yield from _script_problems(workload.script)
        case _ if workload.generator and not workload.method:
            yield from _generator_problems(workload.generator)


def log_filter_problems(wanted: LogFilter) -> Iterator[str]:
    """Each thing wrong with which logs a subscription wants."""
    yield from wanted.problems()
    try:
        pattern_of(wanted)
    except RpcError as error:
        yield f"a log filter has a mistake: {error.message}"


def duration_of(workload: Workload) -> Duration:
    """How long a workload lasts; 0 for a `Replay` whose trace cannot be read (`workload_problems` says why)."""
    match workload:
        case Replay():
            return trace.duration_of(workload)
        case HttpUsers():
            return workload.length
        case _:
            return workload.duration


def ends_at(workload: Workload) -> Duration:
    """When a workload is over, counted from the start of the load; as `duration_of` about a trace."""
    return workload.at + duration_of(workload)


def _trace_problems(path: str) -> Iterator[str]:
    try:
        trace.read_trace(path)
    except trace.TraceError as error:
        yield from error.problems


def _script_problems(name: str) -> Iterator[str]:
    try:
        load_script(name)
    except ScriptError as error:
        yield str(error)


def _generator_problems(name: str) -> Iterator[str]:
    try:
        load_generator(name)
    except GeneratorError as error:
        yield str(error)
