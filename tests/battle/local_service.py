"""A real HTTP server on this machine that answers what a test says, and keeps what it was sent."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import msgspec


class Received(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class Reply(NamedTuple):
    """`slow`: not before the test is over. `broken`: the connection is closed instead of an answer."""

    status: int = 200
    body: bytes = b"ok"
    headers: dict[str, str] = {}
    slow: bool = False
    broken: bool = False


OK = Reply()


class LocalService:
    """`answer` decides; `received` is all that came, in order."""

    def __init__(self, answer: Callable[[Received], Reply]) -> None:
        self.received: list[Received] = []
        self._answer = answer
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = False  # so that closing waits for them
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.005,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _reply(self, received: Received) -> Reply:
        with self._lock:
            self.received.append(received)
            return self._answer(received)

    def _handler(service) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def handle_any(self) -> None:
                size = int(self.headers.get("content-length", 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                reply = service._reply(Received(self.command, self.path, headers, self.rfile.read(size)))
                if reply.slow:
                    service._over.wait()
                if reply.slow or reply.broken:
                    self.close_connection = True
                    return
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = handle_any

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler


@contextmanager
def served(*replies: Reply, answer: Callable[[Received], Reply] | None = None) -> Iterator[LocalService]:
    """A service that gives these replies one after the other, the last one for ever; or what `answer` says."""
    left = list(replies) or [OK]

    def scripted(_received: Received) -> Reply:
        return left.pop(0) if len(left) > 1 else left[0]

    service = LocalService(answer or scripted)
    try:
        yield service
    finally:
        service.close()
