"""Arguments and options that several commands have."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from battle.actors.world.interfaces import WorldName

RunArg: TypeAlias = Annotated[str, typer.Argument(help="A run id, a directory, or `latest`.")]

Out: TypeAlias = Annotated[Path, typer.Option("--out", metavar="DIR", help="Directory for results.")]

Baselines: TypeAlias = Annotated[Path, typer.Option("--dir", metavar="DIR", help="Directory for baselines.")]

World: TypeAlias = Annotated[WorldName, typer.Option(help="Real processes, or simulated time.")]

Seed: TypeAlias = Annotated[int, typer.Option(metavar="N", help="Random seed.")]

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
