"""The digest of a night's runs as an email: text and HTML, with charts in it. Pure, but for reading the template."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr, unquote
from hashlib import blake2b
from pathlib import Path

import msgspec

from battle.analysis.findings import Verdict
from battle.errors import BattleError
from battle.formatting import plural
from battle.notifications.message import Message, RunPart, cut

SUBJECT_CHARS_MAX = 180
"""Mail programs show some 60 to 100 of them."""

ROWS_SHOWN = 200
RUNS_SHOWN = 25
"""Runs with details: those that did not pass, moved, or warn; the worst first."""

TEXT_WIDTH = 98
"""A line of text; RFC 5322 allows 998 bytes, and people read less."""

_TEMPLATES = Path(__file__).parent / "templates"
_COLORS: dict[Verdict, str] = {"PASS": "#1a7f37", "FAIL": "#b42318", "INCONCLUSIVE": "#8a6100"}


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """A chart of a run as a PNG image; `about` says in words what is drawn."""

    run_id: str
    name: str
    about: str
    png: bytes

    @property
    def cid(self) -> str:
        """By which the HTML refers to it."""
        return f"{self.name}.{blake2b(self.run_id.encode(), digest_size=6).hexdigest()}@battle"


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """From whom, to whom, and when it was written."""

    sender: str
    recipients: tuple[str, ...]
    written_at: datetime


def address(text: str, what: str) -> Address:
    """An address as one writes it: `ops@example.org`, or `Ops <ops@example.org>`.

    A domain beyond ASCII is spelled as in the DNS (IDNA, RFC 5891). What is before the @ stays as it is: only its own
    server knows what it means.

    Raises:
        BattleError: it is none; `what` says where it came from.
    """
    name, spec = parseaddr(text)
    local, at, domain = spec.rpartition("@")
    try:
        if not at or any(not char.isprintable() for char in text):
            raise ValueError
        # The parser takes ASCII alone: a letter beyond it may stand where any other may.
        plain_local = "".join(char if char.isascii() else "x" for char in local)
        parsed = Address(display_name=name, addr_spec=f"{plain_local}@{_ascii_domain(domain)}")
        if local.isascii():
            return parsed
        return Address(display_name=name, username=unquote(local), domain=parsed.domain)
    except (ValueError, IndexError, MessageError):
        raise BattleError(f"{what}: {text!r} is not an address such as ops@example.org") from None


def _ascii_domain(domain: str) -> str:
    """A domain as it is asked for in the DNS. Raises ValueError."""
    if domain.isascii():
        return domain
    import idna

    return idna.encode(domain, uts46=True).decode()


def digest(message: Message, envelope: Envelope, pictures: Sequence[Picture] = ()) -> EmailMessage:
    """The email. Its Message-ID follows from the event, so that the same event has the same one."""
    mail = EmailMessage(policy=SMTP)
    sender = address(envelope.sender, "the sender")
    mail["Subject"] = _subject(message)
    mail["From"] = sender
    mail["To"] = [address(text, "a recipient") for text in envelope.recipients]
    mail["Date"] = format_datetime(envelope.written_at)
    mail["Message-ID"] = f"<battle-{message.event_id}@{sender.domain}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    mail.set_content("\n".join(_text(message)) + "\n")
    mail.add_alternative(_html(message, pictures), subtype="html")
    html_part = mail.get_payload()[1]  # type: ignore[index]
    assert isinstance(html_part, EmailMessage)
    for picture in pictures:
        html_part.add_related(
            picture.png,
            maintype="image",
            subtype="png",
            cid=f"<{picture.cid}>",
            filename=f"{picture.name}.png",
            disposition="inline",
        )
    return mail


def _subject(message: Message) -> str:
    text = f"Battle: {message.verdict_text}: {message.title}: {message.why}"
    return cut(
        " ".join("".join(char if char.isprintable() else " " for char in text).split()), SUBJECT_CHARS_MAX
    )


def _shown(message: Message) -> Sequence[RunPart]:
    return message.troubled[:RUNS_SHOWN] or message.runs[:1]


def _html(message: Message, pictures: Sequence[Picture]) -> str:
    from battle.analysis.reports.page import page_templates

    environment = page_templates(_TEMPLATES)
    return environment.get_template("email.html.j2").render(
        subject=_subject(message),
        message=message,
        rows=message.runs[:ROWS_SHOWN],
        more_rows=plural(len(message.runs) - ROWS_SHOWN, "run") if len(message.runs) > ROWS_SHOWN else "",
        details=_shown(message),
        pictures=pictures,
        color=_COLORS.__getitem__,
    )


def _text(message: Message) -> Iterator[str]:
    yield from _wrapped(message.first_line)
    yield ""
    yield from _wrapped(message.title)
    for headline in message.other_headlines:
        yield from _wrapped(headline)
    yield ""
    for run in message.runs[:ROWS_SHOWN]:
        yield from _wrapped(f"- {run.title}: {run.status}")
    if len(message.runs) > ROWS_SHOWN:
        yield f"- and {plural(len(message.runs) - ROWS_SHOWN, 'more run')}"
    for run in _shown(message):
        yield from ("", *_wrapped(f"{run.title}: {run.status}"), "")
        for title, texts in (
            ("Reasons", run.reasons),
            ("Warnings", run.warnings),
            (run.moved_title, run.moved),
        ):
            if texts:
                yield f"{title}:"
                for number, text in enumerate(texts, 1):
                    yield from _wrapped(f"  {number}. {text}")
        if run.reproduce:
            yield from ("Reproduce:", *(f"    {line}" for line in run.reproduce))
    if message.link is not None:
        yield from ("", message.link)


def _wrapped(text: str) -> Iterator[str]:
    import textwrap

    yield from textwrap.wrap(
        text, TEXT_WIDTH, subsequent_indent="     ", break_long_words=False, break_on_hyphens=False
    ) or [""]
