"""What the generated pages are made of."""

from collections.abc import Iterable, Iterator

_DO_NOT_EDIT = "<!-- Made by `make pages` (tools/docs/) from the code. Change the code, not this page. -->"
_UNITS = {"_ns": "ns", "_bytes": "bytes", "_percent": "%", "_ratio": "0..1", "_per_s": "per second"}


def page(title: str, *parts: Iterable[str]) -> str:
    """A whole generated page."""
    return "\n".join([_DO_NOT_EDIT, "", f"# {title}", "", *(line for part in parts for line in part)])


def table(columns: list[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """The lines of a table; cells may hold anything."""
    yield f"| {' | '.join(columns)} |"
    yield f"|{' --- |' * len(columns)}"
    for row in rows:
        cells = (cell.replace("|", "\\|").replace("\n", " ") for cell in row)
        yield f"| {' | '.join(cells)} |"
    yield ""


def unit(name: str) -> str:
    """The unit that a column's or field's name ends in; empty when it has none."""
    return next((unit for suffix, unit in _UNITS.items() if name.endswith(suffix)), "")
