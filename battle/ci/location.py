"""The line of a scenario, or of one of its SLOs, in the file that it was loaded from. Pure: files come as text."""

import ast
import re
from collections.abc import Iterator

DEFAULT_VARIANT = "scenario"
"""The name of a scenario that its file does not name."""


def line_of(source: str, suffix: str, variant: str, slo: str | None) -> int | None:
    """The line, counted from 1, of an SLO by its name, else of the scenario; None when it is not found."""
    if suffix == ".py":
        return _python_line(source, variant or DEFAULT_VARIANT, slo)
    return _data_line(source, slo)


def _python_line(source: str, variant: str, slo: str | None) -> int | None:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return None
    assigned = [node for node in tree.body if isinstance(node, ast.Assign) and _assigns(node, variant)]
    if not assigned:
        return None
    inside = list(ast.walk(assigned[-1]))
    return next(_argument_lines(inside, slo), None) or assigned[-1].lineno


def _assigns(node: ast.Assign, name: str) -> bool:
    return any(isinstance(target, ast.Name) and target.id == name for target in node.targets)


def _argument_lines(nodes: list[ast.AST], slo: str | None) -> Iterator[int]:
    """The lines of the argument named like the SLO, then of a text that names it, then of `slo=`."""
    if slo is None:
        return
    arguments = [node for node in nodes if isinstance(node, ast.keyword)]
    yield from (node.lineno for node in arguments if node.arg == slo)
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _names(slo, node.value):
            yield node.lineno
    yield from (node.lineno for node in arguments if node.arg == "slo")


def _names(slo: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(slo)}(?!\w)", text) is not None


def _data_line(source: str, slo: str | None) -> int | None:
    lines = source.splitlines()
    for word in filter(None, (slo, "slo" if slo else None, "name")):
        for number, line in enumerate(lines, 1):
            if _names(word, line):
                return number
    return None
