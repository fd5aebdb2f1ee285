"""Somebody else's provider, as far as tests need one: HTTPS, a private CA, a path and a header."""

import json
import ssl
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import trustme

CHAIN_ID = 77
HEAD = 1000


class _Provider(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "_Server"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.heads.append((self.path, dict(self.headers)))
        allowed = self.path == self.server.path and self.headers["x-api-key"] == self.server.key
        if not allowed:
            self._answer(401, b"who are you?")
            return
        call = json.loads(body)
        result = _RESULTS[call["method"]](call.get("params"))
        self._answer(200, json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": result}).encode())

    def _answer(self, status, body):
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.send_header("set-cookie", f"session={self.server.key}")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def _block(params):
    number = HEAD if params[0] == "latest" else int(params[0], 16)
    return {
        "number": hex(number),
        "hash": f"0x{number:064x}",
        "parentHash": f"0x{number - 1:064x}",
        "timestamp": hex(12 * number),
    }


_RESULTS = {
    "eth_chainId": lambda params: hex(CHAIN_ID),
    "eth_blockNumber": lambda params: hex(HEAD),
    "eth_getBalance": lambda params: "0x7",
    "eth_getBlockByNumber": _block,
}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, path, key, context) -> None:
        super().__init__(("127.0.0.1", 0), _Provider)
        self.path, self.key = path, key
        self.heads: list[tuple[str, dict[str, str]]] = []
        self._context = context

    def get_request(self):
        sock, address = self.socket.accept()
        return self._context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request, client_address):
        pass  # clients that trust nobody, and links that are killed


@contextmanager
def tls_upstream(ca, path="/", key=""):
    """A provider at `path` for whoever has the `key`. Gives its port, and what it was asked: (path, headers)."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert("localhost").configure_cert(context)
    with _Server(path, key, context) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port, server.heads
        finally:
            server.shutdown()
            thread.join()


def private_ca(directory):
    """A CA, and the file with its certificate."""
    ca, path = trustme.CA(), directory / "ca.pem"
    ca.cert_pem.write_to_path(str(path))
    return ca, path
