"""How fast is the event log? Run by hand: `python tools/bench/log.py [--requests 10000000]`.

Targets: 300,000 appended events a second sustained, 1,000,000 in bursts; on 10 million requests all report queries in
under 5 s together, analysis, Markdown and JSON in under 10 s and 4 GiB, and HTML in under 15 s and 3 MB. A machine
that others use shows in the time on the clock, and less in that of the processors: both are printed. Two versions
that give the same answers give the same digest.
"""

import argparse
import hashlib
import multiprocessing
import os
import platform
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, perf_counter_ns, process_time
from typing import Any

from synthetic_log import make_run  # type: ignore[import-not-found]  # it is beside this program

from battle.analysis.reports.collect import collect_report
from battle.analysis.reports.files import read_run, render, render_reading
from battle.store.database import Run, open_run
from battle.store.events import RequestEnded
from battle.store.scan import scan_segment
from battle.store.seal import seal
from battle.store.segment import FLUSH_INTERVAL_NS, SegmentWriter, open_segment, segment_path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000_000, help="requests of the log that is asked")
    parser.add_argument("--seconds", type=float, default=10, help="how long to append")
    parser.add_argument("--dir", type=Path, default=None, help="where to put the files")
    parser.add_argument("--run", type=Path, default=None, help="ask only, and ask this run")
    arguments = parser.parse_args()
    print(f"{date.today()}, {os.cpu_count()} x {_processor()}, Python {platform.python_version()}\n")
    if arguments.run is not None:
        _bench_run(arguments.run)
        return
    with TemporaryDirectory(prefix="battle-bench-", dir=arguments.dir) as scratch:
        _bench_append(Path(scratch) / "append", arguments.seconds)
        _bench_seal(Path(scratch) / "seal", min(arguments.requests, 1_000_000))
        made = Path(scratch) / "queries"
        with _timed(f"make a log of {arguments.requests:,} requests"):
            make_run(made, arguments.requests)
        _bench_run(made)


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(": ")[1] for line in lines if line.startswith("model name")), platform.machine())


def _say(what: str, value: str) -> None:
    print(f"{what:<52}{value:>26}", flush=True)


@contextmanager
def _timed(what: str, events: int = 0) -> Iterator[None]:
    started, started_cpu = perf_counter(), process_time()
    yield
    took = perf_counter() - started
    _say(what, f"{took:.2f} s (CPU {process_time() - started_cpu:.2f})")
    if events:
        _say("", f"{events / took:,.0f} events/s")


def _event(number: int) -> RequestEnded:
    due_ns = number * 200_000
    return RequestEnded(
        request_id=f"load-{number}", workload="load", method="eth_blockNumber", scheduled_ns=due_ns,
        sent_ns=due_ns + 60_000, ended_ns=due_ns + 50_000_000, outcome="ok", answer="right", http_status=200,
        response_bytes=64,
    )  # fmt: skip


def _bench_append(run_dir: Path, seconds: float) -> None:
    writer = SegmentWriter(open_segment(run_dir, "sustained", 1))
    started = flushed = perf_counter_ns()
    number = 0
    while flushed - started < seconds * 10**9:
        for _ in range(64):
            writer.append(_event(number))
            number += 1
        if perf_counter_ns() - flushed >= FLUSH_INTERVAL_NS:
            writer.flush()
            flushed = perf_counter_ns()
    took = (perf_counter_ns() - started) / 1e9
    writer.close()
    assert writer.statistics().lost == 0
    _say(f"events made and appended, {seconds:.0f} s to a file", f"{number / took:,.0f} /s")
    events = [_event(number) for number in range(50_000)]
    rates = [_burst(run_dir, incarnation, events) for incarnation in range(1, 11)]
    _say("burst of 50,000 events to a file, median of 10", f"{sorted(rates)[5]:,.0f} /s")
    path = segment_path(run_dir, "sustained", 1)
    started_s = perf_counter()
    health = scan_segment(path).health
    assert health.complete
    _say("scan", f"{health.bytes / (perf_counter() - started_s) / 1e9:.2f} GB/s")


def _burst(run_dir: Path, incarnation: int, events: list[RequestEnded]) -> float:
    writer = SegmentWriter(open_segment(run_dir, "burst", incarnation))
    started = perf_counter()
    for event in events:
        writer.append(event)
    writer.flush()
    took = perf_counter() - started
    writer.close()
    return len(events) / took


def _bench_seal(run_dir: Path, requests: int) -> None:
    for node in ("one", "two"):
        writer = SegmentWriter(open_segment(run_dir, node, 1))
        for number in range(requests // 2):
            writer.append(_event(number))
        writer.close()
    size = sum(path.stat().st_size for path in (run_dir / "events").iterdir())
    with _timed(f"seal {requests:,} events ({size / 1e6:.0f} MB)", requests):
        seal(run_dir)


def _bench_run(run_dir: Path) -> None:
    size = sum(path.stat().st_size for path in (run_dir / "events").iterdir())
    _say("its size", f"{size / 1e6:.0f} MB")
    _apart(_bench_report, run_dir)
    _apart(_bench_page, run_dir)
    with open_run(run_dir) as run:
        with _timed("first user SQL: copy into memory, and count"):
            run.execute("SELECT count(*) FROM requests")
        with _timed("user SQL: p99 by method"):
            run.execute(
                "SELECT method, quantile_cont(ended_ns - scheduled_ns, 0.99) FROM requests GROUP BY ALL"
            )


def _apart(bench: Callable[[Path], None], run_dir: Path) -> None:
    """In a process of its own: the most memory it ever held is then this benchmark's."""
    process = multiprocessing.get_context("spawn").Process(target=bench, args=(run_dir,))
    process.start()
    process.join()
    assert process.exitcode == 0


SLOWEST_SHOWN = 10
"""Queries: the others take next to nothing."""


class _TimedRun(Run):
    """Remembers what each question took."""

    def __init__(self, run_dir: Path) -> None:
        super().__init__(run_dir, {})
        self.asked: list[tuple[float, float, str]] = []

    def query(self, name: str, /, **parameters: object) -> list[Any]:
        started, started_cpu = perf_counter(), process_time()
        rows = super().query(name, **parameters)
        self.asked.append((perf_counter() - started, process_time() - started_cpu, name))
        return rows


def _bench_report(run_dir: Path) -> None:
    with _timed("analysis, Markdown and JSON"), _TimedRun(run_dir) as run:
        report = collect_report(run)
        texts = [render(report, form) for form in ("markdown", "json")]
    _say(
        f"  its {len(run.asked)} queries",
        _took([sum(one[0] for one in run.asked), sum(one[1] for one in run.asked)]),
    )
    for took, took_cpu, name in sorted(run.asked, reverse=True)[:SLOWEST_SHOWN]:
        _say(f"    {name}", _took([took, took_cpu]))
    _say("  the JSON's SHA-256", hashlib.sha256(texts[-1].encode()).hexdigest()[:16])
    _say("  most memory held", _most_memory())


def _bench_page(run_dir: Path) -> None:
    with _timed("analysis, charts and HTML"):
        page = render_reading(read_run(run_dir, "html"), "html")
    _say("  the page", f"{len(page.encode()) / 1e6:.2f} MB")
    _say("  most memory held", _most_memory())


def _most_memory() -> str:
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 2**30:.2f} GiB"


def _took(seconds: list[float]) -> str:
    return f"{seconds[0]:.2f} s (CPU {seconds[1]:.2f})"


if __name__ == "__main__":
    main()
