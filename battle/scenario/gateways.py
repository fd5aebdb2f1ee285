"""What `--gateway` means: a shipped recipe's name, a URL, or a file that describes one."""

from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from battle.actors.spec.gateways import (
    CommandGateway,
    EmbeddedGateway,
    Gateway,
    UrlGateway,
)
from battle.errors import ScenarioError
from battle.scenario.author_code import placed
from battle.scenario.data.files import DATA_FILE_BYTES_MAX, SUFFIXES, DataFile, converted, read_data
from battle.scenario.data.kinds import tag_of_gateway
from battle.scenario.loader import load_module
from battle.store.regular import read_regular

EMBEDDED = "embedded"
_RECIPES = Path(str(resources.files("battle"))) / "recipes"


def gateway_names() -> list[str]:
    """The names `--gateway` knows: the embedded gateway and the shipped recipes."""
    return [EMBEDDED, *recipe_names()]


def recipe_names() -> list[str]:
    """The names of the shipped recipes."""
    return sorted(path.stem for path in _RECIPES.glob("*.toml"))


def recipe_of(name: str) -> CommandGateway:
    """The gateway that a shipped recipe describes."""
    gateway = read_gateway(_RECIPES / f"{name}.toml")
    assert isinstance(gateway, CommandGateway)
    return gateway


def recipe_files(name: str) -> list[Path]:
    """The files of a shipped recipe: the gateway file, then what that starts."""
    return [_RECIPES / f"{name}.toml", *sorted(_RECIPES.glob(f"{name}.js"))]


def named_gateway(text: str, current: Gateway) -> Gateway:
    """The gateway that `--gateway text` asks for, instead of a scenario's `current` one.

    Raises:
        ScenarioError: there is no such gateway, or its file cannot be read.
    """
    if text == EMBEDDED:
        return current if isinstance(current, EmbeddedGateway) else EmbeddedGateway()
    if text.startswith(("http://", "https://")):
        return UrlGateway(text)
    if text.endswith((".py", *SUFFIXES)):
        return read_gateway(Path(text))
    if text in recipe_names():
        return recipe_of(text)
    raise ScenarioError(
        f"there is no gateway {text!r}: it is one of {', '.join(gateway_names())}, a URL, or a file that ends in "
        f".py, {', '.join(SUFFIXES)}"
    )


def read_gateway(path: Path) -> Gateway:
    """The gateway that a file describes: TOML, YAML, JSON, or Python with `gateway = CommandGateway(...)`.

    Raises:
        ScenarioError: it cannot be read, or describes none.
    """
    return gateway_in(load_module(path), path) if path.suffix == ".py" else gateway_of(read_data(path), path)


def gateway_in(module: Any, path: Path) -> Gateway:
    """The gateway in what a Python file defines. Raises ScenarioError."""
    found = getattr(module, "gateway", None)
    if not isinstance(found, CommandGateway | UrlGateway | EmbeddedGateway):
        raise ScenarioError(f"gateway {path}: it has no gateway: write gateway = CommandGateway([...])")
    return _in_file(found, path)


def gateway_of(file: DataFile, path: Path) -> Gateway:
    """The gateway that the data of the file at `path` describes; one without a `type` has a command or a URL.

    Raises:
        ScenarioError: it describes none.
    """
    file = msgspec.structs.replace(file, source=f"gateway {path}")
    if not isinstance(file.data, dict):
        raise ScenarioError(f'{file.source}: write command = ["program"] or url = "http://host:port/path"')
    data = {"type": tag_of_gateway(file.data)} | file.data
    root: Any = Gateway
    return _in_file(converted(msgspec.structs.replace(file, data=data), root), path)


def _in_file(gateway: Gateway, path: Path) -> Gateway:
    return gateway if isinstance(gateway, EmbeddedGateway) else placed(gateway, path.parent)


def with_template(gateway: Gateway) -> Gateway:
    """The same with the text of its `template_file` as its template, so that a run says what it was.

    Raises:
        ScenarioError: the file cannot be read.
    """
    if not isinstance(gateway, CommandGateway) or not gateway.template_file:
        return gateway
    path = Path(gateway.here) / gateway.template_file
    try:
        text = read_regular(path, DATA_FILE_BYTES_MAX).decode()
    except OSError as error:
        raise ScenarioError(f"gateway {gateway.name}: template_file {path}: {error.strerror}") from None
    except ValueError as error:
        raise ScenarioError(f"gateway {gateway.name}: template_file {path} is no UTF-8 ({error})") from None
    return msgspec.structs.replace(gateway, template=text, template_file="")


def gateway_label(gateway: Gateway) -> str:
    """A gateway in a word, for reports."""
    match gateway:
        case EmbeddedGateway():
            return f"{EMBEDDED} ({gateway.strategy})"
        case CommandGateway():
            return gateway.name
        case UrlGateway() if gateway.name:
            return gateway.name
        case UrlGateway() if gateway.url.startswith("${"):
            return gateway.url
        case UrlGateway():
            parts = urlsplit(gateway.url)
            # Paths, queries and user names of such URLs hold keys, and labels end in files that are committed.
            return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
