"""Scripts of the scenario's author, found by name: a node cannot be sent a closure."""

import inspect
from collections.abc import Callable
from typing import Any

from battle.actors.author_functions import FunctionError, load_function, stay_importable
from battle.actors.rng import Draws
from battle.actors.workload.sessions.script import Script, ScriptError, Session


def load_script(name: str) -> Callable[[int, Any], Script]:
    """The generator function of this name, as `load_function` finds it, tried out up to its first call.

    Raises:
        ScriptError: there is none, or its dry run failed.
    """
    try:
        function = load_function(name, "script")
    except FunctionError as error:
        raise ScriptError(str(error)) from error.__cause__
    if not inspect.isgeneratorfunction(inspect.unwrap(function)):
        raise ScriptError(f"script {name!r} must be a generator function: one that yields its calls")
    stay_importable(name)
    dry = Session(name, 0, function(0, Draws(0, "dry run").stream(0)))
    dry.first()
    dry.close()
    return function
