"""The characters that charts in text are drawn with, and how names are made fit to stand among them."""

import unicodedata

import msgspec


class Glyphs(msgspec.Struct, frozen=True):
    """One set of characters. `steps` go from nothing to full, upwards; `bars` likewise to the right."""

    steps: str
    bars: str
    wall: str
    corner: str
    floor: str
    tick: str
    marks: str
    due: str
    closed: str
    open: str
    half_open: str
    fault: str
    ellipsis: str


UNICODE = Glyphs(
    steps=" ▁▂▃▄▅▆▇█",
    bars=" ▏▎▍▌▋▊▉█",
    wall="│",
    corner="└",
    floor="─",
    tick="┬",
    marks="●◆▲",
    due="·",
    closed="─",
    open="█",
    half_open="▒",
    fault="▓",
    ellipsis="…",
)

ASCII = Glyphs(
    steps=" .:-=+*#",
    bars=" #",
    wall="|",
    corner="+",
    floor="-",
    tick="+",
    marks="ox^",
    due=".",
    closed="-",
    open="#",
    half_open="%",
    fault="=",
    ellipsis="~",
)


def fitted(text: str, width: int, glyphs: Glyphs) -> str:
    """A name on exactly so many columns: cut or padded, without what would move the cursor."""
    if glyphs is ASCII:
        text = text.replace("…", ASCII.ellipsis).encode("ascii", "replace").decode()
    text = "".join("?" if unicodedata.category(char)[0] in "CZ" and char != " " else char for char in text)
    if columns(text) > width:
        while text and columns(text) > width - 1:
            text = text[:-1]
        text += glyphs.ellipsis
    return text + " " * (width - columns(text))


def columns(text: str) -> int:
    """How many columns of a terminal a text takes."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )
