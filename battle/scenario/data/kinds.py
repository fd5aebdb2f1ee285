"""What a data file is about, by its keys and its name: each kind is judged by its own schema. Pure."""

from pathlib import Path
from typing import Any, Literal, TypeAlias

from battle.actors.spec.base import nearest
from battle.actors.spec.gateways import CommandGateway, UrlGateway
from battle.scenario.scenario import Scenario

Kind: TypeAlias = Literal["providers", "gateway", "profile"]

USES: dict[Kind, str] = {
    "providers": "it lists real providers: name it with --providers",
    "gateway": "it describes a gateway: name it with --gateway",
    "profile": "it is the profile of a provider: name it in a mock provider, as profile",
}
"""What to say of such a file where a scenario is looked for."""

_OF_SCENARIOS = frozenset(Scenario.__struct_fields__) - {"providers", "name"}
_OF_URLS = frozenset(UrlGateway.__struct_fields__)
_OF_GATEWAYS = _OF_URLS | frozenset(CommandGateway.__struct_fields__) | {"type"}
_OF_MANY = frozenset(
    {"type", "name", "port", "ports", "path", "env", "headers", "log", "install", "verify", "tls"}
)
"""Fields of gateways that settings of other programs have as well."""

_SHARE_MIN = 0.5
"""Of a file's keys: so many are fields of gateways where neither a command nor a URL says that it is one."""


def kind_of(path: Path, data: Any, *, is_named: bool = False) -> Kind | None:
    """What the data of a file is, other than a scenario; None: a scenario, or nothing of Battle's.

    A file that `is_named`, and not found in a directory, is more likely one of Battle's.
    """
    if not isinstance(data, dict):
        return None
    if _lists_providers(path, data):
        return "providers"
    if data.keys() & {"providers", "workloads"}:
        return None
    if "latencies_ms" in data and path.suffix == ".toml":
        return "profile"
    return "gateway" if _is_gateway(path, data, is_named=is_named) else None


def _lists_providers(path: Path, data: dict[Any, Any]) -> bool:
    if data.keys() & _OF_SCENARIOS:
        return False
    if path.stem.endswith(".providers"):
        return True
    listed = data.get("providers")
    has_url = isinstance(listed, list) and any(isinstance(one, dict) and "url" in one for one in listed)
    return has_url and "name" not in data


def _is_gateway(path: Path, data: dict[Any, Any], *, is_named: bool) -> bool:
    if data.keys() & {"command", "url"} or path.stem.endswith((".gateway", "gateway")):
        return True
    known = data.keys() & _OF_GATEWAYS
    if known - _OF_MANY and len(known) >= _SHARE_MIN * len(data):
        return True
    others = data.keys() - known
    misspelt = bool(others) and all(_misspelt_start(data, key) for key in others)
    return misspelt and (is_named or bool(known))


def _misspelt_start(data: dict[Any, Any], key: Any) -> str | None:
    """`command` or `url`, if the key was probably meant as that, and has such a value."""
    meant = nearest(str(key), ("command", "url"))
    fits = {"command": list, "url": str}
    return meant if meant is not None and isinstance(data[key], fits[meant]) else None


def tag_of_gateway(data: dict[Any, Any]) -> Literal["command", "url"]:
    """The type of a gateway whose file does not say it."""
    if "url" in data or "command" in data:
        return "url" if "url" in data else "command"
    meant = {_misspelt_start(data, key) for key in data.keys() - _OF_GATEWAYS}
    only_url = data.keys() & (_OF_URLS - frozenset(CommandGateway.__struct_fields__))
    return "url" if "url" in meant or (only_url and "command" not in meant) else "command"
