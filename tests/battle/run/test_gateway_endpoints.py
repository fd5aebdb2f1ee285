"""Where a gateway is reached, as its file says: addresses, paths, headers, TLS, and secrets in their places."""

from typing import cast

import pytest
import trustme

from battle import CommandGateway, EmbeddedGateway, StartError, UrlGateway
from battle.actors.spec.endpoints import Endpoint, Tls
from battle.actors.wire.http.messages import encode_get, request_head_to
from battle.actors.world.cluster import Cluster
from battle.run.gateway_endpoints import gateway_endpoints


class Reserving:
    """All that is needed of a cluster: it gives the ports that are asked for, and counts the others from 9001."""

    def __init__(self):
        self.last = 9000

    def reserve(self, node, port=0):
        self.last += not port
        return f"127.0.0.1:{port or self.last}"


def of(gateway):
    return gateway_endpoints(gateway, cast(Cluster, Reserving()))


@pytest.fixture(autouse=True)
def variables(monkeypatch):
    monkeypatch.setenv("KEY", "s3cret")
    monkeypatch.setenv("WHERE", "https://anna:pw@rpc.example/v1")
    monkeypatch.setenv("LINES", "two\nlines")


def test_a_program_has_the_ports_it_asks_for():
    gateway = CommandGateway(
        ("it",),
        path="/main",
        ws_path="/ws",
        ws_port=True,
        ports={"stats": 8404, "admin": 0},
        tls=True,
        verify=False,
    )
    found, tls = of(gateway), Tls("localhost", verify=False)
    assert found.http == Endpoint("127.0.0.1:9001", "/main", {}, tls)
    assert found.ws == Endpoint("127.0.0.1:9002", "/ws", {}, tls)
    assert found.ports == {"stats": "127.0.0.1:8404", "admin": "127.0.0.1:9003"}
    assert of(CommandGateway(("it",), path="/main", ws_port=8546)).ws == Endpoint("127.0.0.1:8546", "/main")


def test_the_embedded_one_has_one_port_for_all():
    found = of(EmbeddedGateway())
    assert found.http == found.ws == Endpoint("127.0.0.1:9001")


def test_a_url_says_it_all(tmp_path):
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    gateway = UrlGateway(
        "https://rpc.example/v1/${KEY}", ws_url="wss://[::1]:8546/ws", headers={"X-Secret": "${KEY}"},
        ca_file="ca.pem", here=str(tmp_path),
    )  # fmt: skip
    found, ca_file = of(gateway), str(tmp_path / "ca.pem")
    headers = {"x-secret": "s3cret"}
    assert found.http == Endpoint("rpc.example:443", "/v1/s3cret", headers, Tls("rpc.example", ca_file))
    assert found.ws == Endpoint("[::1]:8546", "/ws", headers, Tls("::1", ca_file))


def test_a_whole_url_can_be_a_secret_with_credentials_in_it():
    found = of(UrlGateway("${WHERE}"))
    assert found.http == found.ws
    assert found.http.headers == {"authorization": "Basic YW5uYTpwdw=="}


@pytest.mark.parametrize(
    ("gateway", "says"),
    [
        (
            UrlGateway("http://rpc/${NO_SUCH_KEY}"),
            "gateway http://rpc needs .* NO_SUCH_KEY, which is not set",
        ),
        (UrlGateway("${KEY}", name="x"), r"gateway x: \$\{KEY\} is no URL with the values of its variables"),
        (
            CommandGateway(("it",), headers={"X-A": "${LINES}"}),
            r"\$\{LINES\} in its header X-A is not printable",
        ),
    ],
)
def test_what_a_variable_cannot_be_is_said_without_its_value(gateway, says):
    with pytest.raises(StartError, match=says) as caught:
        of(gateway)
    assert not any(secret in str(caught.value) for secret in ("s3cret", "two"))


def test_a_host_header_of_ones_own_takes_the_place_of_the_usual_one():
    endpoint = Endpoint("127.0.0.1:1", "/x", {"Host": "rpc.example", "X-A": "1"})
    for head in (request_head_to(endpoint), encode_get(endpoint)):
        assert head.count(b"host:") == 1
        assert b"host: rpc.example\r\n" in head
        assert b"x-a: 1\r\n" in head


def test_an_endpoint_is_shown_without_the_values_of_its_headers():
    assert "s3cret" not in repr(Endpoint("rpc:1", "/x", {"x-secret": "s3cret"}))
