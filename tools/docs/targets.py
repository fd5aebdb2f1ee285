"""What a type checker sees of `Targets`, whose fields come from the files in `battle/scenario/slo/metrics/`."""

from collections.abc import Iterator
from pathlib import Path

from battle.scenario.slo import targets
from battle.scenario.slo.metrics import METRICS

PATH = Path(targets.__file__).with_suffix(".pyi")


def targets_stub() -> str:
    """The whole file."""
    return "\n".join([*_head(), *(f"    {name}: {_type(name)} = None" for name in METRICS), ""])


def _head() -> Iterator[str]:
    yield "# Made by `make pages` (tools/docs/) from the metrics. Change those, not this file."
    yield ""
    yield "import msgspec"
    yield ""
    yield "from battle.actors.spec.base import Checking"
    yield ""
    yield "class Targets(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, metaclass=Checking):"


def _type(name: str) -> str:
    return "int | None" if METRICS[name].count else "float | None"
