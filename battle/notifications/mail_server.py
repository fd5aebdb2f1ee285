"""Hands an email to a mail server: SMTP with STARTTLS and authentication.

Nothing is sent in clear text: where the server offers no STARTTLS the email is not sent, and no password leaves. The
one exception is a server that is named with `BATTLE_SMTP_TLS=off`, and it gets no password.
"""

import smtplib
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from typing import Literal, TypeAlias, get_args

import msgspec

from battle.errors import BattleError
from battle.formatting import names_text
from battle.outgoing import (
    DEFAULT_POLICY,
    EXCERPT_CHARS_MAX,
    Clock,
    Delivery,
    Policy,
    Refusal,
    Secret,
    cause_text,
)
from battle.terminal_text import spelled

Tls: TypeAlias = Literal["starttls", "tls", "off"]
"""`starttls`: clear text first, then TLS (port 587). `tls`: TLS from the first byte (port 465). `off`: never TLS."""

PORTS: dict[Tls, int] = {"starttls": 587, "tls": 465, "off": 25}


class MailServer(msgspec.Struct, frozen=True, kw_only=True):
    """Where emails go, and who one is there. A user without a password, or the other way round, is refused."""

    host: str
    port: int
    tls: Tls = "starttls"
    user: str | None = None
    password: Secret | None = None

    @property
    def service(self) -> str:
        """How messages name it."""
        return f"the mail server {self.host}:{self.port}"


def server_of(text: str | None, tls: str | None, user: str | None, password: Secret | None) -> MailServer:
    """The server of these settings; `text` is HOST or HOST:PORT.

    Raises:
        BattleError: they are not complete, or do not go together.
    """
    if not text:
        raise BattleError(
            "the environment variable BATTLE_SMTP is not set: it is the mail server's HOST:PORT"
        )
    if "@" in text or "/" in text:
        raise BattleError("BATTLE_SMTP is HOST:PORT: the user and the password have variables of their own")
    host, colon, port_text = text.rpartition(":") if not text.endswith("]") else ("", "", text)
    if not colon:
        host, port_text = text, ""
    if port_text and not (port_text.isascii() and port_text.isdigit() and 0 < int(port_text) < 65536):
        raise BattleError(f"BATTLE_SMTP is HOST:PORT, not {text!r}")
    kind = tls or ("tls" if port_text == str(PORTS["tls"]) else "starttls")
    if kind not in get_args(Tls):
        raise BattleError(f"BATTLE_SMTP_TLS is one of {', '.join(get_args(Tls))}, not {kind!r}")
    if (user is None) != (password is None):
        raise BattleError("BATTLE_SMTP_USER and BATTLE_SMTP_PASSWORD go together: one of them is not set")
    if kind == "off" and password is not None:
        raise BattleError("BATTLE_SMTP_TLS=off would send the password in clear text: it is not allowed")
    return MailServer(
        host=host.strip("[]"),
        port=int(port_text) if port_text else PORTS[kind],  # type: ignore[index]
        tls=kind,  # type: ignore[arg-type]
        user=user,
        password=password,
    )


def send_mail(
    server: MailServer, mail: EmailMessage, *, policy: Policy = DEFAULT_POLICY, clock: Clock | None = None
) -> tuple[str, ...]:
    """Send an email, and return a sentence for each recipient that the server refused while it took others.

    Raises:
        DeliveryError: it was not sent; `UnknownDeliveryError`: perhaps it was.
    """
    secrets = [] if server.password is None else [server.password]
    delivery = Delivery(server.service, secrets=secrets, policy=policy, clock=clock)
    return delivery.accepted(lambda: _attempt(server, mail, policy))


def _attempt(server: MailServer, mail: EmailMessage, policy: Policy) -> tuple[str, ...] | Refusal:
    try:
        with _connected(server, policy) as smtp:
            return _handed_over(smtp, mail)
    except _RefusedError as refused:
        return refused.refusal
    except ssl.SSLError as error:
        return Refusal(f"TLS failed: {cause_text(error)}", None)
    except smtplib.SMTPResponseException as error:
        return _answered(error.smtp_code, error.smtp_error)
    except UnicodeError as error:  # the server's name: it is the same at the next attempt
        return Refusal(f"it cannot be reached: {cause_text(error)}", None)
    except (smtplib.SMTPException, OSError) as error:
        return Refusal(f"it cannot be reached: {cause_text(error)}", 0.0)


class _RefusedError(Exception):
    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.why)
        self.refusal = refusal


@contextmanager
def _connected(server: MailServer, policy: Policy) -> Iterator[smtplib.SMTP]:
    context = ssl.create_default_context()
    if server.tls == "tls":
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(
            server.host, server.port, timeout=policy.connect_s, context=context
        )
    else:
        smtp = smtplib.SMTP(server.host, server.port, timeout=policy.connect_s)
    try:
        if smtp.sock is not None:
            smtp.sock.settimeout(policy.answer_s)
        smtp.ehlo()
        if server.tls == "starttls":
            _start_tls(smtp, context)
        if server.user is not None and server.password is not None:
            _log_in(smtp, server.user, server.password)
        yield smtp
    finally:
        _leave(smtp)


def _leave(smtp: smtplib.SMTP) -> None:
    try:
        smtp.quit()
    except (smtplib.SMTPException, OSError):
        pass  # what was accepted is accepted, and what was not is known already
    finally:
        smtp.close()


def _start_tls(smtp: smtplib.SMTP, context: ssl.SSLContext) -> None:
    if not smtp.has_extn("starttls"):
        raise _RefusedError(
            Refusal("it offers no STARTTLS, and nothing is sent in clear text (BATTLE_SMTP_TLS)", None)
        )
    smtp.starttls(context=context)
    smtp.ehlo()


def _log_in(smtp: smtplib.SMTP, user: str, password: Secret) -> None:
    try:
        smtp.login(user, password.reveal())
    except smtplib.SMTPAuthenticationError as error:
        code = error.smtp_code
        again = 0.0 if 400 <= code < 500 else None
        raise _RefusedError(
            Refusal(f"it refused the user and password (status {code}): {_said(error.smtp_error)}", again)
        ) from None
    except UnicodeError:
        raise _RefusedError(
            Refusal(
                "BATTLE_SMTP_USER or BATTLE_SMTP_PASSWORD has letters beyond ASCII: it cannot be logged in to",
                None,
            )
        ) from None
    except smtplib.SMTPNotSupportedError:
        raise _RefusedError(Refusal("it offers no authentication that Battle knows", None)) from None


def _handed_over(smtp: smtplib.SMTP, mail: EmailMessage) -> tuple[str, ...]:
    """Name the sender and the recipients, and send the text. Until the last step nothing is sent to anybody."""
    recipients = [one.addr_spec for one in mail["To"].addresses]
    sender = mail["From"].addresses[0].addr_spec
    beyond_ascii = [one for one in (sender, *recipients) if not one.isascii()]
    if beyond_ascii and not smtp.has_extn("smtputf8"):
        named = names_text(beyond_ascii)
        why = f"it offers no SMTPUTF8, so it takes no letters beyond ASCII before the @: {named}"
        raise _RefusedError(Refusal(why, None))
    _expect(*smtp.mail(sender, ("SMTPUTF8", "BODY=8BITMIME") if beyond_ascii else ()))
    refused = _refused(smtp, recipients)
    try:
        code, said = smtp.data(mail.as_bytes(policy=SMTPUTF8 if beyond_ascii else SMTP))
    except smtplib.SMTPDataError:
        raise  # it refused before the text
    except (smtplib.SMTPException, OSError) as error:
        why = f"the connection broke while the text was sent: {cause_text(error)}"
        raise _RefusedError(Refusal(why, 0.0, maybe_done=True)) from None
    _expect(code, said)
    return refused


def _refused(smtp: smtplib.SMTP, recipients: Sequence[str]) -> tuple[str, ...]:
    """A sentence for each recipient that the server refuses, while it takes another one."""
    answers = [(one, *smtp.rcpt(one)) for one in recipients]
    wrong = [(one, code, said) for one, code, said in answers if code not in (250, 251)]
    if len(wrong) == len(answers):
        _expect(*wrong[0][1:])
    return tuple(f"{one} was refused (status {code}): {_said(said)}" for one, code, said in wrong)


def _expect(code: int, said: bytes) -> None:
    if code not in (250, 251):
        raise _RefusedError(_answered(code, said))


def _answered(code: int, said: bytes | str) -> Refusal:
    """4xx may be tried again, 5xx never (RFC 5321, 4.2.1)."""
    wait_s = 0.0 if 400 <= code < 500 else None
    return Refusal(f"it answered with status {code}: {_said(said)}", wait_s)


def _said(text: bytes | str) -> str:
    decoded = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return spelled(" ".join(decoded.split()))[:EXCERPT_CHARS_MAX]
