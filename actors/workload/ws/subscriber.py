"""One client that subscribes, listens, comes back when it is cut off, and leaves in good order. By callbacks."""

from collections.abc import Sequence

from battle.actors.spec.workloads import LogFilter
from battle.actors.units import seconds
from battle.actors.wire.jsonrpc import RpcResponse, encode_call
from battle.actors.wire.websocket.endpoints import Ended
from battle.actors.workload.requests.outcome import UNSENT, Ending
from battle.actors.workload.ws.line import (
    INTERRUPTED,
    LOAD_OVER,
    Line,
    Lines,
)
from battle.actors.workload.ws.messages import (
    SUBSCRIBE,
    TEXT_CHARACTERS,
    UNSUBSCRIBE,
    Notification,
    excerpt,
    granted,
    is_yes,
    read_message,
)
from battle.actors.workload.ws.notification_oracle import NotificationOracle, Reading
from battle.actors.workload.ws.tally import Tally
from battle.actors.world.interfaces import Timer
from battle.store.events import Answer, NotificationReceived

UNKNOWN = "unknown"
"""The kind under which the log has what came for no subscription of this client's."""

_NO_ANSWER = "no answer"

UNDER_WAY = seconds(1)
"""What came about in the last second before a client leaves may still be on its way to it."""


class SubscribedKind:
    """What one kind of subscription asks for, and what judges the news of it; all clients share it."""

    def __init__(self, judge: NotificationOracle, kind: str | LogFilter) -> None:
        self.judge = judge
        self.kind = judge.kind
        self.params: list[object] = ["logs", kind.params()] if isinstance(kind, LogFilter) else [kind]


class _Slot:
    """One subscription that the client wants to have; `name` is what the server calls it while it stands."""

    __slots__ = ("due_ns", "heard", "name", "since_ns", "topic")

    def __init__(self, topic: SubscribedKind) -> None:
        self.topic = topic
        self.name = ""
        self.due_ns = 0
        self.heard = False
        self.since_ns: int | None = None
        """When it first stood, on whichever connection."""


class Subscriber:
    """A client with one line and a subscription for each topic.

    It asks for all of them at once when it has a connection. Those that are turned down are asked for again after a
    pause; when no answer comes in time the connection is closed, and the next one tried. Logs the life of each
    subscription and every notification.
    """

    def __init__(self, lines: Lines, client: int, topics: Sequence[SubscribedKind], tally: Tally) -> None:
        self.line = Line(lines, self, client)
        self._lines = lines
        self._world = lines.world
        self._tally = tally
        self._slots = [_Slot(topic) for topic in topics]
        self._backoff = lines.backoff("subscriptions", client)
        self._calls = 0
        # By the id of the call, as JSON text.
        self._asked: dict[bytes, _Slot] = {}
        self._leaving: dict[bytes, _Slot] = {}
        self._turned_down: list[_Slot] = []
        self._standing: dict[str, _Slot] = {}
        self._timer: Timer | None = None
        self._has_left = False
        self._left_ns = 0
        self._newest = 0
        """The highest block that a right notification gave it, on any connection."""

    # How the load goes.

    def leave(self) -> None:
        """The load is over: unsubscribe, and close."""
        self._stop_timer()
        self._has_left = True
        self._left_ns = self._world.now_ns()
        self._give_up_asking(LOAD_OVER)
        for name, slot in self._standing.items():
            self._leaving[self._call(UNSUBSCRIBE, [name])] = slot
        if self._leaving:
            self._timer = self._world.call_at(self._left_ns + self._lines.timeout, self._miss_farewells)
        else:
            self.line.finish()

    def interrupt(self) -> None:
        """End at once; what is under way goes to the log as interrupted."""
        self._stop_timer()
        if self.line.state == "connecting":
            self.failed(UNSENT)
        self._give_up_asking(INTERRUPTED)
        if not self._has_left:
            self._left_ns = self._world.now_ns()
        for slot in [*self._standing.values()]:
            self._end(slot, INTERRUPTED)
        self.line.interrupt()

    # Callbacks of the line.

    def opening(self, due_ns: int) -> None:
        self._fall_due(self._slots, due_ns)

    def opened(self) -> None:
        self._ask(self._slots)

    def failed(self, ending: Ending) -> None:
        now_ns = self._world.now_ns()
        for slot in self._slots:
            self._tally.ended(slot.due_ns, now_ns, stands=False)

    def heard(self, text: bytes, arrived_ns: int) -> None:
        message = read_message(text)
        if isinstance(message, Notification):
            slot = self._standing.get(message.subscription)
            if slot is not None:
                self._take_news(slot, bytes(message.result), arrived_ns)
                return
        elif isinstance(message, RpcResponse) and self._take_answer(message, arrived_ns):
            return
        if not self._has_left:  # what was asked for and is not wanted any more may come, or not
            name = message.subscription if isinstance(message, Notification) else ""
            self._take_nonsense(text, name, arrived_ns)

    def lost(self, ended: Ended) -> None:
        self._stop_timer()
        for slot in self._asked.values():
            self._tally.ended(slot.due_ns, ended.at_ns, stands=False)
        self._asked.clear()
        self._turned_down.clear()
        self._give_up_leaving()
        self._tally.standing -= len(self._standing)
        self._standing.clear()
        if self._has_left:
            self.line.finish()

    def over(self) -> None:
        self._tally.client_over()

    # What is heard.

    def _take_news(self, slot: _Slot, result: bytes, arrived_ns: int) -> None:
        judge = slot.topic.judge
        slot.heard = True
        # The stamp is of the moment at which something was seen to have come, what is read may have come after it.
        answer, reading = judge.judged(result, self._world.now_ns(), self._newest)
        if answer == "right":
            arrived_ns = max(arrived_ns, judge.earliest_ns(reading))
            self._newest = max(self._newest, reading.height)
        self._log_news(slot.name, slot.topic.kind, answer, reading, arrived_ns)

    def _take_nonsense(self, text: bytes, name: str, arrived_ns: int) -> None:
        answer: Answer = "wrong" if self._lines.role.checks_answers else "none"
        reading = Reading("none", 0, excerpt(text))
        self._log_news(name[:TEXT_CHARACTERS], UNKNOWN, answer, reading, arrived_ns)

    def _log_news(self, name: str, kind: str, answer: Answer, reading: Reading, arrived_ns: int) -> None:
        self._world.log.append(
            NotificationReceived(
                at_ns=arrived_ns,
                workload=self._lines.workload,
                connection=self.line.connection,
                subscription=name,
                kind=kind,
                key=reading.key,
                answer=answer,
                number=reading.number,
                hash=reading.hash,
                parent_hash=reading.parent_hash,
            )
        )

    # Asking for subscriptions.

    def _fall_due(self, slots: list[_Slot], due_ns: int) -> None:
        for slot in slots:
            slot.due_ns = due_ns
        self._tally.asked(len(slots), self._world.now_ns() - due_ns)

    def _ask(self, slots: list[_Slot]) -> None:
        for slot in slots:
            self._asked[self._call(SUBSCRIBE, slot.topic.params)] = slot
        self._timer = self._world.call_at(self._world.now_ns() + self._lines.timeout, self._miss_answers)

    def _ask_again(self, due_ns: int) -> None:
        slots, self._turned_down = self._turned_down, []
        self._fall_due(slots, due_ns)
        self._ask(slots)

    def _call(self, method: str, params: list[object]) -> bytes:
        """Returns the call's id as JSON text. A plain number: no request of the log goes by it."""
        assert self.line.websocket is not None
        self._calls += 1
        self.line.websocket.send(encode_call(method, params, self._calls))
        return b"%d" % self._calls

    def _take_answer(self, answer: RpcResponse, arrived_ns: int) -> bool:
        """Whether it is an answer to something that was asked."""
        key = bytes(answer.id)
        if (slot := self._asked.pop(key, None)) is not None:
            self._subscribe(slot, answer, arrived_ns)
            if not self._asked:
                self._after_asking()
        elif (slot := self._leaving.pop(key, None)) is not None:
            self._end(slot, None if is_yes(answer) else "it was refused")
            if not self._leaving:
                self._stop_timer()
                self.line.finish()
        else:
            return False
        return True

    def _subscribe(self, slot: _Slot, answer: RpcResponse, arrived_ns: int) -> None:
        name, problem = granted(answer)
        if name in self._standing:
            problem = "the answer is another subscription's id"
        self._tally.ended(slot.due_ns, arrived_ns, stands=problem is None)
        if problem is None:
            slot.name = name
            slot.since_ns = arrived_ns if slot.since_ns is None else slot.since_ns
            self._standing[name] = slot
            self.line.log("subscribed", at_ns=arrived_ns, subscription=name, kind=slot.topic.kind)
        else:
            self._turned_down.append(slot)
            self.line.log("rejected", at_ns=arrived_ns, kind=slot.topic.kind, detail=problem)

    def _after_asking(self) -> None:
        self._stop_timer()
        if not self._turned_down:
            self._backoff.recovered()
        elif (pause := self._backoff.pause()) is not None:
            due_ns = self._world.now_ns() + pause
            self._timer = self._world.call_at(due_ns, self._ask_again, due_ns)

    def _miss_answers(self) -> None:
        self._timer = None
        self._give_up_asking(_NO_ANSWER)
        if self.line.websocket is not None:
            self.line.websocket.close(reason="no answer to eth_subscribe")

    def _miss_farewells(self) -> None:
        self._timer = None
        self._give_up_leaving()
        self.line.finish()

    def _give_up_leaving(self) -> None:
        for slot in self._leaving.values():
            self._end(slot, _NO_ANSWER)
        self._leaving.clear()

    def _give_up_asking(self, why: str) -> None:
        now_ns = self._world.now_ns()
        for slot in self._asked.values():
            self._tally.ended(slot.due_ns, now_ns, stands=False)
            self.line.log("rejected", kind=slot.topic.kind, detail=why)
        self._asked.clear()
        self._turned_down.clear()

    def _end(self, slot: _Slot, detail: str | None) -> None:
        """A subscription is over because this client wanted it so, from the moment it said so."""
        del self._standing[slot.name]
        self._tally.standing -= 1
        was_due = None
        if not slot.heard and slot.since_ns is not None:
            was_due = slot.topic.judge.has_news(slot.since_ns, self._left_ns - UNDER_WAY)
        self.line.log(
            "unsubscribed",
            at_ns=self._left_ns,
            subscription=slot.name,
            kind=slot.topic.kind,
            detail=detail,
            was_due=was_due,
        )

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
