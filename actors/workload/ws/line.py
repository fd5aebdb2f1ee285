"""One client's line to the gateway: a WebSocket, and the next one when that is lost."""

from typing import Literal, Protocol, TypeAlias

import trio

from battle.actors.rng import Draws
from battle.actors.roles import WorkloadRole
from battle.actors.spec.workloads import Reconnect, WsWorkload
from battle.actors.units import Duration
from battle.actors.wire.http.messages import ProtocolError
from battle.actors.wire.websocket.endpoints import (
    Ended,
    KeepAlive,
    WebSocket,
    WebSocketRefused,
    connect_websocket,
)
from battle.actors.workload.requests.outcome import (
    NO_WEBSOCKET,
    REFUSED,
    UNSENT,
    Ending,
)
from battle.actors.workload.ws.backoff import Backoff
from battle.actors.world.interfaces import Connect, Timer, World
from battle.store.events import SubscriptionChanged

ConnectionChange: TypeAlias = Literal[
    "connected", "refused", "subscribed", "rejected", "unsubscribed", "closed"
]
State: TypeAlias = Literal["waiting", "connecting", "open", "over"]

INTERRUPTED = "interrupted"
LOAD_OVER = "the load was over"
_ABNORMAL = 1006


class User(Protocol):
    """Whoever speaks over a line. Everything is called from the event loop, and must not raise."""

    def opening(self, due_ns: int) -> None:
        """It tries to connect now, and should have then."""

    def opened(self) -> None:
        """There is a new connection."""

    def heard(self, text: bytes, arrived_ns: int) -> None:
        """A message came."""

    def failed(self, ending: Ending) -> None:
        """No connection came about. `ending` is that of a request that would have gone over it."""

    def lost(self, ended: Ended) -> None:
        """The connection has ended, whoever ended it."""

    def over(self) -> None:
        """Nothing more will happen on this line: it was to finish, or has given up."""


class Lines:
    """What all lines of a workload's node have in common."""

    def __init__(
        self,
        world: World,
        nursery: trio.Nursery,
        role: WorkloadRole,
        spec: WsWorkload,
        connect: Connect | None = None,
    ) -> None:
        self.connect = connect
        self.world = world
        self.nursery = nursery
        self.role = role
        self.workload = spec.name or f"workload-{role.index}"
        self.timeout: Duration = spec.timeout
        self.reconnect: Reconnect = spec.reconnect
        pause = spec.ping_interval
        # A pong is behind all that a slow reader has not read.
        pings = pause and spec.read_rate is None
        self.keep_alive = KeepAlive(ping_interval=pause, pong_timeout=pause) if pings else None
        self.draws = Draws(role.seed, f"reconnect:{role.index}")

    def backoff(self, *key: object) -> Backoff:
        """The pauses of one client's one purpose."""
        return Backoff(self.reconnect, self.draws, key)


def clients_of(role: WorkloadRole, spec: WsWorkload) -> range:
    """The numbers of the clients that this shard plays; they count over the whole workload."""
    return range(role.shard, spec.connections, spec.shards)


class Line:
    """The connections of one client, one at a time: the first from `open_at` on, then, after a pause, the next.

    `connection` names the present one, or the one that is tried: "<client>.<n>", n from 1. Logs `connected`,
    `refused` and `closed`.
    """

    def __init__(self, lines: Lines, user: User, client: int) -> None:
        self.websocket: WebSocket | None = None
        self.state: State = "waiting"
        self.has_failed = False
        """Whether the last try came to nothing."""
        self._lines = lines
        self._world = lines.world
        self._user = user
        self._client = client
        self._backoff = lines.backoff("line", client)
        self._tries = 0
        self._timer: Timer | None = None
        self._scope = trio.CancelScope()
        self._opened_ns = 0
        self._finishing = False

    @property
    def connection(self) -> str:
        return f"{self._client}.{self._tries}"

    @property
    def is_hopeful(self) -> bool:
        """Whether there may be a connection soon: one is being opened, or lost and not tried again yet."""
        return self.state == "connecting" or (self.state == "waiting" and not self.has_failed)

    def open_at(self, due_ns: int) -> None:
        """Connect then, or as soon as possible."""
        self._timer = self._world.call_at(due_ns, self._open, due_ns)

    def finish(self) -> None:
        """End in good order: close what is open, try nothing more. `over` is called when that is done."""
        self._finishing = True
        if self.state == "waiting":
            self._end()
        elif self.state == "connecting":
            self._scope.cancel()
        elif self.websocket is not None:
            self.websocket.close()

    def interrupt(self) -> None:
        """End at once; nothing is called any more."""
        state, self.state = self.state, "over"
        self._stop_timer()
        if state == "connecting":
            self.log("refused", detail=INTERRUPTED)
            self._scope.cancel()
        elif self.websocket is not None:
            self.log("closed", close_code=_ABNORMAL, detail=INTERRUPTED, closed_by="us")
            self.websocket.abort()
            self.websocket = None

    def log(
        self,
        change: ConnectionChange,
        *,
        at_ns: int | None = None,
        subscription: str | None = None,
        kind: str | None = None,
        close_code: int | None = None,
        detail: str | None = None,
        closed_by: Literal["us", "peer"] | None = None,
        was_due: bool | None = None,
    ) -> None:
        """Record a change of the present connection, now if nothing else is said."""
        self._world.log.append(
            SubscriptionChanged(
                at_ns=self._world.now_ns() if at_ns is None else at_ns,
                side="client",
                name=self._lines.workload,
                connection=self.connection,
                change=change,
                subscription=subscription,
                kind=kind,
                close_code=close_code,
                detail=detail,
                closed_by=closed_by,
                was_due=was_due,
            )
        )

    def _open(self, due_ns: int) -> None:
        self._timer = None
        self._tries += 1
        self.state = "connecting"
        self._scope = trio.CancelScope()
        self._user.opening(due_ns)
        self._lines.nursery.start_soon(self._connect)

    async def _connect(self) -> None:
        lines, websocket = self._lines, None
        endpoint = lines.role.endpoint
        ending, detail = NO_WEBSOCKET, "timeout"
        with self._scope:
            self._scope.deadline = trio.current_time() + lines.timeout / 1e9
            try:
                websocket = await connect_websocket(
                    self._world,
                    endpoint.address,
                    endpoint.path,
                    on_message=self._user.heard,
                    on_ended=self._on_ended,
                    keep_alive=lines.keep_alive,
                    headers=endpoint.encoded_headers(),
                    connect=lines.connect,
                    tls=endpoint.tls,
                )
            except (OSError, WebSocketRefused, ProtocolError, trio.BrokenResourceError) as error:
                ending, detail = _refusal(error)
        if self.state == "over":
            if websocket is not None:
                websocket.abort()  # it was opened in the very moment of the end
        elif websocket is None:
            self._on_failure(ending, LOAD_OVER if self._finishing else detail)
        else:
            self._on_opened(websocket)

    def _on_opened(self, websocket: WebSocket) -> None:
        self.websocket = websocket
        self.state = "open"
        self.has_failed = False
        self._opened_ns = self._world.now_ns()
        self.log("connected")
        if self._finishing:
            websocket.close()
        else:
            self._user.opened()

    def _on_failure(self, ending: Ending, detail: str) -> None:
        self.state = "waiting"
        self.has_failed = True
        self.log("refused", detail=detail)
        self._user.failed(ending)
        self._try_again()

    def _on_ended(self, ended: Ended) -> None:
        if self.state == "over":
            return
        self.websocket = None
        self.state = "waiting"
        if ended.at_ns - self._opened_ns >= self._lines.reconnect.max_pause:
            self._backoff.recovered()
        self.log(
            "closed",
            at_ns=ended.at_ns,
            close_code=ended.code,
            detail=ended.reason or None,
            closed_by=ended.by,
        )
        self._user.lost(ended)
        self._try_again()

    def _try_again(self) -> None:
        if self.state == "over":
            return
        pause = None if self._finishing else self._backoff.pause()
        if pause is None:
            self._end()
        else:
            self.open_at(self._world.now_ns() + pause)

    def _end(self) -> None:
        self.state = "over"
        self._stop_timer()
        self._user.over()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _refusal(error: Exception) -> tuple[Ending, str]:
    """How requests end that would have gone over this connection, and what happened to it."""
    if isinstance(error, ConnectionRefusedError):
        return REFUSED, "connection refused"
    if isinstance(error, WebSocketRefused):
        return NO_WEBSOCKET, f"HTTP status {error.status}"
    if isinstance(error, ProtocolError):
        return NO_WEBSOCKET, str(error)
    if isinstance(error, trio.BrokenResourceError):
        return NO_WEBSOCKET, "reset"
    return UNSENT, type(error).__name__
