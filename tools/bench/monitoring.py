"""Whether monitoring disturbs the load: how late requests are sent with it, and when its receiver is stopped.

    python tools/bench/monitoring.py [--rounds 5] [--rate 500] [--seconds 8]

The same live battle, a kill of one provider in it, runs in turns without monitoring, with a receiver that takes all,
with one that is stopped (SIGSTOP), and with none at the address. All traces are exported, which is the most that can
be asked for. Lateness is from the scheduled time to the sending of a request, of all requests of a run; the ratios
are those of the medians over the rounds.
"""

import argparse
import os
import platform
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from battle import EmbeddedGateway, HttpConstant, Kill, MockProvider, Scenario, Slo, ms, run_scenario, seconds  # noqa: E402
from battle.monitoring.beside_run import observers_of  # noqa: E402
from battle.monitoring.settings import Settings  # noqa: E402
from battle.run.observer import Observation  # noqa: E402
from battle.store.database import open_run  # noqa: E402

_RECEIVER = """
import sys
sys.path.insert(0, sys.argv[1])
from tests.battle.monitoring.receiver import otlp_receiver
with otlp_receiver() as received:
    print(received.url, flush=True)
    sys.stdin.read()
"""


class Measured(NamedTuple):
    """One run: its verdict, the lateness of its requests, and how many there were."""

    verdict: str
    p50_ms: float
    p99_ms: float
    requests: int


def main() -> None:
    options = _options()
    print(
        f"monitoring beside a run, {datetime.now(UTC):%Y-%m-%d}, {platform.platform()}, {os.cpu_count()} cores"
    )
    print(f"{options.rate:,}/s for {options.seconds} s, load average {os.getloadavg()[0]:.1f}")
    found: dict[str, list[Measured]] = {}
    with _receivers() as (taking, stopped), tempfile.TemporaryDirectory() as directory:
        urls = {
            "none": None,
            "taking": taking,
            "stopped": stopped,
            "away": f"http://127.0.0.1:{_unused_port()}",
        }
        for turn in range(options.rounds):
            for name, url in urls.items():
                measured = _measure(Path(directory), options, url)
                found.setdefault(name, []).append(measured)
                print(f"round {turn + 1} {name:8} {measured}", flush=True)
    base_p50, base_p99 = _medians(found["none"])
    for name, runs in found.items():
        p50, p99 = _medians(runs)
        verdicts = ", ".join(sorted({run.verdict for run in runs}))
        print(
            f"{name:8} p50 {p50:.3f} ms ({p50 / base_p50:.2f}), p99 {p99:.2f} ms ({p99 / base_p99:.2f}), {verdicts}"
        )


def _medians(runs: list[Measured]) -> tuple[float, float]:
    return statistics.median(run.p50_ms for run in runs), statistics.median(run.p99_ms for run in runs)


def _measure(out: Path, options: argparse.Namespace, url: str | None) -> Measured:
    scenario = Scenario(
        "monitored",
        providers=[MockProvider("a", latency=ms(5)), MockProvider("b", latency=ms(10))],
        gateway=EmbeddedGateway(strategy="priority"),
        workloads=[HttpConstant("eth_blockNumber", rate=options.rate, duration=seconds(options.seconds))],
        chaos=[Kill("a", at=seconds(2), down=seconds(2))],
        slo=Slo(success_rate=0.99),
    )
    observers = observers_of(Settings(otlp=url, trace_share=1.0))
    with Observation(observers, print) as observation:
        result = run_scenario(scenario, out=out, on_start=observation.start)
    with open_run(result.run_dir) as run:
        [(p50, p99, requests)] = run.execute(
            "SELECT quantile_cont(sent_ns - scheduled_ns, 0.5) / 1e6,"
            " quantile_cont(sent_ns - scheduled_ns, 0.99) / 1e6, count(*) FROM requests"
        ).rows
    return Measured(result.report.verdict, p50, p99, requests)


@contextmanager
def _receivers() -> Iterator[tuple[str, str]]:
    """The addresses of one that takes everything and of one that is stopped."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", _RECEIVER, str(ROOT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    try:
        urls = [one.stdout.readline().strip() for one in started if one.stdout]
        started[1].send_signal(signal.SIGSTOP)
        yield urls[0], urls[1]
    finally:
        for one in started:
            one.kill()
            one.wait()


def _unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rate", type=int, default=500)
    parser.add_argument("--seconds", type=int, default=8)
    return parser.parse_args()


if __name__ == "__main__":
    main()
