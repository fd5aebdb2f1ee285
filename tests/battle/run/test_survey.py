"""What real providers say of their chain, and what is said of those that answer nonsense."""

import json

import pytest

from battle import RealProvider, seconds
from battle.errors import StartError
from battle.run import survey as module
from battle.run.survey import ChainSurvey, survey
from tests.battle.local_service import Reply, served


def chain(head: int, genesis_s: int = 0):
    """A chain with a block each twelve seconds, but for the first one, which is as old as time."""

    def result(method, params):
        if method == "eth_chainId":
            return "0x7"
        number = head if params[0] == "latest" else int(params[0], 16)
        return {"number": hex(number), "timestamp": hex(1_700_000_000 + 12 * number if number else genesis_s)}

    def answer(received):
        call = received.json()
        said = {"jsonrpc": "2.0", "id": call["id"], "result": result(call["method"], call["params"])}
        return Reply(200, json.dumps(said).encode())

    return served(answer=answer)


def asked(url):
    return survey([RealProvider("a", url)])


@pytest.mark.parametrize(("head", "block_time"), [(0, None), (1, None), (2, 12), (20, 12), (10**6, 12)])
def test_the_time_between_blocks_is_not_counted_from_the_first_one(head, block_time):
    with chain(head) as service:
        found = asked(service.url)
    assert found == ChainSurvey(7, head, None if block_time is None else seconds(block_time))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"<html>", "with what is no JSON-RPC"),
        (b"[" * 5000, "with what is no JSON-RPC"),
        (b'{"jsonrpc":"2.0","id":1,"result":' + b"[" * 5000 + b"]" * 5000 + b"}", "with what is no JSON-RPC"),
        (
            b'{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"no"}}',
            "with the JSON-RPC error -32000",
        ),
        (b'{"jsonrpc":"2.0","id":1,"result":null}', "answers eth_chainId with no number"),
        (b'{"jsonrpc":"2.0","id":1,"error":7}', "with what is no JSON-RPC"),
    ],
)
def test_an_answer_that_is_none_is_a_sentence(body, says):
    with served(answer=lambda received: Reply(200, body)) as service, pytest.raises(StartError, match=says):
        asked(service.url)


def test_an_answer_may_be_neither_too_long_nor_too_slow(monkeypatch):
    with served(answer=lambda received: Reply(200, b" " * 5000)) as service:
        monkeypatch.setattr(module, "ANSWER_BYTES_MAX", 4000)
        with pytest.raises(StartError, match="answers eth_chainId without an end"):
            asked(service.url)
        monkeypatch.undo()
        times = iter([0.0, module.ANSWER_S + 1])
        monkeypatch.setattr(module, "monotonic", lambda: next(times))
        with pytest.raises(StartError, match="answers eth_chainId without an end"):
            asked(service.url)
