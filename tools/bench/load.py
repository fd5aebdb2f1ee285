"""The load generator alone, against any server: beside other load generators, and for its own test under a stall.

    load.py URL CONNECTIONS DURATION_S RATE_PER_S [LOG]     RATE 0: closed loop; LOG: keep the event log there
    load.py nginx ...                                       the same against an nginx of its own, on core 0
    load.py --stall                                         200/s for 12 s at an nginx frozen 2 s in every 6

One process, one event loop, the live world; every request is logged in any case, and the numbers are read
back from that log. Prints one line of JSON.
"""

import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import trio

from battle.actors.roles import Begin, WorkloadRole
from battle.actors.spec.chain import Chain
from battle.actors.spec.endpoints import Endpoint
from battle.actors.spec.workloads import HttpConstant, HttpUsers, Workload
from battle.actors.system.mailbox import Mailbox
from battle.actors.units import ms, seconds
from battle.actors.workload.generator import run_workload
from battle.actors.world.live.reactor import Reactor
from battle.actors.world.live.world import LiveWorld
from battle.store.segment import FLUSH_INTERVAL_NS, SegmentWriter
from battle.store.sink import FileSink

METHOD = "eth_blockNumber"
LEAD = ms(50)
QUANTILES = {"p50_ms": 0.5, "p75_ms": 0.75, "p90_ms": 0.9, "p99_ms": 0.99, "p999_ms": 0.999}
DUE_SCHEDULE_MS = {"p75_ms": 500, "p90_ms": 1400, "p99_ms": 1940}
"""What a server frozen 2 s in every 6 makes of 200 requests/s for 12 s: 800 of 2,400 wait 0 to 2 s."""


class Line(msgspec.Struct):
    """What is read back of an event."""

    type: str
    scheduled_ns: int = 0
    sent_ns: int | None = None
    ended_ns: int = 0
    outcome: str = ""
    dropped: int = 0


class _Control:
    """The control channel of a node without a coordinator."""

    def __init__(self, world: LiveWorld) -> None:
        self.began_ns = world.now_ns() + LEAD
        mailbox = Mailbox("load")
        self.inbox = mailbox.open()
        mailbox.ref.tell_nowait(Begin(self.began_ns))

    def ready(self) -> None:
        """Nobody asks."""


def role_for(url: str, connections: int, duration_s: float, rate: float) -> WorkloadRole:
    parts = urlsplit(url)
    duration = seconds(duration_s)
    spec: Workload
    if rate:
        spec = HttpConstant(METHOD, rate=rate, duration=duration, max_connections=connections)
    else:
        spec = HttpUsers(METHOD, users=connections, duration=duration, max_connections=connections)
    endpoint = Endpoint(f"{parts.hostname}:{parts.port or 80}", parts.path or "/")
    return WorkloadRole(spec, 0, 0, endpoint, Chain(), seed=1, checks_answers=False)


async def generate(role: WorkloadRole, log: Path, on_begin: Callable[[int], object]) -> int:
    """Run the load; returns when it began, in nanoseconds of its log."""
    epoch_ns = time.perf_counter_ns()
    reactor = Reactor(epoch_ns)
    writer = SegmentWriter(
        FileSink(log), lambda: reactor.call_at(reactor.now_ns() + FLUSH_INTERVAL_NS, writer.flush)
    )
    world = LiveWorld(reactor, "load", role.seed, writer)
    control = _Control(world)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)  # as a live node does
    async with trio.open_nursery() as nursery:
        await nursery.start(reactor.run)
        on_begin(epoch_ns + control.began_ns)
        await run_workload(world, role, control)
        nursery.cancel_scope.cancel()
    writer.close()
    reactor.close()
    return control.began_ns


def summary(log: Path, began_ns: int) -> dict[str, float]:
    decode = msgspec.json.Decoder(Line).decode
    with log.open("rb") as lines:
        events = [decode(line) for line in lines]
    requests = [event for event in events if event.type == "request_ended"]
    done = [request for request in requests if request.outcome == "ok"]
    latencies = sorted(request.ended_ns - request.scheduled_ns for request in done)
    lateness = sorted(request.sent_ns - request.scheduled_ns for request in requests if request.sent_ns)
    unsent = sum(request.sent_ns is None for request in requests)
    found: dict[str, float] = {
        "requests": len(done),
        "errors": len(requests) - len(done),
        "dropped": unsent + sum(event.dropped for event in events if event.type == "generator_sampled"),
    }
    if done:
        took_s = (max(request.ended_ns for request in done) - began_ns) / 1e9
        found["rps"] = round(len(done) / took_s, 1)
        found |= {name: _quantile_ms(latencies, share) for name, share in QUANTILES.items()}
        found["mean_ms"] = round(sum(latencies) / len(latencies) / 1e6, 3)
        found["lateness_p50_ms"] = _quantile_ms(lateness, 0.5)
        found["lateness_p99_ms"] = _quantile_ms(lateness, 0.99)
    return found


def _quantile_ms(values: list[int], share: float) -> float:
    return round(values[min(int(share * len(values)), len(values) - 1)] / 1e6, 3)


def measure(
    role: WorkloadRole, log: Path | None, on_begin: Callable[[int], object] = int
) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        path = log or Path(folder) / "load.ndjson"
        path.unlink(missing_ok=True)
        cpu_s = time.process_time()
        began_ns = trio.run(generate, role, path, on_begin)
        cpu_s = time.process_time() - cpu_s
        gc.disable()
        found = summary(path, began_ns)
        return found | {"cpu_us_per_request": round(cpu_s / max(found["requests"], 1) * 1e6, 1)}


@contextmanager
def nginx() -> Iterator[tuple[str, Callable[[int], object]]]:
    """The URL of an nginx of our own, and what makes it freeze at times counted from a moment."""
    program = Path(__file__).with_name("nginx_server.py")
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, program], stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        yield (
            f"http://127.0.0.1:{int(process.stdout.readline())}/",
            lambda began_ns: print(began_ns, file=process.stdin, flush=True),
        )
        process.stdin.close()


def stall() -> int:
    """Is the log right about a stall? 0 when it does, within 2 %."""
    with nginx() as (url, freeze):
        found = measure(role_for(url, 1024, 12, 200), None, freeze)
    off = {name: found[name] / due - 1 for name, due in DUE_SCHEDULE_MS.items()}
    print(
        json.dumps({**found, "off_the_due_schedule": {name: round(share, 4) for name, share in off.items()}})
    )
    return int(max(map(abs, off.values())) > 0.02)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--stall", action="store_true")
    parser.add_argument("url", nargs="?")
    parser.add_argument("connections", nargs="?", type=int, default=32)
    parser.add_argument("duration", nargs="?", type=float, default=5.0)
    parser.add_argument("rate", nargs="?", type=float, default=0.0)
    parser.add_argument("log", nargs="?", default="")
    given = parser.parse_args()
    if given.stall:
        return stall()
    if given.url is None:
        parser.error("a URL, or --stall")
    with nullcontext((given.url, int)) if given.url != "nginx" else nginx() as (url, _):
        role = role_for(url, given.connections, given.duration, given.rate)
        print(json.dumps(measure(role, Path(given.log) if given.log else None)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
