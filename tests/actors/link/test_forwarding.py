"""What a link changes of the messages it passes, and what it leaves."""

import pytest

from battle.actors.link.forwarding import forwarded_handshake, forwarded_request, forwarded_response, joined
from battle.actors.spec.endpoints import Endpoint, Tls
from battle.actors.spec.limits import HttpLimits
from battle.actors.wire.http.messages import HttpRequest, HttpResponse
from battle.actors.wire.http.parsers import RequestParser

UPSTREAM = Endpoint("rpc.example:443", "/v2/key?a=1", {"X-Api-Key": "secret"}, Tls("rpc.example"))


def request(method="POST", target="/", body=b"{}", **headers):
    named = {name.replace("_", "-").encode(): value for name, value in headers.items()}
    return HttpRequest(method, target, {b"host": b"127.0.0.1:9", **named}, body, keep_alive=True)


def parsed(data):
    parser = RequestParser(HttpLimits())
    parser.feed(data)
    return parser.next_request()


def test_the_upstream_gets_its_own_path_host_and_headers_and_the_clients_message():
    passed = parsed(
        forwarded_request(
            request(
                content_type=b"application/json", user_agent=b"a gateway", x_battle_request=b"w0-1",
                connection=b"keep-alive, x-hop", x_hop=b"1", keep_alive=b"timeout=5", accept_encoding=b"br, gzip",
            ),
            UPSTREAM,
        )
    )  # fmt: skip
    assert (passed.method, passed.target, passed.body) == ("POST", "/v2/key?a=1", b"{}")
    assert passed.headers == {
        b"host": b"rpc.example",
        b"content-type": b"application/json",
        b"user-agent": b"a gateway",
        b"x-api-key": b"secret",
        b"accept-encoding": b"gzip",
        b"content-length": b"2",
    }


def test_a_port_that_is_not_the_schemes_own_is_in_the_host():
    for address, tls, host in (
        ("rpc.example:80", None, b"rpc.example"),
        ("rpc.example:443", None, b"rpc.example:443"),
        ("rpc.example:8443", Tls("rpc.example"), b"rpc.example:8443"),
    ):
        assert parsed(forwarded_request(request(), Endpoint(address, tls=tls))).headers[b"host"] == host


def test_who_accepts_no_coding_gets_none():
    assert parsed(forwarded_request(request(), UPSTREAM)).headers[b"accept-encoding"] == b"identity"


@pytest.mark.parametrize(
    ("base", "target", "whole"),
    [
        ("/", "/", "/"),
        ("/", "/health?full=1", "/health?full=1"),
        ("/v2/key", "/", "/v2/key"),
        ("/v2/key/", "/health", "/v2/key/health"),
        ("/v2?key=1", "/?x=2", "/v2?key=1&x=2"),
        ("/v2", "*", "/v2"),
    ],
)
def test_what_a_client_asks_for_is_below_the_upstreams_path(base, target, whole):
    assert joined(base, target) == whole


def test_a_head_goes_as_get_and_is_answered_without_a_body():
    asked = request("HEAD", body=b"")
    assert parsed(forwarded_request(asked, UPSTREAM)).method == "GET"
    answer = forwarded_response(HttpResponse(200, {}, b"12345", keep_alive=True), asked)
    assert answer.endswith(b"content-length: 5\r\n\r\n")


def test_the_client_gets_status_body_and_headers_but_no_way_around_the_link():
    response = HttpResponse(
        301,
        {
            b"content-type": b"text/html", b"location": b"https://rpc.example/v2/key", b"set-cookie": b"session=1",
            b"retry-after": b"5", b"transfer-encoding": b"chunked",
        },
        b"moved",
        keep_alive=False,
    )  # fmt: skip
    assert forwarded_response(response, request()) == (
        b"HTTP/1.1 301 Moved Permanently\r\ncontent-type: text/html\r\nconnection: close\r\nretry-after: 5\r\n"
        b"content-length: 5\r\n\r\nmoved"
    )


def test_a_handshake_offers_no_extension_so_that_the_link_can_read_frames():
    asked = request("GET", sec_websocket_extensions=b"permessage-deflate", sec_websocket_key=b"k")
    passed = parsed(forwarded_handshake(asked, UPSTREAM))
    assert b"sec-websocket-extensions" not in passed.headers
    assert passed.headers[b"sec-websocket-key"] == b"k"


def test_a_handshake_keeps_its_key():
    asked = request("GET", "/", b"", sec_websocket_key=b"abc", connection=b"Upgrade", upgrade=b"websocket")
    assert forwarded_handshake(asked, Endpoint("rpc.example:80", "/ws")) == (
        b"GET /ws HTTP/1.1\r\nhost: rpc.example\r\nsec-websocket-key: abc\r\nconnection: upgrade\r\n"
        b"upgrade: websocket\r\n\r\n"
    )
