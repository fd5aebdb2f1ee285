"""What mkdocs does differently from a repository's pages, as its hook (`hooks` in mkdocs.yml)."""

import re
from typing import Any

_FENCE = re.compile(r"^(```\w+) [^\n]+$", re.MULTILINE)
"""A block of code whose first line also says where its text comes from, such as "text explain smoke w0-1"."""


def on_page_markdown(markdown: str, **_: Any) -> str:
    """The page without the words that only `python -m tools.docs` and the tests read."""
    return _FENCE.sub(r"\1", markdown)
