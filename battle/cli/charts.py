"""`battle charts`."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

from battle.analysis.charts.chart import Chart, ChartSet
from battle.analysis.charts.collect import collect_charts
from battle.analysis.charts.text import text_chart
from battle.analysis.log import Log
from battle.cli.options import Out, RunArg
from battle.defaults import DEFAULT_OUT
from battle.errors import BattleError
from battle.run.directory import find_run
from battle.store.database import open_run

Format: TypeAlias = Literal["text", "ascii", "svg", "png"]
"""What `--format` takes."""


def command(
    run: RunArg,
    format: Annotated[Format, typer.Option(help="Text is printed; pictures become files.")] = "text",
    to: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write a file for each chart; pictures go to RUN/charts otherwise."),
    ] = None,
    out: Out = DEFAULT_OUT,
) -> None:
    """Draw the charts of RUN, regenerated from its log."""
    raise typer.Exit(charts_command(run, format, to, out))


FOLDER = "charts"
"""Where pictures go when nothing else is said: a folder in the run's directory."""


def charts_command(run: str, form: Format, to: Path | None, out: Path) -> int:
    """Print a run's charts as text, or write each into a file; pictures are always files."""
    run_dir = find_run(run, out)
    with open_run(run_dir) as opened:
        log = Log(opened)
        log.rows(
            "log_health"
        )  # a chart that cannot be made is left out; a log that cannot be read is an error
        charts = collect_charts(log)
    if to is None and form in ("text", "ascii"):
        sys.stdout.write(_printed(charts, ascii_only=form == "ascii"))
        return 0
    directory = to or run_dir / FOLDER
    try:
        paths = _written(charts, form, directory)
    except OSError as error:
        raise BattleError(
            f"the charts cannot be written below {directory}: {error.strerror}; give another --to"
        ) from error
    for path in paths:
        print(path)
    for _, why in charts.absent:
        print(f"omitted: {why}", file=sys.stderr)
    return 0


def _printed(charts: ChartSet, *, ascii_only: bool) -> str:
    parts = [f"{chart.title}\n\n{text_chart(chart, ascii_only=ascii_only)}\n" for chart in charts.charts]
    parts += [f"Omitted: {why}\n" for _, why in charts.absent]
    return "\n".join(parts)


def _written(charts: ChartSet, form: Format, directory: Path) -> list[Path]:
    drawn = _DRAWERS[form]
    suffix = "txt" if form in ("text", "ascii") else form
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for chart in charts.charts:
        path = directory / f"{chart.kind}.{suffix}"
        path.write_bytes(drawn(chart))
        paths.append(path)
    return paths


def _svg(chart: Chart) -> bytes:
    from battle.analysis.charts.pictures import svg

    return svg(chart).encode()


def _png(chart: Chart) -> bytes:
    from battle.analysis.charts.pictures import png

    return png(chart)


_DRAWERS: dict[Format, Callable[[Chart], bytes]] = {
    "svg": _svg,
    "png": _png,
    "text": lambda chart: f"{chart.title}\n\n{text_chart(chart)}\n".encode(),
    "ascii": lambda chart: f"{chart.title}\n\n{text_chart(chart, ascii_only=True)}\n".encode(),
}
