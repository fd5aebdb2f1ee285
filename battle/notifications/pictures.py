"""Charts of runs as PNG images, for emails."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from battle.analysis.charts.chart import Kind
from battle.analysis.charts.collect import collect_charts
from battle.analysis.charts.pictures import png
from battle.analysis.log import Log
from battle.notifications.email import Picture
from battle.notifications.message import Message
from battle.store.database import open_run
from battle.store.errors import LogError

KINDS: tuple[Kind, ...] = ("latency_over_time", "success_over_time")
"""What one wants to see first: how long answers took, and how many failed."""

RUNS_PICTURED = 3
"""The worst; each picture takes some 50 kB, and seconds to draw."""

BYTES_MAX = 6 * 2**20
"""Of all pictures; many mail servers refuse emails of more than 10 MB, and base64 adds a third."""


def pictures_of(message: Message, directories: Mapping[str, Path]) -> tuple[Picture, ...]:
    """The charts of the worst runs of a message, as far as their logs are there."""
    runs = message.troubled or message.runs
    ids = [run.run_id for run in runs if run.run_id is not None and run.run_id in directories]
    kept: list[Picture] = []
    left = BYTES_MAX
    for run_id in ids[:RUNS_PICTURED]:
        for picture in _of_run(run_id, directories[run_id]):
            if len(picture.png) <= left:
                kept.append(picture)
                left -= len(picture.png)
    return tuple(kept)


def _of_run(run_id: str, run_dir: Path) -> Iterator[Picture]:
    try:
        with open_run(run_dir) as run:
            charts = collect_charts(Log(run), KINDS)
    except (LogError, OSError):
        return  # a report without its log, such as an artifact, has words and no charts
    for chart in charts.charts:
        yield Picture(run_id=run_id, name=chart.kind, about=f"{chart.title}: {chart.about}", png=png(chart))
