"""What the embedded gateway adds to a request's latency, and how many requests a second one process serves.

    python tools/bench/gateway.py [--seconds 10] [--connections 32] [--rate 500]

A gateway node runs live on a core of its own, as in a battle, every attempt logged; on the other core are a
fixed-answer upstream and the client. At the rate, one request after another is sent when it is due, in turns
to the upstream directly and through the gateway, so both see the same machine; latency counts from the
sending. At the maximum, each connection asks again as soon as it has its answer. Requests per second of the
gateway's own CPU time repeat better on a shared machine.
"""

import argparse
import multiprocessing
import os
import platform
import selectors
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil
import trio

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from battle.actors.roles import GatewayRole, NodeSpec, Upstream  # noqa: E402
from battle.actors.spec.gateways import EmbeddedGateway  # noqa: E402
from battle.actors.system.mailbox import Mailbox  # noqa: E402
from battle.actors.wire.correlation import request_id  # noqa: E402
from battle.actors.wire.http.messages import encode_request, request_head  # noqa: E402
from battle.actors.wire.jsonrpc import encode_call  # noqa: E402
from battle.actors.world.live.cluster import LiveCluster  # noqa: E402
from battle.actors.world.live.run import run_live  # noqa: E402

_GATEWAY_CORE, _REST_CORE = 0, 1
_WARM_UP = 200
_SPAWN = multiprocessing.get_context("spawn")


def main() -> None:
    options = _options()
    print(f"embedded gateway, {datetime.now(UTC):%Y-%m-%d}, {_machine()}")
    mine, theirs = multiprocessing.Pipe()
    upstream = _SPAWN.Process(target=run_upstream, args=(theirs,), daemon=True)
    upstream.start()
    with tempfile.TemporaryDirectory() as directory:
        for strategy in ("priority", "fastest", "latency_weighted"):
            role = EmbeddedGateway(strategy=strategy)
            run_dir = Path(directory) / strategy
            run_dir.mkdir()
            run_live(_measuring(role, mine, options), run_dir=run_dir, seed=1)
            _report_log(run_dir)
    upstream.terminate()
    upstream.join()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Benchmark the embedded gateway.")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--rate", type=float, default=500)
    return parser.parse_args()


def _measuring(
    spec: EmbeddedGateway, upstream: Connection, options: argparse.Namespace
) -> Callable[[LiveCluster], Any]:
    async def measure(cluster: LiveCluster) -> None:
        upstream.send("where are you?")
        direct = upstream.recv()
        providers = tuple(Upstream(name, direct) for name in ("a", "b", "c"))
        address = cluster.reserve("gateway")
        node_spec = NodeSpec(GatewayRole(spec, address, providers))
        async with trio.open_nursery() as nursery:
            node = await nursery.start(cluster.run_node, "gateway", 1, node_spec, Mailbox("gateway").open())
            _pin(node.pid, _GATEWAY_CORE)
            await _drive(psutil.Process(node.pid), direct, address, options)
            nursery.cancel_scope.cancel()

    return measure


async def _drive(gateway: psutil.Process, direct: str, through: str, options: argparse.Namespace) -> None:
    alternately = (direct, through, options.rate, options.seconds)
    latencies = await trio.to_thread.run_sync(_in_process, run_paced, alternately)
    direct_us, through_us = latencies
    _report_added(direct_us, through_us, options.rate)
    before = _cpu_seconds(gateway)
    busy = (through, options.connections, options.seconds)
    answered, elapsed = await trio.to_thread.run_sync(_in_process, run_flat_out, busy)
    cpu = _cpu_seconds(gateway) - before
    print(f"    maximum, {options.connections} connections {answered / elapsed:>9,.0f} requests/s")
    print(
        f"    per CPU second          {answered / cpu:>9,.0f} requests ({cpu / answered * 1e6:.0f} us each)"
    )


def _report_added(direct: list[float], through: list[float], rate: float) -> None:
    print(f"    at {rate:.0f}/s, microseconds      direct   through    added")
    for name, share in (("median", 0.5), ("p99", 0.99)):
        one, other = (
            statistics.quantiles(values, n=1000)[round(share * 1000) - 1] for values in (direct, through)
        )
        print(f"      {name:<20} {one:>9.0f} {other:>9.0f} {other - one:>8.0f}")


def _report_log(run_dir: Path) -> None:
    segments = (run_dir / "events").glob("gateway.1.ndjson")
    logged = sum(
        line.startswith(b'{"type":"gateway_attempt_ended"') for path in segments for line in path.open("rb")
    )
    print(f"  {run_dir.name}: {logged:,} attempts logged")


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _machine() -> str:
    return f"{os.cpu_count()} cores {platform.machine()}, Python {platform.python_version()}"


def _pin(pid: int, core: int) -> None:
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(pid, {core})


def _in_process(function: Callable[..., None], arguments: tuple[Any, ...]) -> Any:
    mine, theirs = multiprocessing.Pipe()
    process = _SPAWN.Process(target=function, args=(*arguments, theirs))
    process.start()
    result = mine.recv()
    process.join()
    return result


# The upstream: one process, no framework, one answer.


def run_upstream(control: Connection) -> None:
    """Answer every request with a fixed result and its own id; send the address to whoever asks for it."""
    _pin(0, _REST_CORE)
    with (
        selectors.DefaultSelector() as selector,
        socket.create_server(("127.0.0.1", 0), backlog=512) as listener,
    ):
        selector.register(listener, selectors.EVENT_READ)
        selector.register(control, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is control:
                    control.recv()
                    control.send(f"127.0.0.1:{listener.getsockname()[1]}")
                elif key.fileobj is listener:
                    _accept(selector, listener)
                else:
                    _answer(selector, key.fileobj)


def _accept(selector: selectors.BaseSelector, listener: socket.socket) -> None:
    sock, _ = listener.accept()
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    selector.register(sock, selectors.EVENT_READ)


def _answer(selector: selectors.BaseSelector, sock: Any) -> None:
    """Requests here are small, and come whole."""
    try:
        data = sock.recv(65536)
    except ConnectionResetError:
        data = b""
    if not data:
        selector.unregister(sock)
        sock.close()
        return
    call_id = data.partition(b'"id":')[2].partition(b",")[0]
    body = b'{"jsonrpc":"2.0","id":%b,"result":"0x10d4f"}' % call_id
    sock.sendall(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
        % (len(body), body)
    )


# The client.


def run_paced(direct: str, through: str, rate: float, seconds: float, result: Connection) -> None:
    """Ask in turns directly and through the gateway, each at `rate`; send both lists of microseconds."""
    _pin(0, _REST_CORE)
    none: list[float] = []
    targets = [(_connect(address), address, none.copy()) for address in (direct, through)]
    rounds = round(rate * seconds) + _WARM_UP
    began = time.perf_counter()
    for number in range(2 * rounds):
        sock, address, latencies = targets[number % 2]
        request = _request(address, number)
        time.sleep(max(began + number / (2 * rate) - time.perf_counter(), 0))
        sent = time.perf_counter()
        sock.sendall(request)
        _check(sock.recv(65536))
        latencies.append((time.perf_counter() - sent) * 1e6)
    result.send(tuple(latencies[_WARM_UP:] for _, _, latencies in targets))


def run_flat_out(address: str, connections: int, seconds: float, result: Connection) -> None:
    """Keep `connections` requests in flight for `seconds`; send (answers, elapsed seconds)."""
    _pin(0, _REST_CORE)
    numbers, answered = count(), 0
    with selectors.DefaultSelector() as selector:
        for _ in range(connections):
            sock = _connect(address)
            selector.register(sock, selectors.EVENT_READ)
            sock.sendall(_request(address, next(numbers)))
        began = time.perf_counter()
        while (now := time.perf_counter()) < began + seconds:
            for key, _ in selector.select():
                sock = key.fileobj  # type: ignore[assignment]
                _check(sock.recv(65536))
                answered += 1
                sock.sendall(_request(address, next(numbers)))
    result.send((answered, now - began))


def _connect(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    sock = socket.create_connection((host, int(port)))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _request(address: str, number: int) -> bytes:
    name = request_id(0, number)
    return encode_request(request_head(address), encode_call("eth_blockNumber", [], name), name.encode())


def _check(response: bytes) -> None:
    assert response.startswith(b"HTTP/1.1 200"), response
    assert response.endswith(b'"result":"0x10d4f"}'), response


if __name__ == "__main__":
    main()
