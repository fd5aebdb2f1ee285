"""Text from outside for a terminal: what cannot be printed is spelled out."""

import unicodedata

TEXT_MAX = 600
"""Characters of one paragraph or step; what is longer came from the wire, and says no more."""


_NOT_PRINTED = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
"""Unicode categories: control and format characters (also those that turn the direction of writing), line ends."""


def escaped(text: str) -> str:
    """Text that a terminal shows as it stands: control characters are spelled out, and it has an end."""
    shown = spelled(text)
    return shown if len(shown) <= TEXT_MAX else f"{shown[: TEXT_MAX - 1]}…"


def spelled(text: str) -> str:
    """Text in which each control character is spelled out, whole however long it is."""
    return "".join(_spelled(char) if unicodedata.category(char) in _NOT_PRINTED else char for char in text)


def _spelled(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
