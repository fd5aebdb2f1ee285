"""The hook for what a scenario cannot say as data: configuring a gateway that runs elsewhere, say."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from battle.actors.addresses import Address
from battle.actors.author_functions import imported
from battle.errors import ScenarioError, SetupError


class SetupContext(msgspec.Struct, frozen=True):
    """What a setup hook is given: the run's directory, and where everything listens or will listen."""

    run_dir: Path
    providers: dict[str, Address]
    gateway: Address


def run_setup(name: str, context: SetupContext) -> None:
    """Call the hook named "package.module:function", if there is one, before anything starts.

    A directory may stand before it, "battles/package.module:function": there the module lies.

    Raises:
        ScenarioError: there is no such callable.
        SetupError: it raised.
    """
    if not name:
        return
    hook = _find(name)
    try:
        hook(context)
    except Exception as error:  # the author's own code: reported as theirs, before anything has started
        raise SetupError(f"setup {name!r} failed: {type(error).__name__}: {error}") from error


def _find(name: str) -> Callable[[SetupContext], object]:
    module_name, _, attribute = name.partition(":")
    try:
        found = getattr(imported(module_name), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ScenarioError(
            f"setup {name!r} cannot be found ({error}): write package.module:function"
        ) from None
    if not callable(found):
        raise ScenarioError(f"setup {name!r} is not callable")
    return found  # type: ignore[no-any-return]
