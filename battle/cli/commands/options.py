"""Arguments and options that several commands have."""

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

Run: TypeAlias = Annotated[str, typer.Argument(help="A run id, a directory, or `latest`.")]

Out: TypeAlias = Annotated[Path, typer.Option("--out", metavar="DIR", help="Directory for results.")]

Baselines: TypeAlias = Annotated[Path, typer.Option("--dir", metavar="DIR", help="Directory for baselines.")]

World: TypeAlias = Annotated[
    Literal["live", "simulated"], typer.Option(help="Real processes, or simulated time.")
]

Seed: TypeAlias = Annotated[int, typer.Option(metavar="N", help="Random seed.")]

Strict: TypeAlias = Annotated[bool, typer.Option("--strict", help="Warnings fail the run (exit status 1).")]
