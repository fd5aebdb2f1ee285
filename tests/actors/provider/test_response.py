"""What goes to the client for each fate, over HTTP and in WebSocket messages."""

import msgspec
import pytest

from battle.actors.chain.model import ChainModel
from battle.actors.provider.answerer import CallAnswerer, read_received
from battle.actors.provider.chain_view import InForce
from battle.actors.provider.response import refused_handshake, respond, respond_in_message
from battle.actors.provider.response_plan import CallFailure, ResponsePlan
from battle.actors.spec.chain import Chain
from battle.actors.spec.failures import HttpFailure, RpcFailure
from battle.actors.spec.faults.behaviour import StaleHead, WrongAnswer
from battle.actors.wire.http.client import RESPONSE_LIMITS
from battle.actors.wire.http.messages import HttpRequest, ProtocolError
from battle.actors.wire.http.parsers import ResponseParser

HEAD = 1000
ANSWERING = CallAnswerer(ChainModel(Chain(start_height=900)), {})
CALL = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber"}
OTHER = {"jsonrpc": "2.0", "id": 2, "method": "eth_chainId"}
NOTIFICATION = {"jsonrpc": "2.0", "method": "eth_blockNumber"}
STALE = InForce("stale", StaleHead("a"))


def question(body):
    return read_received(HttpRequest("POST", "/", {}, msgspec.json.encode(body), True), 10)


def failing(failure, **more):
    return ResponsePlan(0, failure, "f1", **more)


def received(response):
    """The response as a client reads it."""
    parser = ResponseParser(RESPONSE_LIMITS)
    parser.feed(response.data)
    return parser.next_response()


def over_http(plan, body=CALL, **more):
    asked = question(body)
    response = respond(ANSWERING, asked, plan, HEAD, **more)
    return response, asked.asked


def in_message(plan, body=CALL):
    asked = question(body)
    return respond_in_message(ANSWERING, asked, plan, HEAD), asked.asked


def signed(asked):
    return [one.fault_id for one in asked]


@pytest.mark.parametrize("status", [500, 502, 503])
def test_statuses(status):
    response, (asked,) = over_http(failing(f"http_{status}"))
    assert (received(response).status, received(response).body) == (status, b"")
    assert (response.status, response.outcome(asked), asked.fault_id) == (status, "error", "f1")
    assert b"retry-after" not in received(response).headers


def test_a_limit_says_when_to_come_again():
    response, _ = over_http(failing("http_429", retry_after_s=3))
    assert (response.status, received(response).headers[b"retry-after"]) == (429, b"3")


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        ("rpc_error", -32000),
        ("rpc_server_error", -32000),
        ("rpc_internal_error", -32603),
        ("rpc_limit", -32005),
    ],
)
@pytest.mark.parametrize("send", [over_http, in_message])
def test_rpc_errors(failure, code, send):
    response, (asked,) = send(failing(failure, retry_after_s=3))
    body = received(response).body if response.status else response.data
    assert response.status in (200, None)
    assert msgspec.json.decode(body)["error"]["code"] == code
    assert (asked.rpc_code, asked.fault_id, response.outcome(asked)) == (code, "f1", "error")
    assert b"retry-after" not in response.data


def test_a_response_is_as_it_is_written():
    failure = HttpFailure(402, "pay first", "text/html", {"X-Reason": "credit"})
    response, (asked,) = over_http(failing(failure))
    found = received(response)
    assert (found.status, found.body) == (402, b"pay first")
    assert (found.headers[b"content-type"], found.headers[b"x-reason"]) == (b"text/html", b"credit")
    assert (response.status, response.outcome(asked), asked.fault_id) == (402, "error", "f1")


def test_a_response_that_fails_with_status_200_is_no_answer():
    response, (asked,) = over_http(failing(HttpFailure(200, "<html>")))
    assert (received(response).status, response.outcome(asked)) == (200, "error")
    assert over_http(failing(HttpFailure(204)))[0].status == 204


def test_an_error_is_as_it_is_written_under_its_status():
    failure = RpcFailure(
        -32005, "no {method} for you", {"why": 1}, http_status=403, headers={"Retry-After": "9"}
    )
    response, (asked,) = over_http(failing(failure))
    found = received(response)
    assert (found.status, found.headers[b"retry-after"], response.status) == (403, b"9", 403)
    assert msgspec.json.decode(found.body)["error"] == {
        "code": -32005,
        "message": "no eth_blockNumber for you",
        "data": {"why": 1},
    }
    assert (asked.rpc_code, response.outcome(asked), asked.fault_id) == (-32005, "error", "f1")
    batch, _ = over_http(failing(failure), [CALL, OTHER])
    assert batch.status == 403
    assert over_http(failing(failure), [NOTIFICATION])[0].status == 204
    message, _ = in_message(failing(failure))
    assert msgspec.json.decode(message.data)["error"]["code"] == -32005


def of_methods(*failures, **plan):
    named = [CallFailure(failure, methods, fault_id) for failure, methods, fault_id in failures]
    return ResponsePlan(0, call_failures=tuple(named), **plan)


@pytest.mark.parametrize("send", [over_http, in_message])
def test_in_a_batch_an_error_falls_on_the_calls_of_its_methods(send):
    first, second = RpcFailure(-32601, "no {method}", http_status=403), RpcFailure(-32000)
    plan = of_methods(
        (first, ("eth_chain*",), "f1"), (second, ("eth_chainId", "eth_block*"), "f2"), fault_id="slow"
    )
    response, asked = send(plan, [OTHER, {**CALL, "method": "net_version"}, CALL, 5])
    body = received(response).body if response.status else response.data
    answers = msgspec.json.decode(body)
    assert [one.get("error", {}).get("code") for one in answers] == [-32601, None, -32000, -32600]
    assert answers[0]["error"]["message"] == "no eth_chainId"
    assert signed(asked) == ["f1", "slow", "f2", "slow"]
    assert [response.outcome(one) for one in asked] == ["error", "ok", "error", "error"]
    assert response.status in (200, None)


def test_an_error_of_a_method_is_all_of_the_response_to_one_call():
    failure = RpcFailure(-32601, http_status=403)
    response, (asked,) = over_http(of_methods((failure, ("eth_block*",), None)))
    assert (response.status, asked.rpc_code, response.outcome(asked), asked.fault_id) == (
        403,
        -32601,
        "error",
        None,
    )
    response, (asked,) = over_http(of_methods((failure, ("eth_block*",), "f1")), OTHER)
    assert (response.status, asked.rpc_code, asked.fault_id) == (200, None, None)


def test_an_error_of_a_method_comes_before_that_of_all_and_after_what_fails_the_whole():
    of_chain_id = (RpcFailure(-32601), ("eth_chainId",), "f1")
    _, asked = over_http(of_methods(of_chain_id, failure="rpc_limit", fault_id="f2"), [CALL, OTHER])
    assert [one.rpc_code for one in asked] == [-32005, -32601]
    assert signed(asked) == ["f2", "f1"]
    response, asked = over_http(of_methods(of_chain_id, failure="http_503", fault_id="f2"), [CALL, OTHER])
    assert (response.status, signed(asked)) == (503, ["f2", "f2"])
    response, asked = over_http(of_methods(of_chain_id, failure="invalid_json", fault_id="f2"), OTHER)
    assert (response.is_malformed, signed(asked)) == (True, ["f2"])


def test_calls_that_are_none_keep_the_error_they_have_anyway():
    _, asked = over_http(failing("rpc_limit"), [CALL, 5])
    assert [one.rpc_code for one in asked] == [-32005, -32600]
    assert signed(asked) == ["f1", None]
    _, asked = over_http(failing("http_500"), [CALL, 5])
    assert signed(asked) == ["f1", "f1"]


@pytest.mark.parametrize(
    ("form", "status", "content_type"),
    [
        ("invalid_json", 200, b"application/json"),
        ("wrong_content_type", 200, b"text/plain"),
        ("empty_body", 200, b"application/json"),
        ("html_error_page", 200, b"text/html"),
        ("html_bad_gateway", 502, b"text/html"),
    ],
)
def test_malformations(form, status, content_type):
    for body in (CALL, [CALL, OTHER]):
        response, asked = over_http(failing(form), body)
        found = received(response)
        assert (found.status, found.headers[b"content-type"]) == (status, content_type)
        assert (response.ending, response.status) == ("keep", status)
        assert {response.outcome(one) for one in asked} == {"error"}
        assert set(signed(asked)) == {"f1"}
        if form == "wrong_content_type":
            msgspec.json.decode(found.body)
        else:
            assert (found.body == b"") == (form == "empty_body")
            with pytest.raises(msgspec.DecodeError):
                msgspec.json.decode(found.body)


def test_a_truncated_response_promises_more_than_it_sends():
    response, (asked,) = over_http(failing("truncated"))
    whole, _ = over_http(ResponsePlan(0))
    assert whole.data.startswith(response.data)
    assert b"\r\n\r\n{" in response.data
    parser = ResponseParser(RESPONSE_LIMITS)
    parser.feed(response.data)
    with pytest.raises(ProtocolError):
        parser.feed_eof()
    assert (response.ending, response.status) == ("cut", None)
    assert (response.outcome(asked), asked.fault_id) == ("unknown", "f1")


@pytest.mark.parametrize(("failure", "ending"), [("reset", "reset"), ("no_answer", "never")])
@pytest.mark.parametrize("send", [over_http, in_message])
def test_no_response(failure, ending, send):
    response, (asked,) = send(failing(failure))
    assert (response.data, response.ending, response.status) == (b"", ending, None)
    assert (response.outcome(asked), asked.fault_id) == ("unknown", "f1")


@pytest.mark.parametrize("failure", ["invalid_json", "wrong_content_type", "empty_body", "truncated"])
def test_a_request_without_an_answer_has_none_to_spoil(failure):
    response, asked = over_http(failing(failure), [NOTIFICATION, NOTIFICATION])
    assert (response.status, response.ending, received(response).body) == (204, "keep", b"")
    assert signed(asked) == [None, None]


@pytest.mark.parametrize("failure", [None, "http_503", "rpc_limit", "invalid_json", "html_error_page"])
def test_a_connection_that_was_to_be_closed_is(failure):
    response, _ = over_http(failing(failure), keep_alive=False)
    assert response.ending == "close"
    assert b"connection: close" in response.data


# Who signs


def test_the_failure_signs_before_a_changed_answer_and_that_before_a_delay():
    delayed = ResponsePlan(5, None, "slow", chain_faults=(STALE,))
    _, asked = over_http(delayed, [CALL, OTHER])
    assert signed(asked) == ["stale", "slow"]
    _, asked = over_http(failing("invalid_json", chain_faults=(STALE,)), [CALL, OTHER])
    assert signed(asked) == ["f1", "f1"]
    _, asked = over_http(failing("http_503", chain_faults=(STALE,)), CALL)
    assert signed(asked) == ["f1"]


def test_a_providers_own_failure_is_nobodys_fault():
    _, asked = over_http(ResponsePlan(0, "http_503", chain_faults=(STALE,)))
    assert signed(asked) == [None]


def test_a_notification_is_told_nothing_so_nothing_false():
    wrong = InForce("wrong", WrongAnswer("a"))
    response, asked = over_http(ResponsePlan(0, chain_faults=(wrong,)), [CALL, NOTIFICATION])
    assert signed(asked) == ["wrong", None]
    assert [response.outcome(one) for one in asked] == ["ok", "ok"]


# Messages


def test_a_message_is_the_body_alone():
    response, (asked,) = in_message(ResponsePlan(0))
    assert msgspec.json.decode(response.data)["result"] == hex(HEAD)
    assert (response.ending, response.status, response.outcome(asked)) == ("keep", None, "ok")
    assert in_message(ResponsePlan(0), NOTIFICATION)[0].data == b""


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        ("http_500", -32603),
        ("http_503", -32603),
        ("cloudflare_522", -32603),
        ("http_429", -32005),
        ("http_402", -32000),
    ],
)
def test_statuses_become_errors_in_messages(failure, code):
    response, (asked,) = in_message(failing(failure))
    assert msgspec.json.decode(response.data)["error"]["code"] == code
    assert (response.outcome(asked), asked.fault_id) == ("error", "f1")


def test_a_message_says_why_in_the_words_of_the_response():
    response, _ = in_message(failing("out_of_credits"))
    assert msgspec.json.decode(response.data)["error"]["message"] == "this account is out of credits"
    response, _ = in_message(failing("http_403"))
    assert msgspec.json.decode(response.data)["error"]["message"] == "refused with HTTP status 403"


def test_http_failures_refuse_to_open_a_websocket_and_no_others_do():
    refused = refused_handshake(failing("out_of_credits"))
    assert (received(refused).status, refused.ending, received(refused).keep_alive) == (402, "close", False)
    for failure in (None, "rpc_error", "reset", "no_answer", "invalid_json"):
        assert refused_handshake(failing(failure)) is None


def test_malformed_messages():
    for form in ("invalid_json", "empty_body", "html_error_page", "html_bad_gateway"):
        response, (asked,) = in_message(failing(form))
        with pytest.raises(msgspec.DecodeError):
            msgspec.json.decode(response.data)
        assert (response.is_malformed, response.outcome(asked), asked.fault_id) == (True, "error", "f1")
    response, (asked,) = in_message(failing("wrong_content_type"))
    assert (response.outcome(asked), asked.fault_id) == ("ok", None)
    assert in_message(failing("truncated"))[0].ending == "cut"
