"""GitHub Actions: workflow commands for annotations, and how much of a step summary it takes. Pure."""

from collections.abc import Mapping, Sequence

from battle.ci.annotations import Annotation, Level

ANNOTATIONS_MAX = 10
"""Of one level in one step: GitHub drops further ones without a trace."""

SUMMARY_BYTES_MAX = 1024 * 1024
"""Of a step's summary file: GitHub takes nothing of one that is longer."""

CUT = "\n\n*This summary is cut here: GitHub takes 1 MiB for a step. The artifacts have all of it.*\n"


def annotation_commands(annotations: Sequence[Annotation]) -> list[str]:
    """The workflow commands that show these annotations, a line each; of too many the last one counts the rest."""
    lines: list[str] = []
    levels: tuple[Level, ...] = ("error", "warning")
    for level in levels:
        own = [one for one in annotations if one.level == level]
        lines += map(_command, _bounded(own))
    return lines


def _bounded(own: Sequence[Annotation]) -> list[Annotation]:
    if len(own) <= ANNOTATIONS_MAX:
        return list(own)
    rest = len(own) - ANNOTATIONS_MAX + 1
    last = Annotation(
        level=own[0].level, title=f"{rest} more", message=f"and {rest} more: see the summary of the job"
    )
    return [*own[: ANNOTATIONS_MAX - 1], last]


def _command(annotation: Annotation) -> str:
    place = annotation.place
    values = {
        "file": place.file if place else None,
        "line": str(place.line) if place and place.line else None,
        "title": annotation.title,
    }
    properties = ",".join(f"{name}={_property(value)}" for name, value in values.items() if value)
    return f"::{annotation.level} {properties}::{_data(annotation.message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def fitting_summary(text: str, bytes_before: int) -> str:
    """What may be appended to a summary file that has so many bytes: whole, or cut at the end of a line."""
    room = SUMMARY_BYTES_MAX - bytes_before
    data = f"{text.rstrip()}\n\n".encode(errors="backslashreplace")
    if len(data) <= room:
        return data.decode()
    kept = data[: max(0, room - len(CUT.encode()))].rpartition(b"\n")[0]
    return kept.decode(errors="ignore") + CUT if kept else ""


def output_lines(outputs: Mapping[str, str]) -> str:
    """What to append to `$GITHUB_OUTPUT`: a line each, so a value that has several is put on one."""
    return "".join(f"{name}={' '.join(value.split())}\n" for name, value in outputs.items())
