"""What is said over a WebSocket that passes a link: which calls were asked and answered, and how fast they may go.

The bytes pass as they are, and are read on the side. When one end cannot be understood any more, because what it
sends are no frames, or one message is too large to be read here, all passes as before, and is no longer in the log.

    client ---> `asked` : the calls in it, and how long they have to wait for the pace ---> upstream
    client <--- `heard` : the answers in it, each to the call of its id; heads             <--- upstream
"""

from collections.abc import Iterator

import msgspec

from battle.actors.link.observation import (
    CallOutcome,
    ChainFact,
    PassedCall,
    answer_to,
    calls_in_message,
    facts_in,
    facts_in_notification,
    outcome_of,
)
from battle.actors.link.pace import Pace
from battle.actors.link.pace_log import PaceLog
from battle.actors.roles import LinkRole
from battle.actors.spec.limits import WebSocketLimits
from battle.actors.units import minutes
from battle.actors.wire.jsonrpc import Call, RpcResponse, read_answer, read_answers
from battle.actors.wire.untrusted_json import Unreadable
from battle.actors.wire.websocket.frames import Frames
from battle.actors.world.interfaces import World
from battle.store.events import AttemptServed, ChainFactReported

MESSAGE_BYTES_MAX = 16 * 2**20
"""Of a message that is read here: most have a few kilobytes."""

OPEN_CALLS_MAX = 10_000
"""Calls of one connection that wait for an answer and are remembered here."""

WAIT_NS_MAX = minutes(10)
"""Nothing is turned away on a WebSocket: the client is read no further until its calls may go."""

_HEAD_BYTES_MAX = 64 * 1024

_OK = 200
"""Answers over a WebSocket have no status: they are judged as if they had this one."""


class _Cutter:
    """Cuts what a client sends behind each message, so that one of two that come together can go before the other.

    Reads nothing of a frame but its size (RFC 6455, 5.2).
    """

    def __init__(self) -> None:
        self._header = bytearray()
        self._left = 0
        self._ends_message = False

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """The same bytes, none twice and none lost; each piece has the end of at most one message, at its end. Pings
        and the like are cut off as well."""
        begin = at = 0
        while at < len(data):
            if self._left:
                taken = min(self._left, len(data) - at)
                at += taken
                self._left -= taken
            else:
                self._header.append(data[at])
                at += 1
                if not self._read_header():
                    continue
            if not self._left and self._ends_message:
                yield data[begin:at]
                begin = at
        if begin < len(data):
            yield data[begin:]

    def _read_header(self) -> bool:
        """Whether it is whole: up to the mask, which counts with what it masks."""
        header = self._header
        if len(header) < 2:
            return False
        size = header[1] & 0x7F
        more = {126: 2, 127: 8}.get(size, 0)
        if len(header) < 2 + more:
            return False
        if more:
            size = int.from_bytes(header[2:], "big")
        self._left = size + (4 if header[1] & 0x80 else 0)
        self._ends_message = bool(header[0] & 0x80)
        header.clear()
        return True


class _Asked(msgspec.Struct, frozen=True):
    call: PassedCall
    received_ns: int


class Conversation:
    """One WebSocket: logs an `AttemptServed` for each call, and what the answers say of the chain."""

    def __init__(self, world: World, role: LinkRole, pace: Pace | None, pace_log: PaceLog) -> None:
        limits = WebSocketLimits(message_bytes=MESSAGE_BYTES_MAX)
        self._world = world
        self._role = role
        self._pace = pace
        self._pace_log = pace_log
        self._from_client = Frames(client=False, limits=limits)
        self._from_upstream = Frames(client=True, limits=limits)
        self._cut = _Cutter()
        self._open: dict[bytes, _Asked] = {}
        self._head: bytes | None = b""
        """What came of the answer to the handshake; None once it is whole."""

    def asked(self, data: bytes) -> Iterator[tuple[bytes, int]]:
        """The client said this: the same in pieces, each with when it may go on, in ns of the world's clock."""
        for piece in self._cut.pieces(data):
            yield piece, self._due_ns(piece)

    def _due_ns(self, piece: bytes) -> int:
        now_ns = self._world.now_ns()
        messages = list(self._messages(self._from_client, piece))
        calls = [call for message in messages for call in calls_in_message(message)]
        for call in calls:
            self._remember(_Asked(call, now_ns))
        if self._pace is None or not calls:
            return now_ns
        due_ns = self._pace.due_ns(now_ns, len(calls), WAIT_NS_MAX) or now_ns + WAIT_NS_MAX
        if due_ns > now_ns:
            self._pace_log.held_back(due_ns - now_ns)
        return due_ns

    def heard(self, data: bytes) -> None:
        """The upstream said this: first its answer to the handshake."""
        if self._head is not None:
            data = self._after_handshake(self._head + data)
        for message in self._messages(self._from_upstream, data):
            for answer in _answers(message):
                self._answered(answer)
            for fact in facts_in_notification(message):
                self._report(fact, None)

    def close(self) -> None:
        """The connection is over: nobody knows what became of the calls that have no answer."""
        for asked in self._open.values():
            self._log(asked, None, CallOutcome("unknown"))
        self._open.clear()

    def _after_handshake(self, data: bytes) -> bytes:
        _, end, rest = data.partition(b"\r\n\r\n")
        if not end and len(data) <= _HEAD_BYTES_MAX:
            self._head = data
            return b""
        self._head = None
        return rest

    def _messages(self, frames: Frames, data: bytes) -> Iterator[bytes]:
        return (incoming for incoming in frames.read(data) if isinstance(incoming, bytes))

    def _remember(self, asked: _Asked) -> None:
        item = asked.call.item
        if not isinstance(item, Call) or item.id is msgspec.UNSET:
            return  # a notification has no answer, and what is no call has none of its own
        if len(self._open) >= OPEN_CALLS_MAX:
            self._log(self._open.pop(next(iter(self._open))), None, CallOutcome("unknown"))
        self._open[bytes(item.id)] = asked

    def _answered(self, answer: RpcResponse) -> None:
        asked = self._open.pop(bytes(answer.id), None)
        if asked is None:
            return
        how = outcome_of(asked.call, _OK, answer_to(asked.call, [answer], alone=True))
        self._log(asked, self._world.now_ns(), how)
        if how.outcome == "ok":
            for fact in facts_in(asked.call.method, answer):
                self._report(fact, asked.call.request_id)

    def _log(self, asked: _Asked, replied_ns: int | None, how: CallOutcome) -> None:
        self._world.log.append(
            AttemptServed(
                provider=self._role.name,
                transport="ws",
                method=asked.call.method,
                received_ns=asked.received_ns,
                outcome=how.outcome,
                request_id=asked.call.request_id,
                replied_ns=replied_ns,
                rpc_code=how.rpc_code,
            )
        )

    def _report(self, fact: ChainFact, request_id: str | None) -> None:
        self._world.log.append(
            ChainFactReported(
                at_ns=self._world.now_ns(),
                provider=self._role.name,
                subject=fact.subject,
                value=fact.value,
                is_final=fact.is_final,
                request_id=request_id,
            )
        )


def _answers(message: bytes) -> list[RpcResponse]:
    try:
        return read_answers(message) if message.lstrip().startswith(b"[") else [read_answer(message)]
    except Unreadable:
        return []
