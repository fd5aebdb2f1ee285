"""Which providers a run is about: the scenario's mocks, or real ones in their place."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import msgspec

from battle.actors.spec.providers import RealProvider
from battle.actors.world.interfaces import WorldName
from battle.errors import ScenarioError
from battle.run.survey import survey
from battle.scenario.real_backend import DEFAULT_PROVIDERS, on_real_providers, read_providers
from battle.scenario.scenario import Scenario

Backend: TypeAlias = Literal["mock", "real"]

VARIABLE = "BATTLE_BACKEND"
"""The environment variable that says it where nothing else does."""

_HEIGHT_MIN = 128
"""As `Chain.start_height`: a shorter chain is asked for blocks that it does not have yet."""


def chosen_backend(
    backend: Backend | None, *, named: bool, environ: Mapping[str, str] | None = None
) -> Backend:
    """What was asked for, or what the environment says; when neither does, real ones if a file of them is `named`.

    Raises:
        ScenarioError: the environment says something else.
    """
    if backend is not None:
        return backend
    said = (os.environ if environ is None else environ).get(VARIABLE) or ("real" if named else "mock")
    for known in get_args(Backend):
        if said == known:
            return known  # type: ignore[no-any-return]
    raise ScenarioError(f"{VARIABLE} is {' or '.join(get_args(Backend))}, not {said!r}")


def with_backend(
    scenario: Scenario, backend: Backend, providers: Path | str | None, world: WorldName
) -> tuple[Scenario, tuple[str, ...]]:
    """The scenario for this backend, and what that changed of it. Real providers are asked for their chain.

    Raises:
        ScenarioError: there are too few real providers, or their file is wrong; or they were named for mocks.
        StartError: a real provider does not answer, or a secret is missing.
    """
    if backend == "mock":
        if providers is not None:
            raise ScenarioError("real providers are named, and the backend is mock: leave one of them out")
        return scenario, ()
    listed = read_providers(Path(providers or DEFAULT_PROVIDERS))
    if world == "simulated":
        raise ScenarioError("real providers are not available in the simulated world: use --world live")
    replaced = on_real_providers(scenario, listed)
    reals = [provider for provider in replaced.scenario.providers if isinstance(provider, RealProvider)]
    chain = survey(reals)
    known = {
        "chain_id": chain.chain_id,
        "start_height": None if chain.head is None else max(chain.head, _HEIGHT_MIN),
        "block_time": chain.block_time_ns,
    }
    stated = {name: value for name, value in known.items() if value is not None}
    of_chain = msgspec.structs.replace(replaced.scenario.chain, **stated)
    return msgspec.structs.replace(replaced.scenario, chain=of_chain), replaced.changes
