"""What happens now, on stderr: rate, errors, p95, faults, time left. A fold over the log as it is written.

It runs in timer callbacks, not in a task: watching a simulated run must not change the order of its tasks.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TextIO, TypeAlias

import msgspec

from actors.units import Duration, ms
from actors.world.seam import World
from store.events import FaultChanged, GeneratorSampled, RunChanged

INTERVAL_NS = ms(500)

_WATCHED = (b'{"type":"generator_sampled"', b'{"type":"fault_changed"', b'{"type":"run_changed"')
Watched: TypeAlias = GeneratorSampled | FaultChanged | RunChanged
_decode = msgspec.json.Decoder(Watched).decode


class LogTail:
    """Reads what the segments of a run have gained since it last looked."""

    def __init__(self, events_dir: Path) -> None:
        self._dir = events_dir
        self._offsets: dict[Path, int] = {}

    def read(self) -> list[tuple[str, Watched]]:
        """The new watched events, each with its segment's name; a line that is not whole yet is left for later."""
        return [
            (path.stem, event)
            for path in sorted(self._dir.glob("*.ndjson"))
            for event in self._read_one(path)
        ]

    def _read_one(self, path: Path) -> list[Watched]:
        with path.open("rb") as segment:
            segment.seek(self._offsets.get(path, 0))
            data = segment.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._offsets[path] = self._offsets.get(path, 0) + len(whole)
        return [_decode(line) for line in whole.splitlines() if line.startswith(_WATCHED)]


class Situation:
    """What the watched events so far amount to."""

    def __init__(self) -> None:
        self.begin_ns: int | None = None
        self.ended = False
        self.sent = 0
        self.errors = 0
        self._latest: dict[str, GeneratorSampled] = {}
        self._faults: dict[str, str] = {}

    def take(self, segment: str, event: Watched) -> None:
        """Fold one event in."""
        match event:
            case GeneratorSampled():
                self.sent += event.sent
                self.errors += event.errors
                self._latest[segment] = event
            case FaultChanged(phase="applied"):
                self._faults[event.fault_id] = f"{event.kind} {event.target}"
            case FaultChanged(phase="reverted"):
                self._faults.pop(event.fault_id, None)
            case RunChanged(phase="load_began"):
                self.begin_ns = event.at_ns
            case RunChanged(phase="load_ended" | "ended"):
                self.ended = True

    def text(self, now_ns: int, load: Duration) -> str:
        """One line for people."""
        if self.begin_ns is None:
            return "starting"
        left_s = max(0, self.begin_ns + load - now_ns) / 1e9
        rate = sum(sample.sent for sample in self._latest.values())
        p95 = max((sample.latency_p95_ns or 0 for sample in self._latest.values()), default=0)
        parts = [
            f"{left_s:4.0f} s left",
            f"{rate}/s",
            f"{self.sent} sent",
            f"{self.errors} errors",
            f"p95 {p95 / 1e6:.1f} ms",
            ", ".join(self._faults.values()) or "no fault",
        ]
        return "  |  ".join(parts)


class Progress:
    """Shows a run's situation twice a second: on one line in a terminal, one line per change elsewhere."""

    def __init__(self, run_dir: Path, load: Duration, out: TextIO | None = None) -> None:
        self._tail = LogTail(run_dir / "events")
        self._situation = Situation()
        self._load = load
        self._out = out or sys.stderr
        self._interactive = self._out.isatty()
        self._shown = ""
        self._lines_due_ns = 0

    def watch(self, world: World) -> None:
        """Show the situation from now on, until the load has ended."""
        self._tick(world.now_ns, world.call_at)

    def close(self) -> None:
        """Leave the terminal's cursor on a line of its own."""
        if self._interactive and self._shown:
            self._out.write("\n")
            self._out.flush()

    def _tick(self, now: Callable[[], int], call_at: Callable[..., object]) -> None:
        for segment, event in self._tail.read():
            self._situation.take(segment, event)
        if not self._situation.ended:
            self._show(now())
            call_at(now() + INTERVAL_NS, self._tick, now, call_at)

    def _show(self, now_ns: int) -> None:
        text = self._situation.text(now_ns, self._load)
        if self._interactive:
            self._out.write(f"\r\x1b[2K{text}")
            self._out.flush()
            self._shown = text
        elif now_ns >= self._lines_due_ns:
            self._lines_due_ns = now_ns + 10 * INTERVAL_NS
            self._out.write(text + "\n")
