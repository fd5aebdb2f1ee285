"""TLS around a TCP connection of the live world: the same stream, with what passes on it encrypted.

The encryption has no socket of its own (`ssl.MemoryBIO`): what the TCP stream receives goes in as ciphertext and
comes out as plain text, and what is written goes the other way, so that callbacks, pauses, limits and resets stay
those of the stream below.

    handshake       a task of `connect` awaits it; afterwards the stream is given away
    receiving       `_take` gets ciphertext from the stream below, and hands on the plain text in it, if it holds any
    ending          close_notify or the end of the stream below, whichever comes first, is the end of the stream;
                    anything that is no TLS counts as a reset, and ends the connection
"""

import ssl
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache

import trio

from battle.actors.spec.endpoints import Tls
from battle.actors.world.common import CommonStream
from battle.actors.world.interfaces import Loss, Stream
from battle.actors.world.live.reactor import Reactor

_READ_BYTES = 64 * 1024

_PROTOCOLS = ["http/1.1"]
"""What is spoken inside; a server that would rather speak HTTP/2 is asked for this."""


async def wrap_in_tls(reactor: Reactor, stream: Stream, tls: Tls) -> Stream:
    """The stream with TLS around it, once both sides have agreed. On any exception the stream is gone.

    Raises:
        OSError: the peer closed or reset it meanwhile, speaks no TLS, or has a certificate that is not trusted
            (`ssl.SSLError` is an OSError).
    """
    try:
        wrapped = TlsStream(reactor, stream, _context(tls.ca_file, tls.verify), tls.server_name)
        await wrapped.shake_hands()
    except (trio.BrokenResourceError, EOFError) as error:
        stream.abort()
        raise ConnectionResetError(f"the connection ended during the TLS handshake ({error})") from None
    except BaseException:
        stream.abort()
        raise
    return wrapped


@lru_cache(maxsize=16)
def _context(ca_file: str, verify: bool) -> ssl.SSLContext:
    """One for all connections: reading the system's certificates takes some 20 ms."""
    context = ssl.create_default_context(cafile=ca_file or None)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(_PROTOCOLS)
    return context


class TlsStream(CommonStream):
    """One encrypted connection, as a client."""

    def __init__(self, reactor: Reactor, below: Stream, context: ssl.SSLContext, server_name: str) -> None:
        self._reactor = reactor
        self._below = below
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)
        self._receive: Callable[[bytes, int], object] | None = None
        self._lost: Callable[[Loss, int], object] | None = None
        self._paused = False
        self._at_end = False
        """Whether no more plain text can come."""
        self._closed = False
        self._said_goodbye = False

    async def shake_hands(self) -> None:
        """Agree with the peer on keys. Raises `ssl.SSLError`, `trio.BrokenResourceError`, or EOFError at its end."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush()
                data = await self._below.receive_some()
                if not data:
                    raise EOFError("the peer closed it") from None
                self._incoming.write(data)
            else:
                self._flush()
                return

    # Receiving, for a task.

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if max_bytes is not None and max_bytes < 1:
            raise ValueError("max_bytes must be at least 1")
        if self._lost is not None:
            raise trio.BusyResourceError("somebody is already receiving from this stream")
        while True:
            if self._closed:
                raise trio.ClosedResourceError
            try:
                plain = self._decrypted(max_bytes or _READ_BYTES)
            except ssl.SSLError as error:
                self._below.abort()
                raise trio.BrokenResourceError(str(error)) from error
            if plain is not None:
                return plain
            self._feed(await self._below.receive_some())

    # Receiving, by callbacks.

    def on_data(self, receive: Callable[[bytes, int], object], lost: Callable[[Loss, int], object]) -> None:
        if self._closed:
            raise trio.ClosedResourceError
        if self._lost is not None:
            raise trio.BusyResourceError("somebody is already receiving from this stream")
        self._below.on_data(self._take, self._lose)
        self._receive, self._lost = receive, lost
        self._deliver_soon()  # what came with the handshake may hold some

    def pause_receiving(self) -> None:
        self._paused = True
        self._below.pause_receiving()

    def resume_receiving(self) -> None:
        if self._paused:
            self._paused = False
            self._deliver_soon()
            self._below.resume_receiving()

    def _deliver_soon(self) -> None:
        now_ns = self._reactor.now_ns()
        self._reactor.call_at(now_ns, self._deliver, now_ns)

    def _take(self, data: bytes, arrived_ns: int) -> None:
        self._feed(data)
        self._deliver(arrived_ns)

    def _deliver(self, arrived_ns: int) -> None:
        """All the plain text there is, until somebody pauses, closes or has enough."""
        while self._receive is not None and not self._paused and not self._closed:
            try:
                plain = self._decrypted(_READ_BYTES)
            except ssl.SSLError:
                self._below.abort()
                self._lose("reset", arrived_ns)
                return
            if plain is None:
                return
            receive = self._receive
            if not plain:
                self._receive = None
            receive(plain, arrived_ns)

    def _lose(self, how: Loss, at_ns: int) -> None:
        if self._receive is not None:
            assert self._lost is not None
            self._receive = None
            self._at_end = True
            self._lost(how, at_ns)

    # Receiving, for both.

    def _feed(self, data: bytes) -> None:
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def _decrypted(self, limit: int) -> bytes | None:
        """What of the peer's plain text is there; b"" at its end, None while there is none.

        Raises:
            ssl.SSLError: what came is no TLS.
        """
        if self._at_end:
            return b""
        try:
            plain = self._tls.read(limit)
        except ssl.SSLWantReadError:
            return None
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            plain = b""  # many servers close without a goodbye; a message that is cut off is noticed above
        finally:
            self._flush()  # reading may have something to answer, as a change of keys
        self._at_end = not plain
        return plain

    def is_stale(self) -> bool:
        return self._closed or self._at_end or self._below.is_stale()

    # Sending.

    def write(self, data: bytes) -> None:
        if self._closed or self._said_goodbye:
            return
        try:
            self._tls.write(data)
        except ssl.SSLError:
            return  # broken: the reader meets it by itself
        self._flush()

    def _flush(self) -> None:
        if self._outgoing.pending:
            self._below.write(self._outgoing.read())

    @property
    def unsent_bytes(self) -> int:
        return self._below.unsent_bytes

    def is_over_share(self) -> bool:
        return self._below.is_over_share()

    def _check_sendable(self) -> None:
        if self._closed or self._said_goodbye:
            raise trio.ClosedResourceError

    async def _drain(self) -> None:
        await self._below.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        if self._closed:
            raise trio.ClosedResourceError
        if not self._said_goodbye:
            await self._below.wait_send_all_might_not_block()
            self._say_goodbye()
            await self._below.send_eof()

    # Ending.

    def _say_goodbye(self) -> None:
        """Close our side: the peer knows then that nothing was cut off."""
        self._said_goodbye = True
        with suppress(ssl.SSLError):  # it waits for the peer's goodbye, which nobody here needs; or is broken
            self._tls.unwrap()
        self._flush()

    def close(self) -> None:
        if self._closed:
            return
        if not self._said_goodbye:
            self._say_goodbye()
        self._closed = True
        self._below.close()

    def abort(self) -> None:
        self._closed = True
        self._below.abort()

    async def aclose(self) -> None:
        self.close()
        await self._below.aclose()
