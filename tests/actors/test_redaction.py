"""What of a URL is a secret is sent where it belongs, and shown nowhere."""

from base64 import b64decode
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.redaction import basic_authorization, redacted
from battle.actors.spec.gateways import UrlGateway

# Letters that stand in no other part of the URLs below, so that finding them means that they leaked.
SECRETS = st.text(st.sampled_from("QXZ7"), min_size=15, max_size=40).map(lambda text: f"{text}7")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/"),
        ("http://127.0.0.1:4000/main/evm/1", "http://127.0.0.1:4000/main/evm/1"),
        ("http://anna:secret@host:1/rpc", "http://***@host:1/rpc"),
        ("ws://token@host", "ws://***@host"),
        ("http://a:p/ss@w@host:1/x", "http://***@host:1/x"),
        ("http://a:secret@host:no port/x", "http://***@host:no port/x"),
        ("https://host/v3/0123456789abcdef0123456789abcdef", "https://host/v3/***"),
        ("http://host/rpc?apikey=abc&chain=1", "http://host/rpc?apikey=***&chain=***"),
        ("http://host?key", "http://host?***"),
        ("nobody answers at http://a:b@h:1/: start it", "nobody answers at http://***@h:1/: start it"),
        (
            "UrlGateway(url='http://a:b@h', ws_url='ws://c:d@h')",
            "UrlGateway(url='http://***@h', ws_url='ws://***@h')",
        ),
        ("no answer at http://h/rpc?key=abc: start it", "no answer at http://h/rpc?key=***: start it"),
        ("It is at (http://h/rpc?key=abc).", "It is at (http://h/rpc?key=***)."),
        ("no URL at all: a:b@h", "no URL at all: a:b@h"),
    ],
)
def test_what_is_shown(url, shown):
    assert redacted(url) == shown


AROUND = st.sampled_from(["{}", "'{}'", "at {}: no"])


@given(user=SECRETS, password=SECRETS, key=SECRETS, query=SECRETS, around=AROUND)
def test_no_secret_is_shown(user, password, key, query, around):
    url = f"http://{user}:{password}@host:8545/v2/{key}?token={query}"
    shown = redacted(around.format(url))
    assert not any(secret in shown for secret in (user, password, key, query))
    assert "host:8545" in shown


@given(SECRETS, SECRETS)
def test_a_spec_shows_no_secret(password, key):
    gateway = UrlGateway(f"http://anna:{password}@host:1/{key}", ws_url=f"ws://anna:{password}@host:2/{key}")
    assert password not in repr(gateway)
    assert key not in repr([gateway])
    wrong = UrlGateway(f"ftp://anna:{password}@host:1/{key}")
    assert list(wrong.problems()) != []
    assert not any(password in problem or key in problem for problem in wrong.problems())


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_credentials_are_sent_as_they_were_meant(user, password):
    url = f"http://{quote(user, safe='')}:{quote(password, safe='')}@host:1/"
    scheme, _, encoded = basic_authorization(url).partition(" ")
    assert scheme == "Basic"
    assert b64decode(encoded).decode() == f"{user}:{password}"


def test_without_credentials_nothing_is_sent():
    assert basic_authorization("http://host/") == ""
