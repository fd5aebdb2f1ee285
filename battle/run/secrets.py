"""Secrets by name: what a scenario says as `${NAME}` is taken from the environment when a run starts.

Only what is sent somewhere gets the value; files, messages and process lists have the name.
"""

import mmap
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from battle.actors.redaction import KEY_CHARS
from battle.actors.spec.endpoints import Endpoint, is_header_value
from battle.actors.spec.gateways import CommandGateway, Gateway, UrlGateway
from battle.actors.spec.providers import RealProvider
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


def with_names(text: str, written: Iterable[str], environ: Mapping[str, str] | None = None) -> str:
    """The reverse: the text with `${NAME}` in the place of each value of the variables that `written` names."""
    environ = os.environ if environ is None else environ
    values = {environ.get(name, ""): name for one in written for name in names_in(one)}
    found = re.compile("|".join(re.escape(value) for value in sorted(values, key=len, reverse=True) if value))
    return found.sub(lambda value: f"${{{values[value[0]]}}}", text) if found.pattern else text


def filler_of(whose: str) -> Callable[[str], str]:
    """What puts the secrets of a real provider in their places; `whose` they are, for the message.

    It raises StartError: a variable is not set, or what it holds cannot be sent.
    """

    def fill(text: str) -> str:
        filled = with_secrets(text, whose)
        for name in names_in(text):
            if not is_header_value(os.environ[name]):
                raise StartError(
                    f"{whose}: the environment variable {name} holds what is not printable ASCII without blanks "
                    "around it: set it again, without a line's end, say"
                )
        return filled

    return fill


_NOT_SECRET = {"HOME", "PATH", "USER", "LOGNAME", "SHELL", "PWD", "TMPDIR", "LANG", "TERM", "HOSTNAME"}
"""What every process has, and every message may hold."""

SECRET_CHARS_MIN = 4
"""A shorter value is a part of too many words to be taken out of a message."""


def secret_values(gateway: Gateway, environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The values that `${NAME}` stands for in what is said of a gateway."""
    environ = os.environ if environ is None else environ
    match gateway:
        case CommandGateway():
            texts = [*gateway.env.values(), *gateway.headers.values()]
        case UrlGateway():
            texts = [gateway.url, gateway.ws_url, *gateway.headers.values()]
        case _:
            texts = []
    names = dict.fromkeys(name for text in texts for name in names_in(text) if name not in _NOT_SECRET)
    values = (environ.get(name, "") for name in names)
    return tuple(value for value in values if len(value) >= SECRET_CHARS_MIN)


def without_names(text: str) -> str:
    """The text with a word in the place of each `${NAME}`, to see whether the rest of it is sound."""
    return _NAMED.sub("x1", text)


def names_in(text: str) -> tuple[str, ...]:
    """The variables that a text names."""
    return tuple(dict.fromkeys(_NAMED.findall(text)))


def hide(run_dir: Path, secrets: Sequence[str]) -> None:
    """Blank these values in what a gateway's program was given, and wrote, in a run's directory; it has ended.

    A file that cannot be changed is removed. Raises OSError where that cannot be done either.
    """
    if not secrets:
        return
    for path in (*(run_dir / "gateway").rglob("*"), *(run_dir / "nodes").glob("gateway.*")):
        if path.is_file() and not path.is_symlink():
            try:
                _blank(path, secrets)
            except PermissionError:
                path.unlink()


def _blank(path: Path, secrets: Sequence[str]) -> None:
    with path.open("r+b") as file:
        if os.fstat(file.fileno()).st_size == 0:
            return
        with mmap.mmap(file.fileno(), 0) as content:
            for secret in (one.encode() for one in secrets):
                at = content.find(secret)
                while at >= 0:
                    content[at : at + len(secret)] = b"*" * len(secret)
                    at = content.find(secret, at)


def secrets_of_provider(provider: RealProvider, endpoint: Endpoint) -> tuple[str, ...]:
    """What must not be in what a provider answers, once that is written: keys, and the values of variables."""
    names = [name for text in provider.texts_with_secrets() for name in names_in(text)]
    values = [os.environ.get(name, "") for name in names if name not in _NOT_SECRET]
    in_path = [part for part in re.split("[/?&=]", endpoint.path) if len(part) >= KEY_CHARS]
    found = dict.fromkeys((*values, *in_path, *endpoint.headers.values()))
    return tuple(value for value in found if len(value) >= SECRET_CHARS_MIN)
