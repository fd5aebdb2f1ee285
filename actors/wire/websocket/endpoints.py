"""WebSocket (RFC 6455) over the streams of either world: opening one, on the server's and on the client's side.

The handshake is in `handshake`, the connection after it in `connection`, its frames in `frames`. No extension is
negotiated.
"""

from collections.abc import Callable
from typing import TypeAlias

from battle.actors.addresses import Address
from battle.actors.close_codes import is_close_code
from battle.actors.spec.endpoints import Tls
from battle.actors.spec.limits import WebSocketLimits
from battle.actors.wire.http.messages import HttpRequest
from battle.actors.wire.websocket.connection import (
    PING_TIMEOUT,
    READS_TOO_SLOWLY,
    Ended,
    KeepAlive,
    OnEnded,
    OnMessage,
    OnPong,
    WebSocket,
)
from battle.actors.wire.websocket.handshake import (
    KEY_BYTES,
    ClientHandshake,
    Refusal,
    WebSocketRefused,
    accept_upgrade,
)
from battle.actors.world.interfaces import Connect, Loss, Stream, World

__all__ = [
    "CLIENT_LIMITS",
    "PING_TIMEOUT",
    "READS_TOO_SLOWLY",
    "SERVER_LIMITS",
    "Ended",
    "KeepAlive",
    "OnEnded",
    "OnMessage",
    "OnPong",
    "UpgradeTo",
    "WebSocket",
    "WebSocketRefused",
    "accept_websocket",
    "connect_websocket",
    "is_close_code",
]

UpgradeTo: TypeAlias = Callable[[Callable[[bytes, int], object], Callable[[Loss, int], object]], bytes]
"""Gives a connection's stream to a new receiver, as `Stream.on_data` would; returns what came behind the request."""

SERVER_LIMITS = WebSocketLimits()

CLIENT_LIMITS = WebSocketLimits(message_bytes=64 * 2**20)
"""Servers may say more than clients, as in HTTP."""


def accept_websocket(
    world: World,
    stream: Stream,
    request: HttpRequest,
    upgrade: UpgradeTo,
    *,
    on_message: OnMessage,
    on_ended: OnEnded,
    on_pong: OnPong | None = None,
    limits: WebSocketLimits = SERVER_LIMITS,
    keep_alive: KeepAlive | None = None,
    headers: dict[bytes, bytes] | None = None,
) -> WebSocket | None:
    """Answer a client's handshake: the WebSocket, or None when it was refused, and the stream closed.

    `upgrade` (`HttpServerConnection.upgrade`, for one) is called once the handshake is accepted. `headers`
    are added to the 101 response; the other arguments are those of `WebSocket`. No callback is called before
    this has returned, nor in the same turn of the event loop.
    """
    answer = accept_upgrade(request, headers)
    if isinstance(answer, Refusal):
        stream.write(answer.encode())
        stream.close()
        return None
    stream.write(answer)
    websocket = WebSocket(
        world,
        stream,
        client=False,
        on_message=on_message,
        on_ended=on_ended,
        on_pong=on_pong,
        limits=limits,
        keep_alive=keep_alive,
    )
    websocket.receive_early(upgrade(websocket.feed, websocket.lost))
    return websocket


async def connect_websocket(
    world: World,
    address: Address,
    path: str = "/",
    *,
    on_message: OnMessage,
    on_ended: OnEnded,
    on_pong: OnPong | None = None,
    limits: WebSocketLimits = CLIENT_LIMITS,
    keep_alive: KeepAlive | None = None,
    headers: dict[bytes, bytes] | None = None,
    connect: Connect | None = None,
    tls: Tls | None = None,
) -> WebSocket:
    """Open a WebSocket as a client. A deadline is the caller's to set; on any exception the stream is gone.

    No callback is called before this has returned and the caller has passed a checkpoint. The arguments are
    those of `WebSocket`; `headers` are added to the request; `connect` stands in for the world's;
    `tls` encrypts the connection.

    Raises:
        OSError: nobody listens there, or the network said no.
        WebSocketRefused: the server answered with an HTTP status other than 101.
        ProtocolError: what came back is no proper handshake, or the connection closed before it was whole.
        trio.BrokenResourceError: the connection was reset before that.
    """
    stream = await (connect or world.connect)(address, tls)
    try:
        # The key is drawn by the moment, so a simulated run is the same each time; it is no secret.
        key = world.draws("websocket key").stream(address, world.now_ns()).randbytes(KEY_BYTES)
        handshake = ClientHandshake(address, path, headers or {}, key)
        stream.write(handshake.request)
        while (received := handshake.feed(await stream.receive_some())) is None:
            pass
        websocket = WebSocket(
            world,
            stream,
            client=True,
            on_message=on_message,
            on_ended=on_ended,
            on_pong=on_pong,
            limits=limits,
            keep_alive=keep_alive,
        )
        websocket.receive_early(received)
        stream.on_data(websocket.feed, websocket.lost)
    except BaseException:
        stream.abort()
        raise
    return websocket
