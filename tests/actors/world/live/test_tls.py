"""The live world's TLS client against trio's TLS server, which is OpenSSL behind other code than ours."""

import ssl
from contextlib import asynccontextmanager, suppress

import pytest
import trio
import trustme

from battle.actors.spec.endpoints import Tls
from tests.actors.worlds import live

pytestmark = pytest.mark.live

CA = trustme.CA()


@pytest.fixture(scope="module")
def ca_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    CA.cert_pem.write_to_path(str(path))
    return str(path)


def _server_context():
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    CA.issue_cert("localhost").configure_cert(context)
    return context


@asynccontextmanager
async def _served(stage, handler, *, https_compatible=False):
    """The address of a TLS server that gives each connection to `handler`, once the handshake is over."""
    context = _server_context()

    async def serve(stream):
        tls = trio.SSLStream(stream, context, server_side=True, https_compatible=https_compatible)
        with suppress(trio.BrokenResourceError):  # a client that trusts nobody, or resets
            await handler(tls)

    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, serve, listeners)
        yield f"127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        nursery.cancel_scope.cancel()


async def _echo(tls):
    while data := await tls.receive_some(65536):
        await tls.send_all(data)
    await tls.aclose()


def test_much_goes_both_ways_and_ends_on_both_sides(ca_file):
    size = 3 * 2**20

    async def main(stage):
        async with _served(stage, _echo) as address, trio.open_nursery() as nursery:
            stream = await stage.client.connect(address, Tls("localhost", ca_file))
            nursery.start_soon(stream.send_all, bytes(range(256)) * (size // 256))
            received = b""
            while len(received) < size:
                received += await stream.receive_some()
            await stream.send_eof()
            assert await stream.receive_some() == b""
            await stream.aclose()
            return received

    assert live(main) == bytes(range(256)) * (size // 256)


def test_callbacks_get_what_came_with_the_handshake_and_pauses_hold(ca_file):
    """The server speaks first, so its words may come in one piece with the end of the handshake."""

    async def speak(tls):
        for number in range(100):
            await tls.send_all(b"%04d" % number)
        await tls.aclose()

    async def main(stage):
        received = []
        async with _served(stage, speak) as address:
            stream = await stage.client.connect(address, Tls("localhost", ca_file))
            ended = trio.Event()

            def take(data, at_ns):
                received.append(data)
                if not data:
                    ended.set()
                    return
                stream.pause_receiving()
                held = len(received)
                stage.client.call_at(stage.now_ns() + 2_000_000, go_on, held)

            def go_on(held):
                assert len(received) == held, "a paused stream hands nothing over"
                stream.resume_receiving()

            stream.on_data(take, lambda how, at_ns: received.append(how))
            await ended.wait()
            stream.close()
        return received

    received = live(main)
    assert received[-1] == b""
    assert b"".join(received) == b"".join(b"%04d" % number for number in range(100))


def test_a_server_that_closes_without_a_goodbye_is_at_its_end_and_one_that_resets_is_lost(ca_file):
    async def hang_up(tls):
        await tls.do_handshake()
        await tls.transport_stream.aclose()

    async def slam(tls):
        await tls.do_handshake()
        await tls.receive_some(1)
        sock = tls.transport_stream.socket
        sock.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.close()

    async def main(stage):
        ends = []
        for handler in (hang_up, slam):
            async with _served(stage, handler) as address:
                stream = await stage.client.connect(address, Tls("localhost", ca_file))
                over = trio.Event()

                def end(what, at_ns, over=over):
                    ends.append(what)
                    over.set()

                stream.on_data(end, end)
                stream.write(b"?")
                await over.wait()
                assert stream.is_stale()
                stream.close()
        return ends

    assert live(main) == [b"", "reset"]


def test_what_this_side_closes_and_aborts_is_said_to_its_owner(ca_file):
    async def main(stage):
        ends = []
        async with _served(stage, _echo) as address:
            for end in ("close", "abort"):
                stream = await stage.client.connect(address, Tls("localhost", ca_file))
                over = trio.Event()

                def lost(how, at_ns, over=over):
                    ends.append(how)
                    over.set()

                stream.on_data(lambda data, at_ns: ends.append(data), lost)
                getattr(stream, end)()
                await over.wait()
                with pytest.raises(trio.ClosedResourceError):
                    await stream.send_all(b"too late")
        return ends

    assert live(main) == ["closed", "closed"]


@pytest.mark.parametrize(
    ("server_name", "trusted", "why"),
    [("localhost", False, "local issuer certificate"), ("other.example", True, "Hostname mismatch")],
)
def test_a_certificate_that_is_not_trusted_is_refused(ca_file, server_name, trusted, why):
    async def main(stage):
        async with _served(stage, _echo) as address:
            with pytest.raises(ssl.SSLCertVerificationError, match=why):
                await stage.client.connect(address, Tls(server_name, ca_file if trusted else ""))

    live(main)


def test_without_verification_any_certificate_will_do():
    async def main(stage):
        async with _served(stage, _echo) as address:
            stream = await stage.client.connect(address, Tls("other.example", verify=False))
            stream.write(b"hello")
            answer = await stream.receive_some()
            await stream.aclose()
            return answer

    assert live(main) == b"hello"


def test_a_server_that_speaks_no_tls_or_leaves_is_an_os_error(ca_file):
    async def main(stage):
        async def shout(stream):
            stream.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            await trio.sleep_forever()

        async def leave(stream):
            stream.close()

        for handler in (shout, leave):
            server = stage.world(handler.__name__)
            address = await stage.nursery.start(server.serve, stage.address("server"), handler)
            with pytest.raises(OSError):  # noqa: PT011 - of which kind, the other side's timing decides
                await stage.client.connect(address, Tls("localhost", ca_file))

    live(main)


async def _read_on(stream):
    while True:
        await stream.receive_some()


def test_a_handshake_that_is_cancelled_resets_the_connection(ca_file):
    async def main(stage):
        reset = trio.Event()

        async def say_nothing(stream):
            with pytest.raises(trio.BrokenResourceError):
                await _read_on(stream)
            reset.set()

        server = stage.world("server")
        address = await stage.nursery.start(server.serve, stage.address("server"), say_nothing)
        with trio.move_on_after(0.05) as scope:
            await stage.client.connect(address, Tls("localhost", ca_file))
        assert scope.cancelled_caught
        await reset.wait()

    live(main)
