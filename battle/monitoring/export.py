"""Exports a run: one that is over, and one that goes on."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import trio

from battle.analysis.reports.files import kept_report, read_report
from battle.analysis.reports.schema import Report
from battle.errors import BattleError
from battle.monitoring.finished import finished_events
from battle.monitoring.pipeline import Pipeline, Sink
from battle.monitoring.recorder import Recorder
from battle.monitoring.settings import Settings
from battle.monitoring.spans import Sampling, SpanBuilder
from battle.monitoring.tail import RunTail
from battle.scenario.run_header import RunHeader, name_of, read_header
from battle.store.errors import LogError
from battle.store.manifest import MANIFEST, RUN_HEADER, RUN_HEADER_BYTES_MAX, read_manifest
from battle.store.regular import read_regular

if TYPE_CHECKING:  # it comes with the extra `monitoring`
    from battle.monitoring.endpoint import Endpoint

POLL_SECONDS = 0.5
"""Between two looks at the log of a run that goes on: the figures are of windows of 5 s, so this is soon enough."""

LAG_NS = 10**9
"""What happened so long ago has been written by its node, which flushes every 10 ms, unless it was stopped."""

ADVANCE_EVENTS = 1_000
"""Of a run that is over, between two looks at what is complete."""

QUIET_SECONDS = 30.0
"""Without a new event, though every node logs some each second: the coordinator is gone."""

REPORT_SECONDS = 300.0
"""For sealing and judging, before the results are given up: 10 million requests take 15 s."""


class Identity(NamedTuple):
    """Which run it is, as `run.json` says."""

    run_id: str
    scenario: str
    world: str
    gateway: str
    seed: str
    epoch_ns: int


def identity_of(run_dir: Path) -> Identity:
    """Read `run.json`.

    Raises:
        BattleError: it is not there, or does not say when the run began.
    """
    try:
        header = read_header(read_regular(run_dir / RUN_HEADER, RUN_HEADER_BYTES_MAX))
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BattleError(f"{run_dir / RUN_HEADER} cannot be read: {error}") from None
    return Identity(
        run_id=header.run_id or run_dir.name,
        scenario=name_of(header.scenario) or "unknown",
        world=header.world or "unknown",
        gateway=name_of(header.gateway) or "unknown",
        seed=str(header.seed),
        epoch_ns=_epoch_ns(header, run_dir),
    )


def _epoch_ns(header: RunHeader, run_dir: Path) -> int:
    try:
        began = datetime.fromisoformat(header.started_at or "")
    except ValueError:
        raise BattleError(f"{run_dir / RUN_HEADER} does not say when the run began") from None
    since = began.replace(tzinfo=began.tzinfo or UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1_000


def pipeline_of(run: Identity, settings: Settings, sinks: list[Sink]) -> Pipeline:
    """A pipeline for one run."""
    pipeline = Pipeline(Recorder(), SpanBuilder(run.run_id, Sampling(settings.trace_share)), sinks)
    pipeline.describe(run.run_id, run.world, run.gateway, run.seed)
    return pipeline


def sinks_of(run: Identity, settings: Settings, *, patient: bool) -> list[Sink]:
    """What the settings ask for, but for the endpoint. Raises BattleError for a secret that is missing."""
    sinks: list[Sink] = []
    if settings.otlp is not None:
        from battle.monitoring.otlp import Origin, OtlpSink

        origin = Origin(run.run_id, run.scenario, run.world, run.epoch_ns, settings.trace_share)
        sinks.append(OtlpSink(settings.otlp, origin, patient=patient))
    if settings.remote_write is not None:
        from battle.monitoring.remote_write import RemoteWriteSink

        sinks.append(RemoteWriteSink(settings.remote_write, run.run_id, run.scenario, run.epoch_ns))
    if settings.grafana is not None:
        from battle.monitoring.grafana import GrafanaSink

        sinks.append(GrafanaSink(settings.grafana, run.run_id, run.epoch_ns))
    return sinks


def export_finished(run_dir: Path, settings: Settings) -> tuple[Pipeline, list[str]]:
    """Export a run that is over; returns what was counted, and a sentence for each thing that was not delivered.

    Raises:
        BattleError, LogError: the run cannot be read.
    """
    run = identity_of(run_dir)
    pipeline = pipeline_of(run, settings, sinks_of(run, settings, patient=True))
    take_finished(run_dir, pipeline)
    pipeline.complete(_results(run_dir))
    return pipeline, pipeline.deliver()


def _results(run_dir: Path) -> Report | None:
    """The report of a run that is over; of another what is known so far would be taken for its verdict."""
    kept = kept_report(run_dir)
    if kept is not None:
        return kept
    if (run_dir / "events" / MANIFEST).exists():
        return read_report(run_dir)
    say(
        f"warning: the log of {run_dir.name} is not sealed: the run goes on, or was ended by force. "
        "Its verdict and its SLOs are not exported; after `battle report` they are"
    )
    return None


def take_finished(run_dir: Path, pipeline: Pipeline) -> None:
    """Take all events of a run that is over."""
    from battle.monitoring.figures import moment_of

    for number, (segment, event) in enumerate(finished_events(run_dir)):
        pipeline.take(segment, event)
        if number % ADVANCE_EVENTS == 0:
            pipeline.advance(moment_of(event))


async def export_beside(
    run_dir: Path,
    settings: Settings,
    is_over: Callable[[], bool],
    is_alone: Callable[[], bool],
    say: Callable[[str], object],
) -> None:
    """Export a run while it goes on, and say what was not delivered.

    `is_over` says whether whoever runs it has ended, its reports written; `is_alone` whether it
    was killed, so that nobody waits for this any more. `say` gets the address of the metrics, and what was lost.

    Raises:
        BattleError, LogError: the run cannot be read, or the metrics cannot be served.
    """
    run = identity_of(run_dir)
    pipeline = pipeline_of(run, settings, sinks_of(run, settings, patient=False))
    async with trio.open_nursery() as nursery:
        endpoint = None
        if settings.prometheus is not None:
            from battle.monitoring.endpoint import Endpoint

            endpoint = Endpoint(settings.prometheus, pipeline.recorder, run.scenario)
            await nursery.start(endpoint.serve)
            say(f"metrics for Prometheus are at {endpoint.url}")
        if run.world == "live":
            await _follow(run_dir, run, pipeline, is_over)
        else:  # what a simulated run logs is of other times than those in which it does
            await _until(is_over, None)
            take_finished(run_dir, pipeline)
        await _until(is_over, REPORT_SECONDS)
        pipeline.complete(kept_report(run_dir))
        if endpoint is not None:
            endpoint.last = True
        for sentence in await trio.to_thread.run_sync(pipeline.deliver):
            say(f"warning: {sentence}")
        if endpoint is not None:
            await _kept(endpoint, is_alone, say)
        nursery.cancel_scope.cancel()


async def _kept(endpoint: "Endpoint", is_alone: Callable[[], bool], say: Callable[[str], object]) -> None:
    from battle.monitoring.endpoint import KEPT_SECONDS

    if endpoint.scraped.is_set():
        return
    say(
        f"the last metrics stay at {endpoint.url} until they are scraped, for at most {KEPT_SECONDS:g} s "
        "(Ctrl-C ends this)"
    )
    with trio.move_on_after(KEPT_SECONDS):
        while not endpoint.scraped.is_set() and not is_alone():
            with trio.move_on_after(POLL_SECONDS):
                await endpoint.scraped.wait()


async def _until(is_over: Callable[[], bool], seconds: float | None) -> None:
    with trio.move_on_after(float("inf") if seconds is None else seconds):
        while not is_over():  # noqa: ASYNC110 (the end of a pipe, which is looked for without blocking)
            await trio.sleep(POLL_SECONDS)


async def _follow(run_dir: Path, run: Identity, pipeline: Pipeline, is_over: Callable[[], bool]) -> None:
    """Take the events of a run as they come, until it is sealed or whoever ran it is gone."""
    events = run_dir / "events"
    # A step of the clock during the run must not shift what is complete.
    started_ns = time.time_ns() - run.epoch_ns - time.monotonic_ns()
    quiet_since = time.monotonic()
    with _tail(events) as tail:
        while True:
            sealed, over = (events / MANIFEST).exists(), is_over()
            now_ns = started_ns + time.monotonic_ns()
            found, more = tail.read()
            for segment, event in found:
                pipeline.take(segment, event)
            if found:
                quiet_since = time.monotonic()
            if not more:
                pipeline.advance(now_ns - LAG_NS)
                if sealed or over or time.monotonic() - quiet_since > QUIET_SECONDS:
                    break
            await trio.sleep(0 if more else POLL_SECONDS)
        for segment, event in tail.finish():
            pipeline.take(segment, event)
        _take_unseen(run_dir, tail, pipeline)


@contextmanager
def _tail(events: Path) -> Iterator[RunTail]:
    tail = RunTail(events)
    try:
        yield tail
    finally:
        tail.close()


def _take_unseen(run_dir: Path, tail: RunTail, pipeline: Pipeline) -> None:
    """A node that was started just before the end: its segment was sealed before anybody looked."""
    try:
        manifest = read_manifest(run_dir)
    except LogError:
        return  # the report says what is wrong with it
    missed = tail.not_seen([segment.segment for segment in manifest.segments]) if manifest is not None else []
    if missed:
        for segment, event in finished_events(run_dir, missed):
            pipeline.take(segment, event)


def say(text: str) -> None:
    """A line for whoever watches the run."""
    print(f"battle: {text}", file=sys.stderr, flush=True)
