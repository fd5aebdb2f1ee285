"""The rows of the view `fault_rules`, from what the classes of faults say of their effect."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import get_args

from battle.actors.spec.faults.base import FaultSpec
from battle.actors.spec.faults.schedule import Fault
from battle.store.catalog import VIEWS

PATH: Path = VIEWS / "fault_rules.sql"

_SAID = {
    "process": "What happens to a process is logged by who did it; that it mattered, by who had to do with "
    "the process.",
    "behaviour": "A provider that behaves badly says so with each attempt; where heads depend on it, with each head.",
    "transport": "The stream wrapper says what it did to each connection, but nobody accepts one that is refused.",
    "websocket": "WebSocket: on the connection, or in the very rows of the subscriptions and heads it changed.",
}
"""By the module of some faults, why their signs are these."""


def fault_rules() -> str:
    """The view as it is, with the rows that the catalogue gives."""
    head, _, rest = PATH.read_text().partition("FROM (VALUES\n")
    _, _, tail = rest.partition("\n) AS rules")
    return f"{head}FROM (VALUES\n{_rows()}\n) AS rules{tail}"


def _rows() -> str:
    rules = [(str(kind.__module__).rpartition(".")[2], _rule(kind)) for kind in get_args(Fault)]
    texts: list[str] = []
    for module, found in groupby(rules, lambda one: one[0]):
        said = f"    -- {_SAID[module]}\n" if module in _SAID else ""
        texts.append(said + ",\n".join(rule for _, rule in found))
    return ",\n".join(texts)


def _rule(kind: type[FaultSpec]) -> str:
    return f"    ({', '.join(_cells(kind))})"


def _cells(kind: type[FaultSpec]) -> Iterator[str]:
    yield f"'{kind.kind()}'"
    yield f"[{', '.join(repr(sign) for sign in kind.effect.signs)}]"
    yield from ("true" if flag else "false" for flag in kind.effect.flags)
