"""What `--gateway` means: a shipped recipe's name, a URL, or a file that describes one."""

from collections.abc import Callable
from importlib import resources
from pathlib import Path
from urllib.parse import urlsplit

from battle.actors.spec.gateways import (
    CommandGateway,
    EmbeddedGateway,
    Gateway,
    UrlGateway,
)
from battle.errors import ScenarioError
from battle.scenario.data.files import (
    DATA_FILE_BYTES_MAX,
    DataFile,
    converted,
    parsed,
)
from battle.store.regular import read_regular

EMBEDDED = "embedded"
_RECIPES = resources.files("battle") / "recipes"


def gateway_names() -> list[str]:
    """The names `--gateway` knows: the embedded gateway and the shipped recipes."""
    recipes = (
        entry.name.removesuffix(".toml") for entry in _RECIPES.iterdir() if entry.name.endswith(".toml")
    )
    return [EMBEDDED, *sorted(recipes)]


def named_gateway(text: str, current: Gateway) -> Gateway:
    """The gateway that `--gateway text` asks for, instead of a scenario's `current` one.

    Raises:
        ScenarioError: there is no such gateway, or its file cannot be read.
    """
    if text == EMBEDDED:
        return current if isinstance(current, EmbeddedGateway) else EmbeddedGateway()
    if text.startswith(("http://", "https://")):
        return UrlGateway(text)
    if text.endswith(".toml"):
        return _read(lambda: read_regular(Path(text), DATA_FILE_BYTES_MAX), text)
    if text in gateway_names():
        return _read((_RECIPES / f"{text}.toml").read_bytes, text)
    raise ScenarioError(
        f"there is no gateway {text!r}: it is one of {', '.join(gateway_names())}, a URL, or a .toml file"
    )


def gateway_label(gateway: Gateway) -> str:
    """A gateway in a word, for reports."""
    match gateway:
        case EmbeddedGateway():
            return f"{EMBEDDED} ({gateway.strategy})"
        case CommandGateway():
            return gateway.name
        case UrlGateway():
            parts = urlsplit(gateway.url)
            # Paths, queries and user names of such URLs hold keys, and labels end in files that are committed.
            return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def gateway_of(file: DataFile) -> CommandGateway:
    """The gateway that a file describes. Raises ScenarioError."""
    return converted(file, CommandGateway)


def _read(read: Callable[[], bytes], source: str) -> CommandGateway:
    try:
        text = read().decode()
    except OSError as error:
        raise ScenarioError(f"gateway {source}: {error.strerror}") from None
    except ValueError as error:
        raise ScenarioError(f"gateway {source}: it is no UTF-8 ({error})") from None
    return gateway_of(parsed(text, ".toml", f"gateway {source}"))
