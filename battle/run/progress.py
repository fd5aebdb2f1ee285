"""What happens now, on stderr: rate, errors, p95, faults, time. A fold over the log as it is written.

It runs in timer callbacks, not in a task: watching a simulated run must not change the order of its tasks. There all
time that is shown is virtual. A simulated node's log reaches its file in large blocks, many virtual seconds after the
fact, so what is said of the load says up to when.
"""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO, TypeAlias

from battle.actors.units import Duration, ms
from battle.actors.world.interfaces import World
from battle.store import typed
from battle.store.events import FaultChanged, GeneratorSampled, RunChanged
from battle.store.segment import BlockFlushed

INTERVAL_NS = ms(500)
LINES_EVERY = 10
"""Where there is no terminal, so many times less often: a line stays."""

VIRTUAL_LOOKS = 200
"""A simulated run is looked at no more often than this, however long it is: half an hour passes in seconds."""

COLUMNS = 80
"""Of a terminal that does not say how wide it is."""

_WATCHED = (
    b'{"type":"generator_sampled"',
    b'{"type":"fault_changed"',
    b'{"type":"run_changed"',
    b'{"type":"block_flushed"',
)
Watched: TypeAlias = GeneratorSampled | FaultChanged | RunChanged | BlockFlushed
_BETWEEN = "  |  "
_decode = typed.decoder(Watched).decode


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


class LiveFigures:
    """What the watched events so far amount to."""

    def __init__(self) -> None:
        self.begin_ns: int | None = None
        self.ended = False
        self.sent = 0
        self.errors = 0
        self.known_until_ns: int | None = None
        self._latest: dict[str, GeneratorSampled] = {}
        self._faults: dict[str, str] = {}

    def take(self, segment: str, event: Watched) -> None:
        """Fold one event in."""
        match event:
            case GeneratorSampled():
                self.sent += event.sent
                self.errors += event.errors
                self._latest[segment] = event
                self.known_until_ns = min(sample.at_ns for sample in self._latest.values())
            case BlockFlushed(closed=True):
                self._latest.pop(segment, None)  # a workload that is over has no rate any more
            case FaultChanged(phase="applied"):
                self._faults[event.fault_id] = f"{event.kind} {event.target}"
            case FaultChanged(phase="reverted"):
                self._faults.pop(event.fault_id, None)
            case RunChanged(phase="load_began"):
                self.begin_ns = event.at_ns
            case RunChanged(phase="load_ended" | "ended"):
                self.ended = True

    def text(self, now_ns: int, load: Duration) -> str:
        """One line for people who watch a live run."""
        if self.begin_ns is None:
            return "starting"
        left_s = max(0, self.begin_ns + load - now_ns) / 1e9
        return _BETWEEN.join([f"{left_s:4.0f} s left", *self._load("/s"), self._broken()])

    def virtual_text(self, now_ns: int, load: Duration) -> str:
        """The same of a simulated run: `now_ns` is virtual time, and so is all that is shown."""
        if self.begin_ns is None:
            return "starting"
        load_s = load / 1e9
        passed_s = min(load_s, (now_ns - self.begin_ns) / 1e9)
        parts = [f"simulated {passed_s:4.0f} s of {load_s:.0f} s", self._broken()]
        if self.known_until_ns is not None:
            parts.append(f"up to {max(0, self.known_until_ns - self.begin_ns) / 1e9:.0f} s")
        return _BETWEEN.join([*parts, *self._load("/s")])

    def _load(self, per_second: str) -> Iterator[str]:
        """What the generator sampled; nothing of what was not sampled yet, or nobody could know."""
        if self.known_until_ns is None:
            yield "warming up"
            return
        if self._latest:
            yield f"{sum(sample.sent for sample in self._latest.values())}{per_second}"
        yield f"{self.sent} sent"
        yield f"{self.errors} errors"
        slowest = [p95 for sample in self._latest.values() if (p95 := sample.latency_p95_ns) is not None]
        if slowest:
            yield f"p95 {max(slowest) / 1e6:.1f} ms"

    def _broken(self) -> str:
        return ", ".join(self._faults.values()) or "no fault"


class Progress:
    """Shows a run's situation again and again: on one line in a terminal, as lines that stay elsewhere.

    Arguments: `load` is how long the load lasts; `virtual`: in virtual time.
    """

    def __init__(
        self, run_dir: Path, load: Duration, *, virtual: bool = False, out: TextIO | None = None
    ) -> None:
        self._tail = LogTail(run_dir / "events")
        self._situation = LiveFigures()
        self._load = load
        self._text = self._situation.virtual_text if virtual else self._situation.text
        self._interval_ns = max(INTERVAL_NS, load // VIRTUAL_LOOKS) if virtual else INTERVAL_NS
        self._out = out or sys.stderr
        # The command line spells out control characters, but for those that a program means.
        self._command: Callable[[str], object] = getattr(self._out, "command", self._out.write)
        self._interactive = self._out.isatty()
        self._shown = ""
        self._lines_due_ns = 0
        self._readable = True

    def watch(self, world: World) -> None:
        """Show the situation from now on, until the load has ended."""
        self._tick(world.now_ns, world.call_at)

    def close(self) -> None:
        """Leave the terminal's cursor on a line of its own."""
        if self._interactive and self._shown:
            self._write("\n")

    def _tick(self, now: Callable[[], int], call_at: Callable[..., object]) -> None:
        for segment, event in self._tail.read():
            self._situation.take(segment, event)
        if not self._situation.ended:
            self._show(now())
            call_at(now() + self._interval_ns, self._tick, now, call_at)

    def _show(self, now_ns: int) -> None:
        text = self._text(now_ns, self._load)
        if self._interactive:
            plain = "".join(char if char.isprintable() else "?" for char in text)
            fitting = plain[: _columns(self._out) - 1]  # a line that wraps could not be written over
            self._write(f"\r\x1b[2K{fitting}")
            self._shown = text
        elif now_ns >= self._lines_due_ns and text != self._shown:
            self._lines_due_ns = now_ns + LINES_EVERY * self._interval_ns
            self._write(text + "\n")
            self._shown = text

    def _write(self, text: str) -> None:
        """A run does not end because nobody can watch it."""
        if not self._readable:
            return
        try:
            self._command(text)
            self._out.flush()
        except OSError:
            self._readable = False


def _columns(out: TextIO) -> int:
    try:
        return os.get_terminal_size(out.fileno()).columns or COLUMNS
    except OSError:
        return COLUMNS
