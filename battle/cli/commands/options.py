"""Arguments and options that several commands have."""

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

Run: TypeAlias = Annotated[str, typer.Argument(help="A run id, a directory, or `latest`.")]

Out: TypeAlias = Annotated[Path, typer.Option("--out", metavar="DIR", help="Where runs lie.")]

Baselines: TypeAlias = Annotated[Path, typer.Option("--dir", metavar="DIR", help="Where baselines lie.")]

World: TypeAlias = Annotated[
    Literal["live", "simulated"], typer.Option(help="Real processes, or virtual time.")
]

Seed: TypeAlias = Annotated[int, typer.Option(metavar="N", help="What all chance is drawn from.")]

Strict: TypeAlias = Annotated[bool, typer.Option("--strict", help="A warning fails the run, exit status 1.")]
