"""How many requests a second one mock provider serves: real chain answers, every call logged, one process.

    python tools/bench/provider.py [--seconds 10] [--connections 32] [--latency-ms 0]

A provider node runs live, as in a battle; this process's child drives it over keep-alive connections, each
asking again as soon as it has its answer (a closed loop: this measures capacity, not latency), half
eth_blockNumber and half eth_getBalance. Prints requests per second, and per second of the provider's own CPU
time, which repeats better on a shared machine. With `wrk` on the PATH it is driven with that as well.
"""

import argparse
import multiprocessing
import os
import platform
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path

import psutil
import trio

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from battle.actors.roles import NodeSpec, ProviderRole  # noqa: E402
from battle.actors.spec.chain import Chain  # noqa: E402
from battle.actors.spec.providers import MockProvider  # noqa: E402
from battle.actors.system.mailbox import Mailbox  # noqa: E402
from battle.actors.units import ms  # noqa: E402
from battle.actors.wire.correlation import embedded, request_id  # noqa: E402
from battle.actors.wire.http.messages import encode_request, request_head  # noqa: E402
from battle.actors.wire.jsonrpc import encode_call  # noqa: E402
from battle.actors.world.live.cluster import LiveCluster  # noqa: E402
from battle.actors.world.live.run import run_live  # noqa: E402

_PREPARED = 4096
_WRK_SCRIPT = """
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
wrk.body = '{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}'
"""


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory() as directory:
        run_live(lambda cluster: measure(cluster, options), run_dir=Path(directory), seed=1)
        segments = (Path(directory) / "events").glob("a.1.ndjson")
        logged = sum(
            line.startswith(b'{"type":"attempt_served"') for path in segments for line in path.open("rb")
        )
    print(f"  logged                 {logged:>10,} attempts")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Benchmark the mock provider.")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--latency-ms", type=float, default=0)
    return parser.parse_args()


async def measure(cluster: LiveCluster, options: argparse.Namespace) -> None:
    """Start the provider, drive it, print what came of it."""
    address = cluster.reserve("a")
    role = ProviderRole(MockProvider("a", latency=ms(options.latency_ms)), address, Chain())
    async with trio.open_nursery() as nursery:
        spec = NodeSpec(role, collect=("requests",))
        node = await nursery.start(cluster.run_node, "a", 1, spec, Mailbox("a").open())
        provider = psutil.Process(node.pid)
        _pin(node.pid, 0)
        before = provider.cpu_times()
        answered, elapsed = await trio.to_thread.run_sync(_drive, address, options)
        after = provider.cpu_times()
        cpu = after.user + after.system - before.user - before.system
        _report(answered, elapsed, cpu, options)
        await trio.to_thread.run_sync(_drive_with_wrk, address, options)
        nursery.cancel_scope.cancel()


def _report(answered: int, elapsed: float, cpu: float, options: argparse.Namespace) -> None:
    print(f"mock provider, {options.connections} connections, {datetime.now(UTC):%Y-%m-%d}, {_machine()}")
    print(f"  closed loop            {answered / elapsed:>10,.0f} requests/s over {elapsed:.1f} s")
    print(f"  per CPU second         {answered / cpu:>10,.0f} requests ({cpu / answered * 1e6:.1f} us each)")
    print(f"  provider's core        {cpu / elapsed:>10.0%} busy")
    print(f"  answered               {answered:>10,}")


def _machine() -> str:
    return f"{os.cpu_count()} cores {platform.machine()}, Python {platform.python_version()}"


def _pin(pid: int, core: int) -> None:
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(pid, {core})


def _drive(address: str, options: argparse.Namespace) -> tuple[int, float]:
    mine, theirs = multiprocessing.Pipe()
    arguments = (address, options.connections, options.seconds, theirs)
    process = multiprocessing.get_context("spawn").Process(target=run_client, args=arguments)
    process.start()
    result: tuple[int, float] = mine.recv()
    process.join()
    return result


def run_client(address: str, connections: int, seconds: float, result: Connection) -> None:
    """Keep `connections` requests in flight for `seconds`; send (answers, elapsed seconds) to `result`."""
    _pin(0, 1)
    requests = _requests(address)
    host, _, port = address.rpartition(":")
    with selectors.DefaultSelector() as selector:
        for _ in range(connections):
            sock = socket.create_connection((host, int(port)))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(sock, selectors.EVENT_READ)
            sock.sendall(next(requests))
        result.send(_exchange(selector, requests, seconds))


def _exchange(
    selector: selectors.BaseSelector, requests: Iterator[bytes], seconds: float
) -> tuple[int, float]:
    answered = 0
    began = time.perf_counter()
    while (now := time.perf_counter()) < began + seconds:
        for key, _ in selector.select():
            sock = key.fileobj
            assert isinstance(sock, socket.socket)
            data = sock.recv(65536)
            assert data.startswith(b"HTTP/1.1 200"), data
            assert b'"result"' in data, data
            answered += 1
            sock.sendall(next(requests))
    return answered, now - began


def _requests(address: str) -> Iterator[bytes]:
    """Prepared beforehand, so that the client is not what is measured; then the same again."""
    head = request_head(address)
    prepared = []
    for number in range(_PREPARED):
        name = request_id(0, number)
        if number % 2:
            body = encode_call("eth_getBalance", [embedded(0, number, 20), "latest"], name)
        else:
            body = encode_call("eth_blockNumber", [], name)
        prepared.append(encode_request(head, body, name.encode()))
    return (prepared[number % _PREPARED] for number in count())


def _drive_with_wrk(address: str, options: argparse.Namespace) -> None:
    wrk = shutil.which("wrk")
    if wrk is None:
        return
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_WRK_SCRIPT)
        script.flush()
        command = [wrk, "-t1", f"-c{options.connections}", f"-d{options.seconds:.0f}s", "-s", script.name]
        subprocess.run([*command, f"http://{address}/"], check=True)


if __name__ == "__main__":
    main()
