"""Generators for tests, found by name: "tests.actors.workload.sample_generators:balances"."""

from random import Random
from typing import Any

HERE = "tests.actors.workload.sample_generators"
NOT_A_FUNCTION = 7


def balances(number: int, rng: Random) -> tuple[str, list[Any]]:
    """Balances of random accounts, and now and then a method that no chain knows."""
    if number % 5 == 4:
        return "my_unknownMethod", [number, rng.random()]
    return "eth_getBalance", [f"0x{rng.getrandbits(160):040x}", "latest"]


def by_name(number: int, rng: Random) -> tuple[str, dict[str, Any]]:
    return "my_named", {"number": number}


def breaking_later(number: int, rng: Random) -> tuple[str, list[Any]]:
    if number == 3:
        raise LookupError("the well is dry")
    return "eth_chainId", []


def raising(number: int, rng: Random) -> Any:
    raise LookupError("the well is dry")


def forgetting_the_parameters(number: int, rng: Random) -> Any:
    return "eth_chainId"


def with_parameters_in_a_tuple(number: int, rng: Random) -> Any:
    return "eth_call", (1, 2)


def with_parameters_that_are_not_json(number: int, rng: Random) -> Any:
    return "eth_call", [object()]


def taking_too_little(number: int) -> Any:
    return "eth_chainId", []


def accounts(number: int, rng: Random) -> tuple[str, list[Any]]:
    """Balances of random accounts."""
    return "eth_getBalance", [f"0x{rng.getrandbits(160):040x}", "latest"]


def too_large(number: int, rng: Random) -> tuple[str, list[Any]]:
    """With every second request more than a node keeps for one peer that does not read."""
    return ("my_upload", ["x" * (16 * 2**20)]) if number % 2 else ("eth_chainId", [])
