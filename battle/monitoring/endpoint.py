"""The address at which Prometheus scrapes the metrics of a run: hypercorn on trio."""

import socket
from collections.abc import Awaitable, Callable
from typing import Any

import trio
from hypercorn.config import Config
from hypercorn.trio import serve

from battle.errors import BattleError, plain
from battle.monitoring.exposition import exposed
from battle.monitoring.recorder import Recorder

KEPT_SECONDS = 60.0
"""After the run, for a scraper to get the last values: Prometheus' default interval is a minute. It ends as soon as
they were scraped."""

PATHS = ("/metrics", "/")


class Endpoint:
    """Serves `recorder`'s figures. `last` is set when they change no more; `scraped` then says that they were read.

    Raises:
        BattleError: the address is not available.
    """

    def __init__(self, address: str, recorder: Recorder, scenario: str) -> None:
        self._recorder = recorder
        self._scenario = scenario
        self._socket = _listening(address)
        self.url = _url(self._socket)
        """Where it is."""
        self.last = False
        self.scraped = trio.Event()

    async def serve(self, task_status: trio.TaskStatus[Any] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled, which releases the address."""
        config = Config()
        config.bind = [f"fd://{self._socket.detach()}"]
        config.errorlog = None
        config.include_server_header = False
        await serve(self._answer, config, task_status=task_status)  # type: ignore[arg-type]

    def close(self) -> None:
        """Release the address, where it was never served."""
        self._socket.close()

    async def _answer(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            await self._answer_request(scope, send)

    async def _answer_request(
        self, scope: dict[str, Any], send: Callable[[dict[str, Any]], Awaitable[None]]
    ) -> None:
        if scope["method"] not in ("GET", "HEAD") or scope["path"] not in PATHS:
            await _respond(send, 404, b"metrics are at /metrics\n", "text/plain; charset=utf-8")
            return
        accept = b",".join(value for name, value in scope["headers"] if name == b"accept").decode("latin-1")
        last = self.last
        body, content_type = exposed(self._recorder.until_now(), self._scenario, accept)
        await _respond(send, 200, body, content_type)
        if last and scope["method"] == "GET":
            self.scraped.set()


def split_address(text: str) -> tuple[str, int]:
    """Host and port of `PORT` or `HOST:PORT`; without a host, this machine alone can scrape.

    Raises:
        BattleError: it is neither.
    """
    host, colon, port = text.rpartition(":")
    if not port.isascii() or not port.isdigit() or int(port) > 65535 or (colon and not host):
        raise BattleError(f"--prometheus takes PORT or HOST:PORT, with a port from 0 to 65535, not {text!r}")
    return host.strip("[]") or "127.0.0.1", int(port)


def _listening(address: str) -> socket.socket:
    host, port = split_address(address)
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=16
        )
    except OSError as error:
        raise BattleError(
            f"metrics cannot be served at {host}:{port}: {plain(error)}; give another port, or 0 for any"
        ) from None


def _url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/metrics"


async def _lifespan(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _respond(send: Any, status: int, body: bytes, content_type: str) -> None:
    headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
