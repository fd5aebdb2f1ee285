"""Emails leave through TLS alone, with a password, once; against a real mail server."""

from datetime import UTC, datetime

import msgspec
import pytest

from battle.errors import BattleError
from battle.notifications.email import Envelope, Picture, address, digest
from battle.notifications.mail_server import MailServer, send_mail, server_of
from battle.notifications.message import message_of
from battle.outgoing import DeliveryError, Policy, Secret, UnknownDeliveryError
from tests.battle.notifications.mail import CA, PASSWORD, USER, mail_served
from tests.battle.notifications.samples import REASONS, run, subject, suite
from tests.battle.notifications.services import FastClock

ENVELOPE = Envelope(
    sender="Battle <battle@example.org>",
    recipients=("ops@example.org", "Dev Team <dev@example.org>"),
    written_at=datetime(2026, 12, 1, tzinfo=UTC),
)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


@pytest.fixture(autouse=True)
def trusted(monkeypatch, tmp_path):
    CA.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))


def mail():
    return digest(message_of([subject()]), ENVELOPE)


def server(port, *, password=PASSWORD, tls="starttls"):
    held = None if password is None else Secret(password)
    return MailServer(host="localhost", port=port, tls=tls, user=USER if held else None, password=held)


def deliver(to, clock=None, **policy):
    return send_mail(to, mail(), clock=(clock or FastClock()).clock, policy=Policy(**policy))


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_an_email_arrives_by_tls_and_with_the_password(tls):
    with mail_served(tls=tls) as (inbox, port):
        assert deliver(server(port, tls=tls)) == ()
    (arrived,) = inbox.mails
    assert inbox.logins
    assert inbox.recipients == [["ops@example.org", "dev@example.org"]]
    assert arrived["Subject"].startswith(
        "Battle: FAIL: failover.py:night, simulated world, seed 7: success_rate"
    )
    assert arrived["Message-ID"] == f"<battle-{subject().event_id}@example.org>"
    assert REASONS[1] in arrived.get_body(("plain",)).get_content()
    assert "p95_latency_ms was missed" in arrived.get_body(("html",)).get_content()


def test_without_starttls_nothing_is_sent_in_the_clear():
    with (
        mail_served(tls="off") as (inbox, port),
        pytest.raises(DeliveryError, match="offers no STARTTLS") as caught,
    ):
        deliver(server(port))
    assert not inbox.mails
    assert not inbox.logins
    assert PASSWORD not in str(caught.value)


def test_clear_text_must_be_asked_for_and_carries_no_password():
    with mail_served(tls="off") as (inbox, port):
        deliver(server(port, password=None, tls="off"))
    assert len(inbox.mails) == 1
    with pytest.raises(BattleError, match="would send the password in clear text"):
        server_of("localhost", "off", USER, Secret(PASSWORD))


def test_a_wrong_password_is_refused_once_and_not_shown():
    with (
        mail_served() as (inbox, port),
        pytest.raises(DeliveryError, match="refused the user and password") as caught,
    ):
        deliver(server(port, password="planted-and-wrong"))
    assert inbox.logins == ["PLAIN", "LOGIN"]  # each way that the server offers, once
    assert inbox.mails == []
    assert "planted" not in str(caught.value)


def test_a_certificate_of_another_host_is_refused():
    with (
        mail_served(trusted=False) as (inbox, port),
        pytest.raises(DeliveryError, match="certificate") as caught,
    ):
        deliver(server(port))
    assert not inbox.mails
    assert not inbox.logins
    assert "TLS failed" in str(caught.value)


def test_a_server_that_is_busy_is_asked_again():
    clock = FastClock()
    with mail_served() as (inbox, port):
        inbox.answers = ["451 try later", "421 shutting down", "250 OK"]
        deliver(server(port), clock)
    assert len(inbox.mails) == 1
    assert clock.waited == [1.0, 2.0]


def test_a_server_that_refuses_is_not_asked_again():
    clock = FastClock()
    with mail_served() as (inbox, port):
        inbox.answers = ["554 spam"]
        with pytest.raises(DeliveryError, match="status 554: spam"):
            deliver(server(port), clock)
    assert clock.waited == []


def test_an_answer_that_was_lost_is_not_sent_again():
    with mail_served() as (inbox, port):
        inbox.answers = ["drop"]
        with pytest.raises(UnknownDeliveryError, match="may or may not have accepted"):
            deliver(server(port))
    assert inbox.mails == []


def test_one_wrong_recipient_does_not_stop_the_others():
    with mail_served() as (inbox, port):
        inbox.refused = {"ops@example.org"}
        assert deliver(server(port)) == ("ops@example.org was refused (status 550): no such user here",)
        assert inbox.recipients == [["dev@example.org"]]
        inbox.refused |= {"dev@example.org"}
        with pytest.raises(DeliveryError, match="status 550"):
            deliver(server(port))


def test_a_server_that_is_down_is_asked_again():
    with mail_served() as (_, port):
        pass
    clock = FastClock()
    with pytest.raises(DeliveryError, match="after 2 attempts: it cannot be reached"):
        deliver(server(port), clock, attempts=2)
    assert clock.waited == [1.0]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ((None, None, None, None), "BATTLE_SMTP is not set"),
        (("user:pw@host", None, None, None), "variables of their own"),
        (("host:smtp", None, None, None), "is HOST:PORT"),
        (("host:0", None, None, None), "is HOST:PORT"),
        (("host", "ssl", None, None), "one of starttls, tls, off"),
        (("host", None, "user", None), "go together"),
        (("host", None, None, Secret("x")), "go together"),
    ],
)
def test_settings_that_are_not_complete_are_refused(settings, problem):
    with pytest.raises(BattleError, match=problem):
        server_of(*settings)


def test_the_port_follows_from_the_kind_of_tls():
    def found(text, tls=None):
        one = server_of(text, tls, None, None)
        return one.host, one.port, one.tls

    assert found("mail.example.org") == ("mail.example.org", 587, "starttls")
    assert found("mail.example.org:465") == ("mail.example.org", 465, "tls")
    assert found("mail.example.org", "tls") == ("mail.example.org", 465, "tls")
    assert found("[::1]:25", "off") == ("::1", 25, "off")
    assert found("[::1]") == ("::1", 587, "starttls")


def test_charts_are_in_the_html_where_it_names_them():
    one = run(run_id="r/1")
    pictures = [Picture(run_id="r/1", name="latency_over_time", about="Latency", png=PNG)]
    made = digest(message_of([subject(one)]), ENVELOPE, pictures)
    assert [part.get_content_type() for part in made.walk()] == [
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
    ]
    html, image = list(made.walk())[3:]
    cid = image["Content-ID"].strip("<>")
    assert f'src="cid:{cid}"' in html.get_content()
    assert image.get_content() == PNG
    assert image.get_content_disposition() == "inline"


def test_nothing_from_a_run_is_markup_or_a_header():
    hostile = "x\r\nBcc: all@example.org\r\n\r\n<script>alert(1)</script>"
    one = run(name=hostile, reasons=(hostile,), headline=hostile)
    made = digest(message_of([suite(one, title=hostile)], "https://ci.example.org/1"), ENVELOPE)
    assert made["Bcc"] is None
    assert "<script>" not in made.get_body(("html",)).get_content()
    assert len(made["Subject"]) <= 180
    made.as_bytes()


@pytest.mark.parametrize("text", ["nobody", "", "a@b\nBcc: c@d", "a@", "@b"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(BattleError, match="is not an address"):
        digest(
            message_of([subject()]),
            Envelope(sender=text, recipients=("a@b.c",), written_at=ENVELOPE.written_at),
        )


def sent_to(port, *recipients, clock=None):
    envelope = msgspec.structs.replace(ENVELOPE, sender="Zoë <battle@exämple.org>", recipients=recipients)
    return send_mail(
        server(port),
        digest(message_of([subject()]), envelope),
        clock=(clock or FastClock()).clock,
        policy=Policy(),
    )


def test_names_and_domains_beyond_ascii_arrive_at_any_server():
    with mail_served(utf8=False) as (inbox, port):
        assert sent_to(port, "Zoë <z@exämple.org>", "ops@straße.example") == ()
    (arrived,) = inbox.mails
    assert inbox.recipients == [["z@xn--exmple-cua.org", "ops@xn--strae-oqa.example"]]
    assert [one.display_name for one in arrived["To"].addresses] == ["Zoë", ""]
    assert str(arrived["From"]) == "Zoë <battle@xn--exmple-cua.org>"
    assert arrived["Message-ID"].endswith("@xn--exmple-cua.org>")


def test_letters_beyond_ascii_before_the_at_sign_go_to_a_server_that_takes_them():
    with mail_served() as (inbox, port):
        assert sent_to(port, "Zoë <zoë@exämple.org>") == ()
    assert inbox.recipients == [["zoë@xn--exmple-cua.org"]]
    to = str(inbox.mails[0]["To"]).encode(errors="surrogateescape").decode()  # as the bytes came
    assert to == "Zoë <zoë@xn--exmple-cua.org>"


def test_any_other_server_is_not_asked_twice_to_take_them():
    clock = FastClock()
    with mail_served(utf8=False) as (inbox, port), pytest.raises(DeliveryError) as caught:
        sent_to(port, "ops@example.org", "zoë@exämple.org", clock=clock)
    assert "no SMTPUTF8, so it takes no letters beyond ASCII before the @: zoë@xn--exmple-cua.org" in str(
        caught.value
    )
    assert not inbox.mails
    assert clock.waited == []


@pytest.mark.parametrize("text", ["zoë", "zoë@", "z@-ä-.org", "z@.ä", "zo ë@x.org", "z@ä..org", "ë@ë@x.org"])
def test_what_is_no_address_is_refused_at_once(text):
    with pytest.raises(BattleError, match="is not an address"):
        address(text, "--to")


def test_a_password_beyond_ascii_is_refused_once_and_not_shown():
    clock = FastClock()
    with (
        mail_served() as (_, port),
        pytest.raises(DeliveryError, match="has letters beyond ASCII") as caught,
    ):
        deliver(server(port, password="plantëd"), clock)
    assert "plant" not in str(caught.value)
    assert clock.waited == []
