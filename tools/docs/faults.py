"""docs/faults.md: from the structs of the fault catalogue."""

import inspect
import sys
from collections.abc import Iterator
from http import HTTPStatus
from itertools import groupby
from typing import get_args

from battle.actors.spec.failures import NAMED, HttpFailure, RpcFailure
from battle.actors.spec.faults.base import FaultSpec
from battle.actors.spec.faults.schedule import ChaosEntry
from tools.docs.markdown import page, table, unit
from tools.docs.structs import Field, fields_of, head_of, words_of

_INTRO = """\
What can go wrong in a scenario, and when. Faults and schedules stand in a scenario's `chaos`, in any number; they may
overlap, also those of one kind at one provider: then each holds for its own time. All of them are imported from
`battle`; in TOML, YAML and JSON files `type` says which is meant. Every fault works in both worlds.

**Targets.** `target` is a provider's name, or `group:NAME` for all providers of that group, or `*` for all of them: a
group is hit at the same moment, and each of its providers has a fault of its own in the log. Faults of
[processes](#processes) and `Partition` can be aimed at `gateway` as well.

**Times** are counted from the start of the load and written `ms(50)`, `seconds(5)`, `minutes(3)` in Python, `"50ms"`,
`"5s"`, `"3min"` in files; a bare number is nanoseconds. A delay above 0 and below 100 microseconds is refused: nobody
could observe it.

**In the log** a fault is called `<kind>-<target>.<number>`, such as `kill-a.2`. The table `faults` has it as planned,
applied and reverted with its parameters, the view `fault_windows` what it did. A fault that shows no effect makes
the run INCONCLUSIVE.
""".splitlines()

_FAILURES = """\
The ways in which a request can fail, for `kinds` of `ErrorRate` and of a provider's `Reliability`, and `error_kinds`
of `Degrade`. Of several one is drawn for each request. What has no name is written out, as an
[HttpFailure](scenario.md#httpfailure) or an [RpcFailure](scenario.md#rpcfailure):

```python
ErrorRate("paid", at=seconds(2), duration=seconds(3), kinds=("out_of_credits",))
ErrorRate("cheap", ratio=0.1, kinds=("cloudflare_522", HttpFailure(418, headers={"x-why": "pot"})))
ErrorRate("free", kinds=("method_not_in_plan",), methods=("debug_*", "trace_*"))
MockProvider("pruned", reliability=Reliability(1.0, ("archive_missing",), methods=("eth_getStorageAt",)))
```

```toml
[[chaos]]
type = "error_rate"
target = "paid"
kinds = ["out_of_credits", { type = "rpc", code = -32005, message = "{method} is too dear", http_status = 429 }]
methods = ["eth_getLogs"]
```

Over WebSocket the JSON-RPC errors are the same. A response with a status becomes an error in messages, and new
WebSockets are refused with that status, unless the fault is of some methods.
""".splitlines()

_TITLES = {
    "battle.actors.spec.faults.process": "Processes",
    "battle.actors.spec.faults.behaviour": "Behaviour",
    "battle.actors.spec.faults.transport": "Transport",
    "battle.actors.spec.faults.websocket": "WebSocket",
    "battle.actors.spec.faults.schedule": "Schedules",
}
_BLOCKS = ("blocks", "depth")


def faults_page() -> str:
    """docs/faults.md: every fault and schedule with its parameters, by what it affects."""
    entries = get_args(ChaosEntry)
    return page(
        "Faults",
        [*_INTRO, ""],
        *(_module(name, list(kinds)) for name, kinds in groupby(entries, lambda kind: str(kind.__module__))),
        _failures(),
        words_of(entries),
    )


def _module(name: str, kinds: list[type]) -> Iterator[str]:
    title = _TITLES.get(name, name.rpartition(".")[2].replace("_", " ").capitalize())
    yield from (f"## {title}", "", inspect.getdoc(sys.modules[name]) or "", "")
    for kind in kinds:
        yield from head_of(kind, "###")
        if issubclass(kind, FaultSpec) and kind.scaled is not FaultSpec.scaled:
            yield from ("It has a strength, so it can grow and fade in a [Ramp](#ramp).", "")
        rows = ((f"`{f.name}`", f.annotation, f.default, _unit(f), f.meaning) for f in fields_of(kind))
        yield from table(["field", "type", "default", "unit", "meaning"], rows)


def _failures() -> Iterator[str]:
    yield from ("## Failures by name", "", *_FAILURES, "")
    rows = [("`http_NNN`", "HTTP NNN, for any status from 300 to 599, without a body")]
    rows += [(f"`{name}`", _sent(NAMED[name])) for name in NAMED]
    yield from table(["name", "what the client gets"], rows)


def _sent(failure: HttpFailure | RpcFailure | str) -> str:
    if isinstance(failure, HttpFailure):
        return f"HTTP {failure.status}, `{failure.content_type}`: `{failure.body.strip()}`"
    if isinstance(failure, RpcFailure):
        status = "" if failure.http_status == HTTPStatus.OK else f"HTTP {failure.http_status} with "
        return f"{status}JSON-RPC {failure.code}: `{failure.message}`"
    return {"reset": "a TCP reset", "no_answer": "nothing"}[failure]


def _unit(field: Field) -> str:
    if "Duration" in field.annotation:
        return "time"
    if "Latency" in field.annotation:
        return "time, or a [distribution](scenario.md#uniform) of times"
    if field.name.endswith("ratio"):
        return "0..1"
    if field.name.endswith("bytes_per_s"):
        return "bytes per second"
    return "blocks" if field.name in _BLOCKS else unit(field.name)
