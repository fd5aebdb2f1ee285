"""Gateways that run elsewhere: what of a URL is connected to, and what the Host header says."""

import pytest

from battle.actors.addresses import endpoint
from battle.actors.spec.gateways import UrlGateway
from battle.actors.spec.limits import HttpLimits
from battle.actors.wire.http.messages import encode_request, request_head
from battle.actors.wire.http.parsers import RequestParser


def host_sent(address: str) -> bytes:
    """As a strict server reads it."""
    parser = RequestParser(HttpLimits())
    parser.feed(encode_request(request_head(address), b"{}"))
    request = parser.next_request()
    assert request is not None
    return request.headers[b"host"]


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://a:8545", "a:8545"),
        ("http://A.example", "a.example:80"),
        ("http://127.0.0.1:1/rpc?x=1", "127.0.0.1:1"),
        ("http://[::1]:8545", "[::1]:8545"),
        ("http://[2001:DB8::1]/rpc", "[2001:db8::1]:80"),
        ("http://[::ffff:127.0.0.1]:1", "[::ffff:127.0.0.1]:1"),
        ("http://b\u00fccher.example:1", "xn--bcher-kva.example:1"),
    ],
)
def test_the_address_is_what_the_host_header_says(url, address):
    gateway = UrlGateway(url, ws_url=url.replace("http", "ws"))
    assert not [*gateway.problems()]
    assert endpoint(gateway.url)[0] == endpoint(gateway.ws_url)[0] == address
    assert host_sent(address) == address.encode()


@pytest.mark.parametrize("host", ["[::1", "a b", "a\u0000", "[zz]", "a,b", "\u3002\u3002"])
def test_a_host_that_no_header_can_name_is_a_problem(host):
    assert [*UrlGateway(f"http://{host}:1").problems()]
