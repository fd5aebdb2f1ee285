"""Secrets by name: what a scenario says as `${NAME}` is taken from the environment when a run starts.

Only what is sent somewhere gets the value; files, messages and process lists have the name.
"""

import os
import re
from collections.abc import Mapping

from battle.errors import StartError

_NAMED = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def with_secrets(text: str, whose: str, environ: Mapping[str, str] | None = None) -> str:
    """The text with the value of each `${NAME}` in its place; `whose` text it is, for the message.

    Raises:
        StartError: a variable is not set, or has no value.
    """
    environ = os.environ if environ is None else environ

    def value(found: re.Match[str]) -> str:
        if not environ.get(found[1]):
            raise StartError(f"{whose} needs the environment variable {found[1]}, which is not set")
        return environ[found[1]]

    return _NAMED.sub(value, text)


def names_in(text: str) -> tuple[str, ...]:
    """The variables that a text names."""
    return tuple(dict.fromkeys(_NAMED.findall(text)))
