"""Reading a call's parameters: each reader returns a clean value, or raises -32602 and says what is wrong."""

import re
from typing import Any, TypeAlias

from battle.actors.wire.jsonrpc import INVALID_PARAMS, METHOD_NOT_FOUND, RpcError

Params: TypeAlias = list[Any] | dict[str, Any]

_is_address = re.compile(r"0x[0-9a-fA-F]{40}").fullmatch
_is_hash = re.compile(r"0x[0-9a-fA-F]{64}").fullmatch
_is_quantity = re.compile(r"0x[0-9a-fA-F]{1,16}").fullmatch
_is_slot = re.compile(r"0x[0-9a-fA-F]{1,64}").fullmatch
_is_bytes = re.compile(r"0x(?:[0-9a-fA-F]{2})*").fullmatch


def invalid(what: str, problem: str) -> RpcError:
    """The error for a parameter that is wrong."""
    return RpcError(INVALID_PARAMS, f"invalid argument {what}: {problem}")


def unknown_method(method: str) -> RpcError:
    """The error for a method that a node does not have."""
    return RpcError(METHOD_NOT_FOUND, f"the method {method} does not exist/is not available")


def positional(params: Params, least: int, most: int) -> list[Any]:
    """The parameters as a list of `least` to `most` values."""
    if not isinstance(params, list):
        raise RpcError(INVALID_PARAMS, "parameters must be a list, by position")
    if len(params) < least:
        raise RpcError(INVALID_PARAMS, f"missing value for required argument {len(params)}")
    if len(params) > most:
        raise RpcError(INVALID_PARAMS, f"too many arguments, want at most {most}")
    return params


def address(value: Any, what: str) -> str:
    """20 bytes as 0x-hex, in lower case."""
    if type(value) is str and _is_address(value):
        return value.lower()
    raise invalid(what, "expected an address, 0x and 40 hex digits")


def hash32(value: Any, what: str) -> str:
    """32 bytes as 0x-hex, in lower case."""
    if type(value) is str and _is_hash(value):
        return value.lower()
    raise invalid(what, "expected a hash, 0x and 64 hex digits")


def quantity(value: Any, what: str) -> int:
    """A number of up to 64 bits as 0x-hex."""
    if type(value) is str and _is_quantity(value):
        return int(value, 16)
    raise invalid(what, "expected a number, 0x and 1 to 16 hex digits")


def slot(value: Any, what: str) -> int:
    """A storage position of up to 32 bytes."""
    if type(value) is str and _is_slot(value):
        return int(value, 16)
    raise invalid(what, "expected a storage position, 0x and 1 to 64 hex digits")


def data(value: Any, what: str) -> str:
    """Bytes as 0x-hex, in lower case."""
    if type(value) is str and _is_bytes(value):
        return value.lower()
    raise invalid(what, "expected bytes, 0x and an even number of hex digits")


def flag(value: Any, what: str) -> bool:
    """True or false."""
    if type(value) is bool:
        return value
    raise invalid(what, "expected true or false")


def transaction(value: Any, what: str) -> tuple[str, str]:
    """The (to, data) of a call object; a call without `to` creates a contract and has `to` "0x"."""
    if not isinstance(value, dict):
        raise invalid(what, "expected a call object")
    for name in ("from", "to"):
        if value.get(name) is not None:
            address(value[name], f"{what}.{name}")
    payload = value.get("input")
    if payload is None:
        payload = value.get("data")
    return (value.get("to") or "0x").lower(), "0x" if payload is None else data(payload, f"{what}.input")


def access_list(value: Any, what: str) -> list[tuple[str, list[str]]]:
    """The access list of a call object: addresses, each with storage positions. None is one without addresses."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise invalid(what, "expected a list of objects with address and storageKeys")
    return [_access(one, what) for one in value]


def _access(value: Any, what: str) -> tuple[str, list[str]]:
    keys = value.get("storageKeys") if isinstance(value, dict) else None
    if not isinstance(keys, list):
        raise invalid(what, "expected objects with address and storageKeys")
    return address(value.get("address"), what), [hash32(key, what) for key in keys]
