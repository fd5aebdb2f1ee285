"""What a scenario says about sessions: users each of whom asks several questions, the next from the last answer."""

import re
from collections.abc import Iterator
from typing import Any

from battle.actors.spec.base import Spec
from battle.actors.spec.latency import LatencyModel, latency_problems
from battle.actors.spec.workloads.http import Connected
from battle.actors.spec.workloads.problems import rate_problems, span_problems
from battle.actors.units import Duration, format_duration

SCRIPTS = {"send_and_read": 3, "poll_filter": 2, "walk_blocks": 0, "walk_logs": 1}
"""Those that Battle has, and how many calls each makes besides those that `length` counts."""

SESSION_CALLS_MAX = 1000
"""Of one session: a script that goes on for ever is found. The number of a request is that of its session times this,
and that of the call."""

STEPS_MAX = 100

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_SAVED = re.compile(r"\{([a-z][a-z0-9_]{0,31})((?:\.[A-Za-z0-9_]+)*)\}")


def placeholders(params: Any) -> Iterator[tuple[str, str]]:
    """The saved answers that parameters name, each with what it takes of it: "{block.hash}" is block and ".hash"."""
    if isinstance(params, str):
        found = _SAVED.fullmatch(params)
        if found is not None:
            yield found[1], found[2]
    elif isinstance(params, list):
        for one in params:
            yield from placeholders(one)
    elif isinstance(params, dict):
        for one in params.values():
            yield from placeholders(one)


class SessionStep(Spec, frozen=True, kw_only=True):
    """One call of a session, or the same one several `times`, each `pause` after the answer before.

    `save` names its answer. A later step that has `"{name}"` among its parameters asks with that answer in its
    place, and with a part of it for `"{name.hash}"` or `"{name.transactions.0}"`. `expect` is `{"result": ...}`
    where one answer alone will do, which can name saved ones too. With `until_found` the step is over as soon as
    the answer is neither null nor empty, and the session has failed if it never is.
    """

    method: str
    params: list[Any] | dict[str, Any] = []
    save: str = ""
    times: int = 1
    pause: Duration = 0
    until_found: bool = False
    expect: dict[str, Any] = {}

    def problems(self) -> Iterator[str]:
        if not self.method:
            yield "it needs a method"
        if self.save and not _NAME.fullmatch(self.save):
            yield f"save {self.save!r}: a name is a lower-case letter, then up to 31 of a-z 0-9 _"
        if not 1 <= self.times <= SESSION_CALLS_MAX:
            yield f"times must be from 1 to {SESSION_CALLS_MAX}, not {self.times}"
        if self.pause < 0:
            yield f"pause must be 0 or more, not {format_duration(self.pause)}"
        if self.expect and self.expect.keys() != {"result"}:
            yield f'expect must be {{"result": ...}}, not {", ".join(self.expect)}'


class HttpSessions(Connected, frozen=True, kw_only=True, tag="http_sessions"):
    """Open loop: `rate` sessions a second begin, evenly spaced; in each the next call waits for the answer before.

    Each call is a request of the log like others; `client` is its session's number. What a session does is a script:
    `script` is one of Battle's or a generator function of yours, or it is a list of `steps`.

    - `send_and_read` sends a signed transaction, reads its account's nonce and the transaction, and asks for its
      receipt until it is there.
    - `poll_filter` makes a filter for blocks, asks for its changes once in a block's time, and removes it.
    - `walk_blocks` goes from the newest block to its parent, and so on.
    - `walk_logs` reads the logs of a few blocks, of a few before them, and so on.

    `length` is how many receipts, changes, blocks or ranges they ask for, at most. Yours, "package.module:function"
    or "path/to/file.py:function", takes a number and a `random.Random`, yields (method, parameters) and gets the
    result; or it yields a duration, for a pause. It raises `battle.SessionFailed` when what it got does not go
    together, and gets a `battle.StepFailed` where there is no answer.

    `think_time`, a duration or a distribution, is how long it waits between an answer and the next call. Sessions
    that go on when `duration` is over make no further call: they are unfinished.
    """

    rate: float
    duration: Duration
    script: str = ""
    steps: tuple[SessionStep, ...] = ()
    length: int = 10
    think_time: LatencyModel = 0
    shards: int = 1

    @property
    def title(self) -> str:
        """What its sessions are called in the log."""
        return self.script or "steps"

    @property
    def calls(self) -> int:
        """How many calls one of its sessions makes at most; 1 of an author's script, whose number nobody knows."""
        if self.steps:
            return sum(step.times for step in self.steps)
        return self.length + SCRIPTS[self.script] if self.script in SCRIPTS else 1

    def problems(self) -> Iterator[str]:
        yield from self.connection_problems()
        yield from rate_problems("rate", self.rate)
        yield from span_problems(self.duration, self.shards)
        yield from latency_problems("think_time", self.think_time)
        if not 1 <= self.length <= SESSION_CALLS_MAX - 10:
            yield f"length must be from 1 to {SESSION_CALLS_MAX - 10}, not {self.length}"
        if self.script and self.steps:
            yield "give either a script or steps, not both"
        elif not self.steps and ":" not in self.script and self.script not in SCRIPTS:
            yield f"it needs steps, or a script: {', '.join(SCRIPTS)}, or path/to/file.py:function"
        yield from self._step_problems()

    def _step_problems(self) -> Iterator[str]:
        calls = sum(step.times for step in self.steps)
        if len(self.steps) > STEPS_MAX or calls > SESSION_CALLS_MAX:
            yield f"at most {STEPS_MAX} steps with {SESSION_CALLS_MAX} calls, not {len(self.steps)} with {calls}"
        saved: set[str] = set()
        for number, step in enumerate(self.steps, 1):
            yield from (f"step {number}: {problem}" for problem in step.problems())
            for name, _ in (*placeholders(step.params), *placeholders(step.expect)):
                if name not in saved:
                    yield f"step {number}: no step before it saves {name!r}"
            saved.add(step.save)
