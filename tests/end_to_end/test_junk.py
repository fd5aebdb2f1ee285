"""Servers that answer junk: what cannot be read is a wrong answer, and no node of ours ends by it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count

import pytest

from battle import (
    HttpConstant,
    MockProvider,
    Scenario,
    Slo,
    UrlGateway,
    WsRequests,
    ms,
    run_scenario,
    seconds,
)
from battle.actors.provider.answerer import CallAnswerer
from tests.end_to_end.battles import ask

ID = b'"%b"'
JUNK = (
    b"\xff\xfe\x00junk",
    b'{"jsonrpc":"2.0","id":%b,"result":"\xff"}',
    b'{"jsonrpc":"2.0","id":%b,"result":"\\ud800"}',
    b'{"jsonrpc":"2.0","id":%b,"result":1e999}',
    b'{"jsonrpc":"2.0","id":1e999,"result":"0x1"}',
    b'{"jsonrpc":"2.0","id":[%b],"result":"0x1"}',
    b'{"jsonrpc":"2.0","id":%b,"error":{"code":99999999999999999999999,"message":"m"}}',
    b'{"jsonrpc":"2.0","id":%b,"error":{"code":null,"message":[]}}',
    b'{"jsonrpc":"2.0","id":%b,"result":"0x' + b"f" * 9000 + b'"}',
    b'{"jsonrpc":"2.0","id":%b,"result":' + b"[" * 3000 + b"]" * 3000 + b"}",
    b'{"jsonrpc":"2.0","id":%b,"result":' + b"9" * 5000 + b"}",
    b"[]",
    b"",
)


def load(kind=HttpConstant, **more):
    return kind("eth_blockNumber", rate=40, duration=seconds(2), timeout=ms(800), **more)


@contextmanager
def junk_server() -> Iterator[int]:
    """Answers whatever a connection says with the next piece of junk, as HTTP 200; yields its port."""
    numbers = count()

    def serve(client: socket.socket) -> None:
        with client, suppress(OSError):
            while request := client.recv(65536):
                call_id = request.partition(b'"id":')[2].partition(b",")[0]
                body = JUNK[next(numbers) % len(JUNK)].replace(b"%b", call_id)
                client.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def check(result, verdict: str = "FAIL") -> None:
    """The junk is blamed, and nobody fell over it."""
    run_dir = result.run_dir
    assert result.report.verdict == verdict
    assert ask(run_dir, "SELECT actor, reason FROM actor_lifecycle WHERE change = 'crashed'") == []
    [(wrong, named)] = ask(
        run_dir,
        "SELECT count_if(answer = 'wrong'), count_if(failure = 'not_json_rpc' AND answer = 'wrong') FROM requests",
    )
    assert wrong > 10
    assert named > 10


@pytest.mark.live
def test_a_gateway_elsewhere_that_answers_junk_gives_wrong_answers(tmp_path):
    with junk_server() as port:
        scenario = Scenario(
            "Junk",
            providers=[MockProvider("a")],
            gateway=UrlGateway(f"http://127.0.0.1:{port}"),
            workloads=[load()],
            slo=Slo(max_wrong_answers=0),
        )
        # It asks no provider, so that nobody knows whether it is a gateway at all.
        check(run_scenario(scenario, out=tmp_path), verdict="INCONCLUSIVE")


@pytest.mark.parametrize("providers", ["abc", "a"])
def test_providers_that_answer_junk_fail_behind_the_embedded_gateway(providers, tmp_path, monkeypatch):
    numbers, right = count(), CallAnswerer.answer

    def junk(self, question, *arguments, **more):
        number = next(numbers)
        if number % 2:
            return right(self, question, *arguments, **more)
        call_id = bytes(question.asked[0].item.id)
        return JUNK[number // 2 % (len(JUNK) - 1)].replace(
            b"%b", call_id
        )  # the last one is no HTTP answer of ours

    monkeypatch.setattr(CallAnswerer, "answer", junk)
    scenario = Scenario(
        "Junk",
        providers=[MockProvider(name) for name in providers],
        workloads=[load(name="http"), load(WsRequests, name="ws")],
        slo=Slo(success_rate=1.0, max_wrong_answers=0),
    )
    result = run_scenario(scenario, world="simulated", out=tmp_path)
    run_dir = result.run_dir
    assert result.report.verdict == "FAIL"
    assert ask(run_dir, "SELECT actor, reason FROM actor_lifecycle WHERE change = 'crashed'") == []
    [(junk_attempts,)] = ask(run_dir, "SELECT count(*) FROM gateway_attempts WHERE failure = 'protocol'")
    assert junk_attempts > 20
    assert ask(run_dir, "SELECT count(*) > 0 FROM requests WHERE outcome = 'ok'") == [(True,)]
