"""What a session does: a generator that yields calls and pauses, and receives answers. Pure.

A script is a plain Python generator, of which a session is one: it has no task, and is gone on with when its answer
is there. It yields (method, parameters) and receives the result as plain data, or a duration, for a pause, and
receives None. Where there is no answer `StepFailed` is raised inside it.
"""

from collections.abc import Callable, Generator
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import msgspec

from battle.actors.author_errors import AuthorsError
from battle.actors.author_functions import raised_at
from battle.actors.chain.parameters import Params
from battle.actors.session_failures import SessionFailed
from battle.actors.spec.workloads.sessions import SESSION_CALLS_MAX
from battle.actors.units import Duration, us

Script: TypeAlias = Generator[tuple[str, Params] | Duration, Any, None]

NewScript: TypeAlias = Callable[[int], Script]
"""The script of the session of this number."""

SHORTEST_PAUSE = us(10)
"""What is shorter was meant as seconds: bare numbers are nanoseconds."""

_encode = msgspec.json.Encoder().encode


class ScriptError(AuthorsError):
    """A script of the author's cannot be found, raised, or yielded what is no call; the message is a sentence."""


class Call(NamedTuple):
    """What a script asks next; `text` is the parameters as JSON."""

    method: str
    params: Params
    text: bytes


class Pause(NamedTuple):
    """How long a script waits before it goes on."""

    duration: Duration


class Over(NamedTuple):
    """A script has come to its end; `failure` says why it failed, None: it did not."""

    failure: str | None


Turn: TypeAlias = Call | Pause | Over


class Session:
    """One run of a script: what it asks next, as its answers come."""

    __slots__ = ("_name", "_script", "calls", "number")

    def __init__(self, name: str, number: int, script: Script) -> None:
        self._name = name
        self._script = script
        self.number = number
        self.calls = 0
        """How many it has made so far."""

    def first(self) -> Call:
        """What it asks first.

        Raises:
            ScriptError: as `go_on`; or it begins with something else.
        """
        turn = self._turn(self._script.__next__)
        if not isinstance(turn, Call):
            raise ScriptError(f"script {self._name!r} must begin with a call, for session {self.number}")
        return turn

    def go_on(self, result: Any = None) -> Turn:
        """What it does next, when this is the result of its last call, or its pause is over.

        Raises:
            ScriptError: it raised anything but `SessionFailed`, or what it yields is neither a call nor a pause.
        """
        return self._turn(partial(self._script.send, result))

    def fail(self, failure: SessionFailed) -> Turn:
        """What it does next, when there is no result. Raises ScriptError as `go_on`."""
        return self._turn(partial(self._script.throw, failure))

    def close(self) -> None:
        """It does nothing any more. Raises ScriptError: its own clean-up failed."""
        try:
            self._script.close()
        except (Exception, SystemExit) as error:
            raise self._broken(error) from error

    def _turn(self, resume: Callable[[], Any]) -> Turn:
        try:
            made = resume()
        except StopIteration:
            return Over(None)
        except SessionFailed as failed:
            return Over(str(failed) or type(failed).__name__)
        except (Exception, SystemExit) as error:  # whatever the author's own code does is reported as theirs
            raise self._broken(error) from error
        match made:
            case (str(method), list() | dict() as params):
                return self._call(method, params)
            case int() if not isinstance(made, bool) and made >= SHORTEST_PAUSE:
                return Pause(made)
        raise ScriptError(
            f"script {self._name!r} must yield a method and a list or dict of parameters, or a duration for a pause, "
            f"such as battle.seconds(1), not {made!r:.80}"
        )

    def _call(self, method: str, params: Params) -> Call:
        if self.calls >= SESSION_CALLS_MAX:
            raise ScriptError(f"script {self._name!r} makes more than {SESSION_CALLS_MAX} calls in a session")
        self.calls += 1
        try:
            return Call(method, params, _encode(params))
        except (TypeError, ValueError, RecursionError) as error:
            raise ScriptError(
                f"script {self._name!r} yielded parameters that are not JSON: {error}"
            ) from None

    def _broken(self, error: BaseException) -> ScriptError:
        return ScriptError(
            f"script {self._name!r} raised {type(error).__name__}: {error}{raised_at(error)} "
            f"(in session {self.number}, after call {self.calls}): a script that finds an answer wrong raises "
            "battle.SessionFailed"
        )
