"""Arguments and options that several commands have."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from battle.actors.world.interfaces import WorldName
from battle.errors import BattleError
from battle.run.backend import Backend

RunArg: TypeAlias = Annotated[str, typer.Argument(help="A run id, a directory, or `latest`.")]

Out: TypeAlias = Annotated[Path, typer.Option("--out", metavar="DIR", help="Directory for results.")]

Baselines: TypeAlias = Annotated[Path, typer.Option("--dir", metavar="DIR", help="Directory for baselines.")]

World: TypeAlias = Annotated[WorldName, typer.Option(help="Real processes, or simulated time.")]

Seed: TypeAlias = Annotated[int, typer.Option(metavar="N", help="Random seed.")]

BackendOption: TypeAlias = Annotated[
    Backend | None,
    typer.Option(
        "--backend", help="The scenario's mock providers, or real ones. Default: BATTLE_BACKEND, or mock."
    ),
]

ProvidersOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--providers",
        metavar="FILE",
        help="The real providers. Default: battle.providers.toml.",
        show_default=False,
    ),
]

Otlp: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--otlp",
        metavar="URL",
        help="Export metrics and traces to this OpenTelemetry receiver (OTLP over HTTP).",
    ),
]

Prometheus: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--prometheus",
        metavar="[HOST:]PORT",
        help="Serve metrics for Prometheus at this port while it runs; 0: any free one.",
    ),
]

TraceShare: TypeAlias = Annotated[
    float,
    typer.Option(
        "--trace-share",
        metavar="SHARE",
        help="Share of successful requests exported as traces; failed ones all are.",
    ),
]

Strict: TypeAlias = Annotated[bool, typer.Option("--strict", help="Warnings fail the run (exit status 1).")]

History: TypeAlias = Annotated[
    Path, typer.Option("--history", metavar="DIR", help="Directory of the history.")
]

AddTo: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--history",
        metavar="DIR",
        help="Add each run to the history there. Default: battle_history, if it exists.",
    ),
]

THRESHOLD_MAX = 1.0
"""Twice as much: a greater number was meant in percent."""


def require_threshold(threshold: float) -> None:
    """Refuse a `--threshold` that is no share. Raises BattleError."""
    if not 0 < threshold <= THRESHOLD_MAX:
        raise BattleError(
            f"--threshold is a share above 0 and up to {THRESHOLD_MAX:g}, such as 0.1 for 10 %, not {threshold}"
        )
