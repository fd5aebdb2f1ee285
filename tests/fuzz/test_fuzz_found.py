"""What fuzzing has found, each as small as it gets."""

import msgspec
import pytest

from battle.actors.chain.model import ChainModel
from battle.actors.gateway.calls.proxied_request import ProxiedRequest, read_proxied
from battle.actors.provider.answerer import MAX_BATCH_BYTES, CallAnswerer, read_received
from battle.actors.spec.limits import HttpLimits
from battle.actors.units import seconds
from battle.actors.wire.correlation import REQUEST_ID_HEADER, found_in_request
from battle.actors.wire.http.messages import HttpRequest, ProtocolError
from battle.actors.wire.http.parsers import RequestParser
from battle.actors.wire.jsonrpc import (
    INVALID_REQUEST,
    LIMIT_EXCEEDED,
    MAX_BATCH_CALLS,
    METHOD_CHARACTERS,
    PARSE_ERROR,
    Call,
    Invalid,
    read_calls,
)
from tests.actors.worlds import simulated
from tests.fuzz.http_inputs import HEAD, encoded
from tests.fuzz.inputs import Input, Say
from tests.fuzz.rpc_inputs import call
from tests.fuzz.stage import CHAIN, Connection, exchange, gateway_node, provider_node

both_nodes = pytest.mark.parametrize("make_node", [provider_node, gateway_node])


@both_nodes
@pytest.mark.parametrize("more", [(), ((b"upgrade", b"websocket"), (b"connection", b"upgrade"))])
def test_the_answer_to_head_has_no_body(make_node, more):
    request = encoded(b"HEAD", headers=((b"host", b"a"), *more))

    async def main(stage):
        connection, _ = await exchange(await make_node(stage), Input("", (Say(request),)))
        return connection.data

    heard = simulated(main)
    assert heard[:13] in (b"HTTP/1.1 405 ", b"HTTP/1.1 415 ")
    assert heard.count(b"\r\n\r\n") == 1
    assert heard.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    "text",
    [
        call("m", None, b'"\xff"'),
        call("m", None, b'"\xff"', version=b"1"),
        call("m", None, b'"\xed\xa0\x80"'),
    ],
)
def test_an_id_that_is_no_unicode_does_not_come_back(text):
    for item in (read_calls(text), read_calls(b"[%b]" % text)):
        assert isinstance(item, Invalid)
        assert (item.error.code, bytes(item.id)) == (PARSE_ERROR, b"null")


def test_a_batch_of_too_many_elements_is_not_read():
    most = [b"1"] * MAX_BATCH_CALLS
    items = read_calls(b"[%b]" % b",".join(most))
    assert isinstance(items, list)
    assert len(items) == MAX_BATCH_CALLS
    item = read_calls(b"[%b]" % b",".join([*most, b"1"]))
    assert isinstance(item, Invalid)
    assert item.error.code == INVALID_REQUEST


def test_the_answers_to_a_batch_are_bounded_together():
    text = b"[%b]" % b",".join([call("eth_getLogs", b'[{"fromBlock":"0x0"}]')] * 50)
    question = read_received(HttpRequest("POST", "/", {}, text, True), 1000)
    answers = msgspec.json.decode(
        CallAnswerer(ChainModel(CHAIN), {}).answer(question, 500), type=list[msgspec.Raw]
    )
    assert len(answers) == 50
    largest = max(len(bytes(it)) for it in answers)
    assert MAX_BATCH_BYTES < sum(len(bytes(it)) for it in answers) < MAX_BATCH_BYTES + 2 * largest
    assert msgspec.json.decode(answers[-1])["error"]["code"] == LIMIT_EXCEEDED


def _with_trailers(trailers):
    parser = RequestParser(HttpLimits(header_bytes=1000))
    headers = (*HEAD, (b"transfer-encoding", b"chunked"))
    parser.feed(encoded(headers=headers, body=b"0\r\n" + trailers + b"\r\n"))
    return parser.next_request()


def test_trailers_are_as_limited_as_headers():
    with pytest.raises(ProtocolError) as raised:
        _with_trailers(b"".join(b"a%d: b\r\n" % number for number in range(200)))
    assert raised.value.status == 413


def test_trailers_do_not_change_the_head():
    request = _with_trailers(b"host: b\r\nx-battle-request: w0-1\r\n")
    assert request.headers == {**dict(HEAD), b"transfer-encoding": b"chunked"}


def test_request_ids_that_clients_make_up_are_short():
    assert found_in_request({REQUEST_ID_HEADER: b"x" * 128}, b"", "") == "x" * 128
    assert found_in_request({REQUEST_ID_HEADER: b"x" * 129}, b'"w0-1"', "") == "w0-1"
    assert found_in_request({}, b'"w0-%b"' % (b"1" * 1000), "") is None


def test_of_a_long_method_a_short_name_is_kept():
    text = call("m" * 10_000)
    proxied = read_proxied(HttpRequest("POST", "/", {}, text, True), 1)
    assert isinstance(proxied, ProxiedRequest)
    assert proxied.body == text
    (asked,) = read_received(HttpRequest("POST", "/", {}, text, True), 1).asked
    assert isinstance(asked.item, Call)
    assert proxied.method == asked.method == "m" * METHOD_CHARACTERS


@both_nodes
def test_empty_lines_do_not_keep_a_connection(make_node):
    async def main(stage):
        node = await make_node(stage)
        connection = Connection(await stage.client.connect(node.address))
        for _ in range(10):
            connection.stream.write(b"\r\n")
            await stage.sleep(seconds(20))
        connection.stream.close()
        return connection.ended

    assert simulated(main) == "closed"
