"""What mkdocs does differently from a repository's pages, as its hook (`hooks` in mkdocs.yml)."""

import re
from typing import Any

_FENCE = re.compile(r"^(```\w+) [^\n]+$", re.MULTILINE)
"""A block of code whose first line also says where its text comes from, such as "text explain smoke w0-1"."""

_CONTENTS = re.compile(r"\n(?:- \[[^\]\n]+\]\(#[^)\n]+\)\n){4,}")
"""The list of contents that a long page begins with: the site has one beside each page."""


def on_page_markdown(markdown: str, **_: Any) -> str:
    """The page without what is there for other readers of it: a repository's, `python -m tools.docs`, the tests."""
    return _CONTENTS.sub("\n", _FENCE.sub(r"\1", markdown))
