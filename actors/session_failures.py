"""How a session of a load fails: exceptions that its script raises, or has raised into it."""


class SessionFailed(Exception):
    """Raised by a script: what it got does not go together, such as a nonce that does not count the session's own
    transaction. The message is for the report. It ends this session and nothing else.
    """


class StepFailed(SessionFailed):
    """Raised inside a script where it waits for an answer, when there is none, or it is an error.

    A script that does not catch it has failed there. `failure` is as in the table `requests`; `code` and `message`
    are those of a JSON-RPC error.
    """

    def __init__(
        self, method: str, failure: str | None, code: int | None = None, message: str | None = None
    ) -> None:
        error = None if code is None else f"error {code}{f': {message}' if message else ''}"
        super().__init__(f"{method}: {error or failure or 'no answer'}")
        self.method = method
        self.failure = failure
        self.code = code
        self.message = message
