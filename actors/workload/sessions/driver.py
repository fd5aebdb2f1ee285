"""The sessions of one node: each goes on when the answer to its last request is there.

A session is a generator, which has no task: it is gone on with from the callbacks in which its requests end and its
pauses are over. So a thousand of them cost no more than their requests do.

    due --first--> waits for an answer --ended--> pauses --timer--> waits ...
                                |                    |
                                +------ over --------+----> a row of `sessions`
"""

from collections import deque
from collections.abc import Callable, Iterator

import trio

from battle.actors.chain.parameters import Params
from battle.actors.rng import Draws
from battle.actors.roles import WorkloadRole
from battle.actors.session_failures import StepFailed
from battle.actors.spec.latency import draw_latency
from battle.actors.spec.workloads import HttpSessions
from battle.actors.spec.workloads.sessions import SESSION_CALLS_MAX
from battle.actors.wire.http.content_coding import decoded_body
from battle.actors.wire.http.messages import HttpResponse
from battle.actors.wire.jsonrpc import RpcResponse, read_answer
from battle.actors.wire.untrusted_json import Unreadable, reader
from battle.actors.workload.requests.call_times import CallTimes
from battle.actors.workload.requests.outcome import BODY_BYTES_MAX, Ending
from battle.actors.workload.requests.pacer import TURN, Pacer
from battle.actors.workload.requests.request import CallWriter, Request
from battle.actors.workload.sessions.script import Call, NewScript, Over, Pause, ScriptError, Session, Turn
from battle.actors.world.interfaces import Timer, World
from battle.store.events import SessionEnded, SessionOutcome

_decode = reader()

OVER_WITH_LOAD = "the load was over"
INTERRUPTED = "interrupted"


class SessionRequest(Request):
    """A request of a session. `answer` is what came, None: nothing that can be read."""

    __slots__ = ("answer", "session")

    def __init__(
        self,
        session: "_Open",
        id: str,
        method: str,
        params: Params,
        scheduled_ns: int,
        wire: bytes,
        rpc_id: bytes,
    ) -> None:
        super().__init__(id, method, params, scheduled_ns, wire, rpc_id)
        self.session = session
        self.client = session.script.number
        self.answer: RpcResponse | None = None


class _Open:
    """A session under way: since when, how many requests it made, the last of them, and the timer of its pause."""

    __slots__ = ("last", "requests", "scheduled_ns", "script", "timer")

    def __init__(self, script: Session, scheduled_ns: int) -> None:
        self.script = script
        self.scheduled_ns = scheduled_ns
        self.requests = 0
        self.last: SessionRequest | None = None
        self.timer: Timer | None = None


class Sessions:
    """Plays the sessions that fall to this node; `submit` sends a request.

    `ended` must hear of each request that ended, after `answered` if a response came.
    """

    def __init__(
        self,
        world: World,
        role: WorkloadRole,
        spec: HttpSessions,
        new_script: NewScript,
        submit: Callable[[Request], None],
        times: CallTimes,
    ) -> None:
        self._world = world
        self._now_ns = world.now_ns
        self._workload = spec.name or f"workload-{role.index}"
        self._title = spec.title
        self._think_time = spec.think_time
        self._draws = Draws(role.seed, f"thinking:{role.index}")
        self._new_script = new_script
        self._write = CallWriter(role).write
        self._submit = submit
        self._times = times
        self._open: dict[int, _Open] = {}
        self._over = False
        self._scope = trio.CancelScope()
        self._failure: ScriptError | None = None
        # Scripts that are to go on, while one has kept the node busy for too long: then other work gets its turn.
        self._kept_waiting: deque[tuple[_Open, Callable[[], Turn]]] = deque()
        self._resting = False

    async def run(
        self, arrivals: Iterator[tuple[int, int]], submit_first: Callable[[Request, int], None], end_ns: int
    ) -> None:
        """Begin each session of `arrivals` (number, due time), and play all of them until `end_ns`.

        Raises:
            ScriptError: a script of the author's broke; what was sent before was sent.
        """
        with self._scope:
            await Pacer(self._world, arrivals, self._first, submit_first).run()
            await self._world.sleep_until(end_ns)
        self._over = True
        for session in list(self._open.values()):
            if session.timer is not None:
                session.timer.cancel()
                self._end(session, "unfinished", OVER_WITH_LOAD)
        if self._failure is not None:
            raise self._failure

    def answered(self, request: Request, response: HttpResponse) -> None:
        """A response came; `ended` follows."""
        assert isinstance(request, SessionRequest)
        try:
            request.answer = read_answer(decoded_body(response, BODY_BYTES_MAX))
        except Unreadable:
            request.answer = None

    def ended(self, request: Request, ending: Ending) -> None:
        """A request of a session has ended."""
        assert isinstance(request, SessionRequest)
        session, answer = request.session, request.answer
        if ending.outcome == "ok" and answer is not None and answer.error is None:
            try:
                result = _decode(bytes(answer.result))  # type: ignore[arg-type]  # an answer that is ok has one
            except Unreadable:
                failure = StepFailed(request.method, "not_json_rpc")
            else:
                self._go_on(session, lambda: session.script.go_on(result))
                return
        else:
            error = None if answer is None else answer.error
            code, message = (None, None) if error is None else (error.code, error.message)
            failure = StepFailed(request.method, ending.failure, code, message)
        self._go_on(session, lambda: session.script.fail(failure))

    def close(self) -> None:
        """Whatever is open is interrupted. Does not wait."""
        self._over = True
        for session in list(self._open.values()):
            if session.timer is not None:
                session.timer.cancel()
            if session.scheduled_ns <= self._now_ns():  # the next one is made before it is due
                self._end(session, "unfinished", INTERRUPTED)

    def _first(self, number: int, due_ns: int) -> Request:
        began_ns = self._now_ns()
        session = _Open(Session(self._title, number, self._new_script(number)), due_ns)
        call = session.script.first()
        self._times.add(self._now_ns() - began_ns)
        self._open[number] = session
        return self._request(session, call, due_ns)

    def _request(self, session: _Open, call: Call, due_ns: int) -> SessionRequest:
        number = session.script.number * SESSION_CALLS_MAX + session.requests
        session.requests += 1
        name, rpc_id, wire = self._write(number, call.method, call.text)
        session.last = SessionRequest(session, name, call.method, call.params, due_ns, wire, rpc_id)
        return session.last

    def _go_on(self, session: _Open, resume: Callable[[], Turn]) -> None:
        """The session's script goes on, at once if no script has kept this node busy for too long."""
        if self._resting:
            self._kept_waiting.append((session, resume))
            return
        began_ns = self._now_ns()
        try:
            turn = resume()
        except ScriptError as error:  # callbacks must not raise
            self._failure = error
            self._scope.cancel()
            return
        took_ns = self._now_ns() - began_ns
        self._times.add(took_ns)
        if took_ns > TURN:
            self._resting = True
            self._world.call_at(self._now_ns(), self._go_on_all)
        self._do(session, turn)

    def _go_on_all(self) -> None:
        """The answers had their turn."""
        self._resting = False
        while self._kept_waiting and not self._resting:
            self._go_on(*self._kept_waiting.popleft())

    def _do(self, session: _Open, turn: Turn) -> None:
        if isinstance(turn, Over):
            self._end(session, "ok" if turn.failure is None else "failed", turn.failure)
        elif self._over:
            self._end(session, "unfinished", OVER_WITH_LOAD)
        elif isinstance(turn, Pause):
            session.timer = self._world.call_at(self._now_ns() + turn.duration, self._resume, session)
        else:
            assert session.last is not None
            pause = draw_latency(self._think_time, self._draws, session.last.id)
            if pause:
                session.timer = self._world.call_at(self._now_ns() + pause, self._ask, session, turn)
            else:
                self._ask(session, turn)

    def _resume(self, session: _Open) -> None:
        session.timer = None
        self._go_on(session, session.script.go_on)

    def _ask(self, session: _Open, call: Call) -> None:
        session.timer = None
        self._submit(self._request(session, call, self._now_ns()))

    def _end(self, session: _Open, outcome: SessionOutcome, detail: str | None) -> None:
        script, last = session.script, session.last
        del self._open[script.number]
        self._world.log.append(
            SessionEnded(
                workload=self._workload,
                session=script.number,
                script=self._title,
                scheduled_ns=session.scheduled_ns,
                ended_ns=self._now_ns(),
                outcome=outcome,
                requests=session.requests,
                failed_request_id=last.id if outcome == "failed" and last is not None else None,
                detail=detail,
            )
        )
