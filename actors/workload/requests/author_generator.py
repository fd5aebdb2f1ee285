"""Questions made by functions of the scenario's author, found by name: a node cannot be sent a closure."""

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

from battle.actors.author_errors import AuthorsError
from battle.actors.author_functions import FunctionError, load_function, raised_at, stay_importable
from battle.actors.chain.parameters import Params
from battle.actors.rng import Draws

Generator: TypeAlias = Callable[[int, Any], tuple[str, Params]]
"""(number, `random.Random`) to (method, parameters): a pure function of both."""

_encode = msgspec.json.Encoder().encode


class GeneratorError(AuthorsError):
    """A generator cannot be found, raised, or returned what is no call; the message is a sentence."""


def load_generator(name: str) -> Generator:
    """The function of this name, as `load_function` finds it, tried out once with number 0.

    Raises:
        GeneratorError: there is none, or its dry run failed.
    """
    try:
        generator: Generator = load_function(name, "generator")
    except FunctionError as error:
        raise GeneratorError(str(error)) from error.__cause__
    stay_importable(name)
    generated_call(name, generator, 0, Draws(0, "dry run").stream(0))
    return generator


def generated_call(name: str, generator: Generator, number: int, rng: Any) -> tuple[str, Params, bytes]:
    """The generator's method and parameters for a number, the latter also as JSON text.

    Raises:
        GeneratorError: it raised, or returned something else; the message names the exception, its file and line.
    """
    try:
        made = generator(number, rng)
    except (Exception, SystemExit) as error:  # whatever the author's own code does is reported as theirs
        raise GeneratorError(
            f"generator {name!r} raised {type(error).__name__}: {error}{raised_at(error)} (for number {number})"
        ) from error
    match made:
        case (str(method), list() | dict() as params):
            pass
        case _:
            raise GeneratorError(
                f"generator {name!r} must return a method and a list or dict of parameters, not {made!r:.80}"
            )
    try:
        return method, params, _encode(params)
    except (TypeError, ValueError, RecursionError) as error:
        raise GeneratorError(f"generator {name!r} returned parameters that are not JSON: {error}") from None
