"""nginx with a fixed JSON-RPC answer, for `load.py`. Pins itself to core 0 and prints its port.

When it reads a moment on stdin (nanoseconds on CLOCK_MONOTONIC), it is frozen with SIGSTOP from second 2 to 4 and 8
to 10 after that; the kernel goes on accepting connections for it. It ends when stdin does.
"""

import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FREEZES_S = ((2, 4), (8, 10))
PROGRAM = "/usr/sbin/nginx"

CONFIG = """
worker_processes 1; daemon off; master_process off; error_log {folder}/error.log; pid {folder}/pid;
events {{ worker_connections 8192; multi_accept on; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 75s;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      default_type application/json;
      return 200 '{{"jsonrpc":"2.0","id":1,"result":"0x10d4f"}}';
    }}
  }}
}}
"""


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def wait_until_it_listens(port: int) -> None:
    for _ in range(500):
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    sys.exit("nginx does not listen")


def freeze(nginx: "subprocess.Popen[bytes]", began_ns: int) -> None:
    for frozen_s, thawed_s in FREEZES_S:
        for at_s, number in ((frozen_s, signal.SIGSTOP), (thawed_s, signal.SIGCONT)):
            left_s = (began_ns - time.monotonic_ns()) / 1e9 + at_s
            if select.select([sys.stdin], [], [], max(left_s, 0))[0]:
                return  # whoever asked is gone
            nginx.send_signal(number)


def main() -> None:
    port = free_port()
    os.sched_setaffinity(0, {0})
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "nginx.conf"
        config.write_text(CONFIG.format(folder=folder, port=port))
        nginx = subprocess.Popen([PROGRAM, "-c", config, "-e", f"{folder}/error.log"])
        try:
            wait_until_it_listens(port)
            print(port, flush=True)
            if line := sys.stdin.readline():
                freeze(nginx, int(line))
                sys.stdin.read()
        finally:
            nginx.send_signal(signal.SIGCONT)
            nginx.terminate()
            nginx.wait()


main()
