"""The text of exported SLOs: YAML documents, comments, and names that Kubernetes would take. Pure."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import yaml

NAME_MAX = 63
"""Characters of a name by RFC 1123."""


def comment(lines: Iterable[str]) -> Iterator[str]:
    """Each as one line of comment, whatever characters are in it."""
    for line in lines:
        yield f"# {_one_line(line)}".rstrip() + "\n"


def document(body: Any) -> str:
    """Plain data as one YAML document."""
    return yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=10_000)


def slug(text: str) -> str:
    """A name of lower-case letters, digits and hyphens; "slo" when nothing is left of it."""
    words = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return words[:NAME_MAX].rstrip("-") or "slo"


def unique_slugs(texts: Iterable[str]) -> list[str]:
    """A name for each text, all of them different: one that is taken gets a number."""
    names: list[str] = []
    for text in texts:
        name, number = slug(text), 2
        while name in names:
            end = f"-{number}"
            name, number = slug(text)[: NAME_MAX - len(end)].rstrip("-") + end, number + 1
        names.append(name)
    return names


def _one_line(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text)
