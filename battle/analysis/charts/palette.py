"""What charts are coloured with. A spec names colours by their meaning; a palette says what they are."""

from collections.abc import Mapping
from typing import TypeAlias

Palette: TypeAlias = Mapping[str, str]

SERIES = ("$one", "$two", "$three", "$four", "$five", "$six", "$seven", "$eight")
"""For what has no meaning but must be distinguished: providers."""

FAILURES = ("$bad", "$unsure", "$four", "$six", "$seven", "$five", "$eight")
"""For kinds of failure: the first are the colours of what is bad."""

PAPER: Palette = {
    "$paper": "#ffffff",
    "$ink": "#1f2428",
    "$quiet": "#69727c",
    "$line": "#e3e6ea",
    "$shade": "#b3261e",
    "$good": "#3f9b69",
    "$bad": "#c0392f",
    "$unsure": "#d9920a",
    "$calm": "#cfe3d6",
    "$accent": "#2457a6",
    "$accent2": "#6f9bd8",
    "$accent3": "#a5c1e8",
    "$one": "#2457a6",
    "$two": "#e0912f",
    "$three": "#3f9b69",
    "$four": "#8e5aa8",
    "$five": "#c75b6e",
    "$six": "#4aa5b5",
    "$seven": "#9a7b4f",
    "$eight": "#8a939c",
}
"""For pictures, which are looked at on white."""

PAGE: Palette = {name: f"var(--{name[1:]})" for name in PAPER}
"""For a page whose style sheet knows whether it is dark, light or printed: charts then follow without a script."""
