"""How much memory clients that do not read, or never finish what they ask, take of a provider and of the gateway.

    python tools/bench/unread.py [--clients 50] [--seconds 10]

Clients of each kind come to a node of its own, live, as in a battle, and send as fast as it takes what they send:

    answers     pipelined calls with large answers, of which they read none
    delayed     the same, at a provider whose answers are due in a minute
    websocket   calls with large answers over a WebSocket, of which they read none
    uploads     a request of nearly 2 MiB, which never ends

Prints the most memory that the node took, and what it took before.
"""

import argparse
import os
import selectors
import socket
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import psutil
import trio

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from battle.actors.roles import GatewayRole, NodeSpec, ProviderRole, Upstream  # noqa: E402
from battle.actors.spec.chain import Chain  # noqa: E402
from battle.actors.spec.gateways import EmbeddedGateway  # noqa: E402
from battle.actors.spec.providers import MockProvider  # noqa: E402
from battle.actors.system.mailbox import Mailbox  # noqa: E402
from battle.actors.units import seconds  # noqa: E402
from battle.actors.world.live.cluster import LiveCluster  # noqa: E402
from battle.actors.world.live.run import run_live  # noqa: E402

KINDS = ("answers", "delayed", "websocket", "uploads")

CALL = b'{"jsonrpc":"2.0","id":1,"method":"eth_getBlockByNumber","params":["0x1",true]}'
BATCH = b"[" + b",".join([CALL] * 40) + b"]"
UPLOAD_BYTES = 2 * 2**20 - 1000
UPGRADE = (
    b"GET / HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
)


def main() -> None:
    parser = argparse.ArgumentParser(description="Memory of nodes whose clients do not read.")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--kinds", nargs="*", choices=KINDS, default=KINDS)
    options = parser.parse_args()
    for node in ("provider", "gateway"):
        for kind in options.kinds:
            with tempfile.TemporaryDirectory() as directory:
                run_live(
                    partial(measure, node=node, kind=kind, options=options),
                    run_dir=Path(directory),
                    seed=1,
                )


async def measure(cluster: LiveCluster, node: str, kind: str, options: argparse.Namespace) -> None:
    """Start the nodes, let the clients come, and print what the node took."""
    address, front = cluster.reserve("a"), cluster.reserve("gateway")
    delay = seconds(60) if kind == "delayed" else 0
    role = ProviderRole(MockProvider("a", latency=delay), address, Chain())
    async with trio.open_nursery() as nursery:
        provider = await nursery.start(
            cluster.run_node, "a", 1, NodeSpec(role, collect=()), Mailbox("a").open()
        )
        spec = GatewayRole(EmbeddedGateway(), front, (Upstream("a", address),), seconds(12))
        gateway = await nursery.start(
            cluster.run_node, "gateway", 1, NodeSpec(spec, collect=()), Mailbox("gateway").open()
        )
        at, process = (address, provider) if node == "provider" else (front, gateway)
        meter = psutil.Process(process.pid)
        before = meter.memory_info().rss
        most, sent, cut = await trio.to_thread.run_sync(_drive, at, kind, meter, options)
        print(
            f"{node:<9} {kind:<10} {options.clients} clients sent {sent / 2**20:>7.1f} MiB, {cut} were cut: "
            f"{before / 2**20:.0f} MiB before, {most / 2**20:.0f} MiB at most",
            flush=True,
        )
        nursery.cancel_scope.cancel()


def _drive(
    address: str, kind: str, meter: psutil.Process, options: argparse.Namespace
) -> tuple[int, int, int]:
    host, _, port = address.rpartition(":")
    selector = selectors.DefaultSelector()
    clients = [socket.create_connection((host, int(port))) for _ in range(options.clients)]
    for client in clients:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        if kind == "websocket":
            client.sendall(UPGRADE)
            client.recv(4096)
        client.setblocking(False)
        selector.register(client, selectors.EVENT_WRITE)
    piece, most_each = _piece(kind)
    sent = dict.fromkeys(clients, 0)
    begun, most, cut = time.monotonic(), 0, 0
    while time.monotonic() - begun < options.seconds:
        ready = selector.select(0.1)
        for key, _ in ready:
            assert isinstance(key.fileobj, socket.socket)
            client = key.fileobj
            place = sent[client] % len(piece)
            try:
                sent[client] += client.send(piece[place:])
            except BlockingIOError:
                continue
            except OSError:
                cut += 1
                selector.unregister(client)
                continue
            if sent[client] >= most_each:
                selector.unregister(client)
        most = max(most, meter.memory_info().rss)
    for client in clients:
        client.close()
    return most, sum(sent.values()), cut


def _piece(kind: str) -> tuple[bytes, int]:
    """What a client sends again and again, and how much at most."""
    if kind == "uploads":
        head = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        return head % (UPLOAD_BYTES + 1) + b" " * UPLOAD_BYTES, UPLOAD_BYTES
    if kind == "websocket":
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(BATCH))
        return b"\x81\xfe" + len(BATCH).to_bytes(2, "big") + mask + masked, 2**60
    head = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % len(BATCH) + BATCH, 2**60


if __name__ == "__main__":
    main()
