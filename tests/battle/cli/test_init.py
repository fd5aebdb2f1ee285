"""What `battle init` advises when no gateway was found where it was looked for."""

import pytest

from battle import BattleError, UrlGateway
from battle.cli import init
from battle.probing.probe import Answer, Found

URL = "https://gateway.example/rpc"
REFUSED = Answer(URL, "status", f"{URL}: 401 Unauthorized, no JSON-RPC", 401)


def refused(answer, gateway):
    found = None if answer is None else Found(answer, (answer,), None)
    with pytest.raises(BattleError) as raised:
        init._seen([found], gateway, "give the whole URL")
    return str(raised.value)


@pytest.mark.parametrize(
    ("gateway", "advice"),
    [
        (UrlGateway(URL), "it wants to know who asks; give --header"),
        (
            UrlGateway(URL, headers={"X-Key": "${KEY}"}),
            "it was sent X-Key, and refuses who asks: check the name",
        ),
        (UrlGateway("https://me:secret@gateway.example"), "it refuses who asks: check the key in the URL"),
        (UrlGateway("https://gateway.example/${KEY}"), "it refuses who asks: check the key in the URL"),
    ],
)
def test_who_is_refused_hears_what_to_check(gateway, advice):
    said = refused(REFUSED, gateway)
    assert said.startswith(f"{URL}: 401 Unauthorized, no JSON-RPC: {advice}")
    assert ("give --header" in said) is (gateway == UrlGateway(URL))


def test_a_port_without_tls_is_no_port_where_nothing_listens():
    no_tls = Answer(URL, "silent", f"{URL}: it takes no TLS there", no_tls=True)
    assert refused(no_tls, UrlGateway(URL)).startswith(f"{URL}: it takes no TLS there: write http://")
    assert refused(None, UrlGateway(URL)) == f"nothing listens at {URL}: start the gateway first"
