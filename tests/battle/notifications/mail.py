"""A real mail server on this machine, with TLS and a password."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "battle", "planted-password-of-the-mail-server"

CA = trustme.CA()


class Inbox:
    """What came; `answers` are given instead of "250 OK", one for each message."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.answers: list[str] = []
        self.refused: set[str] = set()
        self.logins: list[str] = []

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address in self.refused:
            return "550 no such user here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer == "drop":
            server.transport.close()
            return "451 never sent"
        if answer.startswith("250"):
            mail = message_from_bytes(bytes(envelope.original_content or b""), policy=default)
            assert isinstance(mail, EmailMessage)
            self.mails.append(mail)
            self.recipients.append(envelope.rcpt_tos)
        return answer

    def authenticate(
        self, _server: Any, _session: Any, _envelope: Any, mechanism: str, data: Any
    ) -> AuthResult:
        self.logins.append(mechanism)
        right = isinstance(data, LoginPassword) and (data.login, data.password) == (
            USER.encode(),
            PASSWORD.encode(),
        )
        return AuthResult(success=right, handled=False)


class _AnyPort(Controller):
    """aiosmtpd looks whether it answers at the port it was given, which is 0 here."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def mail_served(
    *, tls: str = "starttls", trusted: bool = True, utf8: bool = True
) -> Iterator[tuple[Inbox, int]]:
    """A mail server: `tls` is starttls, tls from the first byte, or off. `trusted`: its certificate has its name.

    `utf8`: it offers SMTPUTF8.
    """
    inbox = Inbox()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    CA.issue_cert("localhost" if trusted else "elsewhere.example.org").configure_cert(context)
    of_tls: dict[str, Any] = {"tls_context": context, "require_starttls": True} if tls == "starttls" else {}
    controller = _AnyPort(
        inbox,
        hostname="localhost",
        port=0,
        ready_timeout=20,
        auth_required=tls == "starttls",
        auth_require_tls=tls == "starttls",
        authenticator=inbox.authenticate,
        enable_SMTPUTF8=utf8,
        ssl_context=context if tls == "tls" else None,
        **of_tls,
    )
    controller.start()
    try:
        yield inbox, controller.port
    finally:
        controller.stop()
