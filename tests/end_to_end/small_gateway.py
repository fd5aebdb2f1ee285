"""A gateway of a few lines, as one that Battle does not know: it wants a path and a header, has three ports, starts
slowly, writes a log, and may speak TLS. It asks the first provider that answers.

    python small_gateway.py --port=1 [--ws-port=2] [--stats=3] --up=HOST:PORT ...
"""

import argparse
import contextlib
import http.client
import os
import signal
import socket
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int, required=True)
parser.add_argument("--ws-port", type=int)
parser.add_argument("--stats", type=int)
parser.add_argument("--up", action="append", required=True)
parser.add_argument("--path", default="/")
parser.add_argument("--ws-path", default="/")
parser.add_argument("--slow", type=float, default=0.0)
parser.add_argument("--log")
parser.add_argument("--cert")
parser.add_argument("--dies-after", type=int)
options = parser.parse_args()

SECRET = os.environ.get("GATEWAY_SECRET", "")
READY_AT = time.monotonic() + options.slow
asked = 0


def note(line):
    if options.log:
        with open(options.log, "a") as log:
            log.write(line + "\n")


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    finally:
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def refuse(self, status):
        note(f"{status} {self.path} {self.headers.get('x-secret')}")
        self.say(status, b"no")

    def say(self, status, body):
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.send_header("x-battle-provider", "guess")
        self.end_headers()
        self.wfile.write(body)

    def why_not(self, path):
        if self.path != path:
            return 404
        if SECRET and self.headers.get("x-secret") != SECRET:
            return 403
        return 503 if time.monotonic() < READY_AT else None

    def do_POST(self):
        global asked
        body = self.rfile.read(int(self.headers["content-length"]))
        status = self.why_not(options.path)
        if status is not None:
            self.refuse(status)
            return
        asked += 1
        if options.dies_after is not None and asked > options.dies_after:
            note(f"giving up with {SECRET}")
            print(f"I give up: {SECRET}", flush=True)
            os._exit(7)
        for upstream in options.up:
            try:
                connection = http.client.HTTPConnection(upstream, timeout=2)
                headers = {"content-type": "application/json"}
                if marked := self.headers.get("x-battle-request"):
                    headers["x-battle-request"] = marked
                connection.request("POST", "/", body, headers)
                answer = connection.getresponse()
                self.say(answer.status, answer.read())
                return
            except OSError:
                continue
        self.say(502, b"nobody answers")

    def do_GET(self):
        if self.headers.get("upgrade"):
            self.tunnel()
        elif self.path == "/healthz":
            self.say(503 if time.monotonic() < READY_AT else 204, b"")
        else:
            self.refuse(404)

    def tunnel(self):
        status = self.why_not(options.ws_path)
        if options.ws_port is not None and self.connection.getsockname()[1] != options.ws_port:
            status = 405
        if status is not None:
            self.refuse(status)
            return
        host, _, port = options.up[0].rpartition(":")
        server = socket.create_connection((host, int(port)))
        head = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        server.sendall(f"GET / HTTP/1.1\r\n{head}\r\n".encode())
        back = threading.Thread(target=pump, args=(server, self.connection), daemon=True)
        back.start()
        pump(self.connection, server)
        self.close_connection = True


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        pass


def listen(port):
    server = Server(("127.0.0.1", port), Handler)
    if options.cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.cert)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def leave(number, _):
    note(f"asked to end by {signal.Signals(number).name}")
    os._exit(0)


for name in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
    signal.signal(name, leave)
note(f"started in {os.getcwd()}")
for one in (options.port, options.ws_port, options.stats):
    if one is not None:
        listen(one)
print("up", file=sys.stderr, flush=True)
while True:
    time.sleep(3600)
