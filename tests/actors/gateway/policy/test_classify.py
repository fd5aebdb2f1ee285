"""What an attempt's end means: for the client, for the retry policy, for the breaker."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.gateway.policy.classify import (
    RETRY_AFTER_LIMIT,
    of_response,
    of_transport,
    retry_after,
)
from battle.actors.units import seconds
from battle.actors.wire.http.messages import HttpResponse

IDS = (b'"w0-1"',)


def verdict(body, *, status=200, headers=None, ids=IDS, batch=False):
    body = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return of_response(HttpResponse(status, headers or {}, body, True), ids, batch=batch)


def result(call_id="w0-1"):
    return {"jsonrpc": "2.0", "id": call_id, "result": "0x1"}


def error(code, message="", call_id="w0-1"):
    return {"jsonrpc": "2.0", "id": call_id, "error": {"code": code, "message": message}}


def test_a_result_is_a_success():
    found = verdict(result())
    assert (found.kind, found.outcome, found.failure, found.breaker_result) == (
        "success",
        "ok",
        None,
        "success",
    )


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (-32600, "Invalid Request"),
        (-32602, "invalid argument 0"),
        (3, "execution reverted: no"),
        (-32000, "execution reverted"),
        (-32000, "nonce too low: next nonce 8, tx nonce 7"),
        (-32000, "already known"),
        (-32000, "Insufficient funds for gas * price + value"),
        (-32000, "VM execution error."),
        (-32000, "always failing transaction"),
        (-32000, "replacement transaction underpriced"),
        (-32000, "gas limit is too low"),
        (-32000, "max priority fee per gas higher than max fee per gas"),
        (-32000, "tx fee (2.00 ether) exceeds the configured cap (1.00 ether)"),
        (-32015, "VM execution error."),
        (-32003, "transaction rejected"),
        (4001, "an application's own code"),
        (3, "execution reverted: not available on your plan"),
        (-32000, "execution reverted: not available on your plan"),
        (-32602, "invalid argument 0: not supported by this node"),
    ],
)
def test_the_clients_own_mistakes_are_final_and_no_failure_of_the_provider(code, message):
    found = verdict(error(code, message))
    assert (found.kind, found.outcome, found.rpc_code) == ("final", "ok", code)
    assert found.answered
    assert found.breaker_result == "success"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (-32603, "Internal error"),
        (-32000, "the provider failed"),
        (-32000, "request timed out"),
        (-32000, ""),
        (-32002, "resource unavailable"),
        (-32700, "parse error of what the gateway could parse"),
    ],
)
def test_the_providers_own_troubles_are_retryable(code, message):
    found = verdict(error(code, message))
    assert (found.kind, found.outcome, found.failure) == ("retryable", "error", "rpc_error")
    assert (found.rpc_code, found.detail, found.breaker_result) == (code, message, "failure")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (-32000, "header not found"),
        (-32000, "header for hash not found"),
        (-32000, "unknown block"),
        (-32000, "request beyond head block: requested 12, head 10"),
        (-32000, "block not found"),
        (-32000, "block #19000000 not found"),
        (-32000, "missing trie node 5f3c (path ) state 0x1c2 is not available"),
        (-32000, "required historical state unavailable (reexec=128)"),
        (-32000, "historical state 3f2a is not available"),
        (-32000, "history has been pruned for this block"),
        (-32603, "could not find block 0x11"),
        (-32001, "Resource not found"),
        (4444, "pruned history unavailable"),
        (-32601, "the method eth_foo does not exist"),
        (-32004, "method not supported"),
        (-32600, "archive requests are not available on your current plan"),
        (-32000, "debug_traceCall is not available on the Free tier"),
        (-32000, "you need to upgrade to a paid plan"),
        (-32000, "archive data is required"),
    ],
)
def test_what_a_provider_does_not_have_another_may_and_it_is_no_failure(code, message):
    found = verdict(error(code, message))
    assert (found.kind, found.outcome, found.failure) == ("retryable", "error", "rpc_error")
    assert (found.rpc_code, found.detail, found.breaker_result) == (code, message, "abandoned")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (-32005, "query returned more than 10000 results"),
        (-32005, "query returned more than 10000 results. Try with this block range [0x1, 0x2]."),
        (-32005, "query timeout exceeded"),
        (-32005, "the range of a log query is limited to 1000 blocks"),
        (-32000, "block range too large (2500), maximum allowed is 2000 blocks"),
        (-32000, "block range is too wide"),
        (-32000, "query exceeds max results 20000, retry with the range 1-2"),
        (-32000, "eth_getLogs is limited to a 10,000 blocks range"),
        (-32008, "Response is too big"),
        (-32614, "eth_getLogs is limited to a 10,000 range"),
        (-32602, "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range"),
    ],
)
def test_a_query_that_wants_too_much_is_the_clients_to_narrow(code, message):
    found = verdict(error(code, message))
    assert (found.kind, found.outcome, found.rpc_code) == ("final", "ok", code)
    assert found.breaker_result == "success"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (-32005, "daily request count exceeded, request rate limited"),
        (-32005, "project ID request rate exceeded"),
        (-32005, "limit exceeded"),
        (-32000, "rate limit exceeded"),
        (-32007, "50/second request limit reached - reduce calls per second or upgrade your account"),
        (-32603, "Too many requests, please slow down"),
        (429, "Your app has exceeded its compute units per second capacity"),
        (429, "query returned more than you pay for"),
    ],
)
def test_too_many_requests_are_a_rate_limit_in_all_their_wordings(code, message):
    found = verdict(error(code, message))
    assert (found.kind, found.failure, found.breaker_result) == ("rate_limited", "rate_limited", "abandoned")


@pytest.mark.parametrize("code", [-32005, 429])
def test_a_limit_told_by_json_rpc_is_a_rate_limit(code):
    found = verdict(error(code), headers={b"retry-after": b"2"})
    assert (found.kind, found.failure, found.retry_after) == ("rate_limited", "rate_limited", seconds(2))
    assert found.breaker_result == "abandoned"


def test_http_429_is_a_rate_limit():
    found = verdict(b"slow down", status=429, headers={b"retry-after": b"7"})
    assert (found.kind, found.outcome, found.failure) == ("rate_limited", "error", "rate_limited")
    assert (found.retry_after, found.breaker_result) == (seconds(7), "abandoned")


@pytest.mark.parametrize("status", [301, 401, 402, 403, 404, 408, 500, 502, 503, 504, 520, 529, 530])
def test_a_status_about_the_provider_is_retryable(status):
    found = verdict(b"no", status=status)
    assert (found.kind, found.outcome, found.failure) == ("retryable", "error", "http_status")
    assert found.breaker_result == "failure"


def test_a_bad_request_without_an_error_may_be_another_provider_s_to_answer_and_is_no_failure():
    found = verdict(b"out of credits", status=400)
    assert (found.kind, found.outcome, found.failure) == ("retryable", "error", "http_status")
    assert found.breaker_result == "abandoned"


@pytest.mark.parametrize("status", [401, 402, 403])
@pytest.mark.parametrize(
    ("code", "message"), [(-32600, "must be authenticated"), (-32602, "no"), (4001, "no credit")]
)
def test_an_error_about_the_account_is_the_provider_s_whatever_its_code(status, code, message):
    found = verdict(error(code, message), status=status)
    assert (found.kind, found.failure, found.rpc_code) == ("retryable", "http_status", code)
    assert (found.detail, found.breaker_result) == (message, "failure")
    for words in (error(3, "execution reverted"), error(-32000, "nonce too low")):
        assert verdict(words, status=status).kind == "final"


def test_what_a_provider_does_not_offer_is_no_failure_of_it_under_any_status():
    for status in (200, 400, 403, 500):
        found = verdict(error(-32601, "no such method"), status=status)
        assert (found.kind, found.breaker_result) == ("retryable", "abandoned")


@pytest.mark.parametrize("status", [405, 413, 414, 415, 422, 431])
def test_a_status_about_the_request_is_final(status):
    found = verdict(b"no", status=status)
    assert (found.kind, found.outcome, found.breaker_result) == ("final", "ok", "success")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"\xff\xfe",
        b"[" * 5000,
        b'{"jsonrpc":"2.0","id":"w0-1"}',
        b'[{"jsonrpc":"2.0","id":"w0-1","result":1}]',
        b'{"jsonrpc":"2.0","id":"w0-2","result":1}',
        b'{"jsonrpc":"2.0","id":"w0-1","result":',
    ],
)
def test_what_is_no_answer_to_the_call_is_a_protocol_failure(body):
    found = verdict(body)
    assert (found.kind, found.outcome, found.failure) == ("retryable", "error", "protocol")
    assert found.breaker_result == "failure"


def test_an_id_may_come_back_in_another_spelling():
    assert verdict(b'{"id":"\\u00770-1","result":1}').kind == "success"
    assert verdict(b'{"id":7,"result":1}', ids=(b"7",)).kind == "success"
    assert verdict(b'{"id":"7","result":1}', ids=(b"7",)).failure == "protocol"


def test_a_notification_needs_no_answer():
    assert verdict(b"", ids=()).kind == "success"
    assert verdict(b"", status=204, ids=()).kind == "success"
    assert verdict(result(), ids=()).failure == "protocol"


@given(st.permutations(range(5)), st.integers(0, 4), st.sampled_from(["none", "lost", "doubled", "foreign"]))
def test_a_batch_needs_each_answer_once_in_any_order(order, which, damage):
    ids = tuple(b"%d" % number for number in range(5))
    answers = [result(number) for number in order]
    if damage == "lost":
        del answers[which]
    elif damage == "doubled":
        answers.append(answers[which])
    elif damage == "foreign":
        answers[which] = result(99)
    found = verdict(answers, ids=ids, batch=True)
    assert found.failure == (None if damage == "none" else "protocol")


def test_a_batch_is_as_good_as_its_best_answer():
    ids = (b"0", b"1")

    def batch(*answers):
        return verdict(list(answers), ids=ids, batch=True)

    assert batch(error(-32603, call_id=0), result(1)).kind == "success"
    assert batch(error(-32603, call_id=0), error(-32602, call_id=1)).kind == "final"
    assert batch(error(-32603, call_id=0), error(-32000, call_id=1)).rpc_code == -32603
    assert batch(error(-32005, call_id=0), error(-32603, call_id=1)).kind == "rate_limited"


def test_a_batch_may_be_refused_as_a_whole():
    assert verdict(error(-32600, "batch too large", None), ids=(b"0", b"1"), batch=True).kind == "final"
    assert verdict(result(), batch=True).failure == "protocol"


@pytest.mark.parametrize(
    ("failure", "outcome", "counted"),
    [
        ("timeout", "unknown", "failure"),
        ("reset", "unknown", "failure"),
        ("closed", "unknown", "failure"),
        ("protocol", "unknown", "failure"),
        ("refused", "error", "failure"),
        ("unsent", "error", "abandoned"),
        ("cancelled", "unknown", "abandoned"),
    ],
)
def test_transport_failures_are_retryable_and_unknown_once_the_request_left(failure, outcome, counted):
    found = of_transport(failure)
    assert (found.kind, found.outcome, found.failure) == ("retryable", outcome, failure)
    assert found.breaker_result == counted


@given(st.integers(0, 120))
def test_retry_after_is_read_in_seconds_and_as_a_date(wait):
    expected = min(seconds(wait), RETRY_AFTER_LIMIT)
    assert retry_after({b"retry-after": b"%d" % wait}) == expected
    now = datetime(2026, 3, 29, 0, 59, 30, tzinfo=UTC)
    headers = {
        b"date": format_datetime(now, usegmt=True).encode(),
        b"retry-after": format_datetime(now + timedelta(seconds=wait), usegmt=True).encode(),
    }
    assert retry_after(headers) == expected


DATES = st.lists(
    st.sampled_from(
        [
            b"Sun",
            b", ",
            b" ",
            b"06",
            b"Nov",
            b"1994",
            b"08:49:37",
            b"GMT",
            b"+",
            b"-",
            b"9" * 9,
            b":",
            b"\xff",
            b"0",
        ]
    ),
    max_size=12,
).map(b"".join)
ZONES = st.binary(max_size=12).map(b"Sun, 06 Nov 1994 08:49:37 ".__add__)


@given(st.binary(max_size=40) | DATES | ZONES, st.binary(max_size=40) | DATES | ZONES)
def test_retry_after_takes_whatever_a_provider_writes(text, date):
    wait = retry_after({b"retry-after": text, b"date": date})
    assert wait is None or 0 <= wait <= RETRY_AFTER_LIMIT


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {b"retry-after": b"soon"},
        {b"retry-after": b"-1"},
        {b"retry-after": b"Sun, 06 Nov 1994 08:49:37 GMT"},
        *(
            {
                b"retry-after": b"Sun, 06 Nov 1994 08:49:37 " + zone,
                b"date": b"Sun, 06 Nov 1994 08:49:37 " + zone,
            }
            for zone in (b"+" + b"9" * 20, b"-999999999999999", b"+99999")
        ),
    ],
)
def test_retry_after_says_nothing_when_it_cannot_be_read(headers):
    assert retry_after(headers) is None


def test_a_date_in_the_past_means_now():
    date = b"Sun, 06 Nov 1994 08:49:37 GMT"
    assert retry_after({b"retry-after": date, b"date": b"Sun, 06 Nov 1994 09:00:00 GMT"}) == 0


@given(st.integers(100, 599), st.binary(max_size=60), st.booleans())
def test_any_response_gets_a_verdict(status, body, batch):
    found = verdict(body, status=status, batch=batch)
    assert found.answered == (found.failure is None)


@pytest.mark.parametrize("status", [400, 404, 422, 500, 502])
@pytest.mark.parametrize(("code", "message"), [(3, "execution reverted"), (-32602, "no"), (-32600, "no")])
def test_an_error_that_answers_the_call_is_final_under_any_status(status, code, message):
    found = verdict(error(code, message), status=status)
    assert (found.kind, found.outcome, found.rpc_code, found.breaker_result) == (
        "final",
        "ok",
        code,
        "success",
    )
    assert verdict([error(code, message)], status=status, batch=True).kind == "final"


@pytest.mark.parametrize(
    ("body", "status", "kind", "code"),
    [
        (error(-32005, "rate limit exceeded"), 503, "rate_limited", -32005),
        (error(-32000, "the provider failed"), 500, "retryable", -32000),
        (error(-32000, "unknown block"), 404, "retryable", -32000),
        (error(-32000, "the provider failed"), 400, "final", -32000),
        (error(3, "execution reverted"), 429, "rate_limited", None),
        (result(), 500, "retryable", None),
        (b"<html>", 500, "retryable", None),
        (b"<html>", 400, "retryable", None),
        (b"<html>", 413, "final", None),
    ],
)
def test_what_an_error_leaves_open_goes_by_the_status(body, status, kind, code):
    found = verdict(body, status=status)
    assert (found.kind, found.rpc_code) == (kind, code)
    assert found.failure == {"retryable": "http_status", "rate_limited": "rate_limited", "final": None}[kind]


def test_the_words_of_a_provider_are_searched_up_to_a_bound():
    """The patterns take quadratic time: a million characters would stop the gateway for minutes."""
    for words in ("exceeded " * 120_000, "state at block " * 70_000, "returned more than " * 60_000):
        found = verdict(b'{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"%b"}}' % words.encode())
        assert found.kind == "retryable"
        assert len(found.detail) == 1000
