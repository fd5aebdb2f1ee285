"""What the site needs beside its pages, as a hook of mkdocs (`hooks` in mkdocs.yml)."""

import re
from typing import Any

_FENCE = re.compile(r"^(```\w+) [^\n]+$", re.MULTILINE)
"""A block of code whose first line also says where its text comes from, such as "text explain smoke w0-1"."""

_CONTENTS = re.compile(r"\n(?:- \[[^\]\n]+\]\(#[^)\n]+\)\n){4,}")
"""The list of contents that a long page begins with: the site has one beside each page."""


def on_page_markdown(markdown: str, **_: Any) -> str:
    """The page without what is there for other readers of it: a repository's, `python -m tools.docs`, the tests."""
    return _CONTENTS.sub("\n", _FENCE.sub(r"\1", markdown))


_FROM_ELSEWHERE = re.compile(r"<(?:script|link|img|iframe)\b[^>]*(?:src|href)=[\"']?(?:https?:)?//[^>]*>")


def on_post_page(output: str, *, page: Any, **_: Any) -> str:
    """The finished page, which must not load anything from another host."""
    if found := _FROM_ELSEWHERE.search(output):
        raise SystemExit(f"{page.file.src_uri} would load something from another host: {found[0]}")
    return output
