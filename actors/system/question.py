"""Asking: a message that carries the way to answer it, and what goes wrong without an answer."""

from typing import Any

import trio


class AskError(Exception):
    """A question got no answer."""


class ActorDeadError(AskError):
    """The actor asked was not running, was already stopping, or died before it answered."""


class AskTimeoutError(AskError):
    """No answer came in time. Whether the actor acted on the question is not known."""


class MailboxFullError(AskError):
    """The question was dropped, because the mailbox was full."""


class Question:
    """What an actor receives for an `ask`: the `message`, and the way to answer it."""

    def __init__(self, message: Any) -> None:
        self.message = message
        self._settled = trio.Event()
        self._answer: Any = None
        self._error: AskError | None = None

    def reply(self, answer: Any) -> None:
        """Answer, once; ignored when the asker has given up, or has been told that the actor died.

        Raises:
            RuntimeError: it was answered before.
        """
        if self._error is not None:
            return
        if self._settled.is_set():
            raise RuntimeError("a question is answered once")
        self._answer = answer
        self._settled.set()

    def fail(self, error: AskError) -> None:
        """Tell the asker why there will be no answer; ignored when there was one. The mailbox's to call."""
        if not self._settled.is_set():
            self._error = error
            self._settled.set()

    async def answered(self) -> Any:
        """The answer, once there is one, or the error that says why there is none. The asker's to call."""
        await self._settled.wait()
        if self._error is not None:
            raise self._error
        return self._answer
