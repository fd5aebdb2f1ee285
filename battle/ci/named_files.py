"""The files that `battle ci init` names in a workflow: those that are there must be usable, or CI finds out later."""

import os
import zipfile
from pathlib import Path

from battle.actors.spec.gateways import EmbeddedGateway
from battle.errors import BattleError
from battle.scenario.data.files import DATA_FILE_BYTES_MAX, SUFFIXES
from battle.scenario.gateways import named_gateway
from battle.store.regular import open_regular, read_regular


def check_files(scenarios: Path, gateway: str | None, source: str) -> None:
    """See that what is there already can be used. `source` is what CI installs Battle from.

    Raises:
        BattleError: the scenarios are neither a directory nor a file that can be read, the gateway's file describes
            none, or the wheel is none.
    """
    if os.path.lexists(scenarios) and not scenarios.is_dir():
        try:
            read_regular(scenarios, DATA_FILE_BYTES_MAX)
        except OSError as error:
            raise BattleError(f"--path {scenarios} cannot be read: {error.strerror}") from None
    if gateway is not None and gateway.endswith((".py", *SUFFIXES)) and os.path.lexists(gateway):
        named_gateway(gateway, EmbeddedGateway())
    if source.endswith(".whl") and os.path.lexists(source):
        _check_wheel(Path(source))


def _check_wheel(wheel: Path) -> None:
    try:
        with open_regular(wheel) as file:
            if not zipfile.is_zipfile(file):
                raise BattleError(f"{wheel} is not a wheel: it is no ZIP archive")
    except OSError as error:
        raise BattleError(f"the wheel {wheel} cannot be read: {error.strerror}") from None
