"""What is found of a gateway at a URL: where it answers, what it wants, and what is no JSON-RPC."""

import json
import socket
import ssl
from functools import partial
from urllib.parse import urlsplit

import httpx
import pytest
import trio
from trio.testing import MockClock
from trio_websocket import serve_websocket

from battle.probing.probe import ANSWER_S, PATHS, Found, ask, probe, takes_websockets, ws_candidates
from tests.battle.local_service import Reply, served
from tests.end_to_end.tls_upstream import private_ca, tls_upstream

CHAIN_7 = b'{"jsonrpc":"2.0","id":"battle-init","result":"0x7"}'


def found_at(url: str, headers: dict[str, str] | None = None) -> Found | None:
    return trio.run(partial(probe, url, headers or {}, patience_s=0.0))


NOT_HERE = Reply(404, b"not here")


def answering(path, reply, otherwise=NOT_HERE):
    """A service that answers at one path, and whoever asks it anything but the chain's id has failed."""

    def answer(received):
        if received.method != "POST":
            return otherwise
        assert json.loads(received.body)["method"] == "eth_chainId"
        return reply if received.path == path else otherwise

    return served(answer=answer)


@pytest.mark.parametrize("path", PATHS)
def test_the_path_is_found_where_gateways_are_used_to_answer(path):
    with answering(path, Reply(200, CHAIN_7)) as service:
        found = found_at(service.url)
    assert found is not None
    assert (found.http.kind, found.http.chain_id) == ("result", 7)
    assert found.http.url == service.url + path
    assert found.http.detail == f"{service.url}{path}: chain 7"
    assert found.ws_url is None


def test_a_path_that_is_given_is_the_only_one_asked():
    with answering("/", Reply(200, CHAIN_7)) as service:
        found = found_at(service.url + "/elsewhere")
    assert found is not None
    assert [one.detail for one in found.tried] == [f"{service.url}/elsewhere: 404 Not Found, no JSON-RPC"]


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"7", b'{"ok":true}', b"\xff", b"[" * 2000])
def test_what_is_no_json_rpc_is_a_status(body):
    with answering("/", Reply(200, body), Reply(200, body)) as service:
        found = found_at(service.url)
    assert found is not None
    assert {one.kind for one in found.tried} == {"status"}


def test_a_gateway_without_an_upstream_is_known_by_its_error_and_beats_a_wrong_place():
    error = b'{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"no upstream"}}'
    with answering("/rpc", Reply(502, error)) as service:
        found = found_at(service.url)
    assert found is not None
    assert (found.http.kind, found.http.status) == ("error", 502)
    with answering("/rpc", Reply(502, b"Bad Gateway")) as service:
        found = found_at(service.url)
    assert found is not None
    assert (found.http.kind, found.http.url) == ("status", service.url + "/rpc")


@pytest.mark.parametrize("status", [401, 403, 407])
def test_who_wants_to_know_who_asks_is_found_out_and_headers_are_sent(status):
    def answer(received):
        return Reply(200, CHAIN_7) if received.headers.get("x-token") == "open" else Reply(status, b"who?")

    with served(answer=answer) as service:
        without = found_at(service.url + "/rpc")
        with_it = found_at(service.url + "/rpc", {"X-Token": "open"})
    assert without is not None
    assert with_it is not None
    assert (without.http.wants_header, with_it.http.wants_header) == (True, False)
    assert with_it.http.chain_id == 7


def test_where_nothing_listens_nothing_is_found():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert found_at(f"http://127.0.0.1:{port}/") is None


def test_no_secret_of_a_url_is_in_what_is_said():
    key = "a1b2c3d4e5f6a7b8c9d0"
    with answering(f"/v2/{key}", Reply(200, CHAIN_7)) as service:
        found = found_at(f"{service.url}/v2/{key}")
    assert found is not None
    assert key in found.http.url, "it is asked there"
    assert key not in found.http.detail


def test_an_answer_that_never_ends_is_silence():
    """Its pieces come often enough for httpx."""

    async def body():
        while True:
            await trio.sleep(1)
            yield b": still there\n\n"

    async def serve(request):
        return httpx.Response(200, content=body())

    async def asked():
        began = trio.current_time()
        async with httpx.AsyncClient(transport=httpx.MockTransport(serve), timeout=ANSWER_S) as client:
            answer = await ask(client, "http://gateway/")
        assert trio.current_time() - began == ANSWER_S
        return answer

    answer = trio.run(asked, clock=MockClock(autojump_threshold=0))
    assert (answer.kind, answer.detail) == ("silent", "http://gateway/: no whole answer within 5 s")


@pytest.mark.parametrize(
    ("status", "body", "detail"),
    [
        (401, b'{"error":"invalid api key"}', "401 Unauthorized, no JSON-RPC"),
        (401, b'{"error":{"message":"Must be authenticated!"}}', "401 Unauthorized, no JSON-RPC"),
        (403, b'{"result":null,"success":false}', "403 Forbidden, no JSON-RPC"),
        (
            401,
            b'{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"who\\nasks?"}}',
            "401 Unauthorized, JSON-RPC error -32000 (who asks?)",
        ),
        (
            200,
            b'{"id":1,"error":{"code":-32603,"message":"no upstream"}}',
            "JSON-RPC error -32603 (no upstream)",
        ),
        (200, b'{"jsonrpc":"2.0","error":"no"}', "JSON-RPC error (no)"),
        (200, b'{"jsonrpc":"2.0","error":{"code":7}}', "JSON-RPC error 7"),
        (200, b'{"id":1,"result":"0x7"}', "chain 7"),
    ],
)
def test_the_status_is_named_and_an_error_is_told_in_words(status, body, detail):
    with answering("/rpc", Reply(status, body)) as service:
        found = found_at(f"{service.url}/rpc")
    assert found is not None
    assert found.http.detail == f"{service.url}/rpc: {detail}"
    assert found.http.kind == (
        "status" if "no JSON-RPC" in detail else "error" if "error" in detail else "result"
    )


def test_a_port_without_tls_listens():
    with served() as service:
        url = service.url.replace("http://", "https://") + "/rpc"
        found = found_at(url)
    assert found is not None
    assert (found.http.detail, found.http.no_tls) == (f"{url}: it takes no TLS there", True)


def test_a_certificate_that_is_not_trusted_is_the_reason(tmp_path):
    ca, _ = private_ca(tmp_path)
    with tls_upstream(ca, "/", "key") as (port, _):
        found = found_at(f"https://localhost:{port}/rpc")
    assert found is not None
    assert "its certificate is not trusted: give `ca_file`" in found.http.detail
    assert not found.http.no_tls


def test_the_port_after_the_last_is_not_tried():
    assert ws_candidates(urlsplit("http://a:65534/"))[-1] == "ws://a:65535/ws"
    assert ws_candidates(urlsplit("http://a:65535/rpc")) == [
        "ws://a:65535/rpc",
        "ws://a:65535/ws",
        "ws://a:65535/rpc/ws",
        "ws://a:65535/",
    ]


def test_credentials_of_a_url_are_sent_for_a_websocket_as_well():
    async def answer_one(task_status):
        async def handler(request):
            said.append(dict(request.headers)[b"authorization"])
            socket = await request.accept()
            await socket.get_message()
            await socket.send_message(CHAIN_7.decode())

        listening = partial(serve_websocket, handler, "127.0.0.1", 0, None)
        async with trio.open_nursery() as nursery:
            server = await nursery.start(listening)
            task_status.started(server.port)

    async def tried():
        async with trio.open_nursery() as nursery:
            port = await nursery.start(answer_one)
            trust = ssl.create_default_context()
            took.append(await takes_websockets(f"ws://me:secret@127.0.0.1:{port}/", {}, trust))
            nursery.cancel_scope.cancel()

    said, took = [], []
    trio.run(tried)
    assert (took, said) == ([True], [b"Basic bWU6c2VjcmV0"])
