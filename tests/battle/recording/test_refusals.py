"""What a provider answers to who asks too often, without the secrets in it."""

import pytest

from battle import HttpFailure, RpcFailure
from battle.recording.refusals import Reply, refusal_of, seconds_to_wait

KEY = "pl4nted-key-0123456789"


def error(code, message, status=200, headers=None, **more):
    answer = {"jsonrpc": "2.0", "id": 7, "error": {"code": code, "message": message, **more}}
    return Reply(status, answer, headers or {}, "")


@pytest.mark.parametrize(
    ("reply", "refusal"),
    [
        (
            Reply(429, None, {"Retry-After": "3", "server": "x"}, "no"),
            HttpFailure(429, "no", headers={"retry-after": "3"}),
        ),
        (
            Reply(429, {"error": "slow"}, {"content-type": "application/json"}, '{"error":"slow"}'),
            HttpFailure(429, '{"error":"slow"}', "application/json"),
        ),
        (error(-32005, "limit", 429), RpcFailure(-32005, "limit", None, 429)),
        (error(-32005, "limit", data="plan A"), RpcFailure(-32005, "limit", "plan A")),
        (error(-32005, "limit", data={"see": None}), RpcFailure(-32005, "limit")),
        (error(-32000, "Too Many Requests"), RpcFailure(-32000, "Too Many Requests")),
        (Reply(429, None, {"content-type": "\x01"}, "no"), HttpFailure(429)),
        (Reply(429, None, {}, "x" * 5000), HttpFailure(429)),
        (error(-32000, "header not found"), None),
        (Reply(503, None, {}, "down"), None),
        (Reply(200, {"result": "0x1"}, {}, ""), None),
    ],
)  # fmt: skip
def test_a_refusal_is_what_a_mock_can_repeat(reply, refusal):
    assert refusal_of(reply) == refusal


def test_no_secret_is_in_it():
    page = refusal_of(Reply(429, None, {"retry-after": KEY}, f"key {KEY}: https://x/{KEY}1?k={KEY}"), (KEY,))
    told = refusal_of(error(-32005, f"app {KEY}", data=f"of {KEY}"), (KEY,))
    assert page is not None
    assert told is not None
    for one in (page, told):
        assert KEY not in repr(one)
    assert "***" in repr(told)


@pytest.mark.parametrize(("says", "waits"), [("2", 2.0), ("0.5", 0.5), ("soon", None), ("", None)])
def test_how_long_it_asks_to_wait(says, waits):
    assert seconds_to_wait(HttpFailure(429, headers={"retry-after": says})) == waits
