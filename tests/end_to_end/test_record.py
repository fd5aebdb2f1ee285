"""`battle record` on a provider with HTTPS, a path and a header, and on one with WebSocket."""

import json
from functools import partial

import pytest
import trio
from trio_websocket import ConnectionClosed, serve_websocket

from battle import BattleError, CallLimit, HttpFailure
from battle.actors.spec.profiles import read_profile
from battle.actors.spec.providers import RealProvider
from battle.actors.units import minutes
from battle.cli.app import run_command_line
from battle.recording.measure import measure
from tests.actors.provider.stage import providing
from tests.actors.worlds import live
from tests.end_to_end.tls_upstream import CHAIN_ID, private_ca, tls_upstream

pytestmark = pytest.mark.live

KEY, PATH = "pl4nted-key-0123456789", "pl4nted-path-abcdef0123456789"


def record(directory, ca_file, port, key=KEY):
    url = f"https://localhost:{port}/v2/${{NODE_PATH}}"
    options = [
        "--header",
        "X-Api-Key: ${NODE_KEY}",
        "--ca-file",
        str(ca_file),
        "--out",
        str(directory / "p.toml"),
    ]
    return run_command_line(["record", "--provider", url, "--requests", "40", "--rate", "200", *options])


def test_a_profile_of_a_provider_with_secrets(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("NODE_KEY", KEY)
    monkeypatch.setenv("NODE_PATH", PATH)
    ca, ca_file = private_ca(tmp_path)
    with tls_upstream(ca, f"/v2/{PATH}", KEY) as (port, asked):
        assert record(tmp_path, ca_file, port) == 0
        assert len(asked) == 40
        monkeypatch.setenv("NODE_KEY", "wrong")
        assert record(tmp_path, ca_file, port) == 2
    out, err = capsys.readouterr()
    profile = read_profile(tmp_path / "p.toml")
    assert (profile.requests, profile.failure_ratio, profile.chain_id) == (40, 0, CHAIN_ID)
    assert len(profile.latencies_ms) == 40
    assert profile.provider == f"https://localhost:{port}"
    assert f"https://localhost:{port}: 40 calls" in out
    assert "answered none of 40 calls (the first one: http_401)" in err
    for text in (out, err, (tmp_path / "p.toml").read_text()):
        assert KEY not in text
        assert PATH not in text


def test_what_cannot_be_measured_is_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NODE_KEY", raising=False)
    for options, says in (
        (["--provider", "localhost"], "--provider is a URL"),
        (["--provider", "http://localhost/${NODE_KEY}"], "needs the environment variable NODE_KEY"),
        (["--provider", "http://localhost", "--rate", "0"], "--rate is above 0"),
        (["--provider", "http://localhost", "--limit-up-to", "-1"], "--limit-up-to is 0"),
        (["--provider", "http://localhost", "--requests", "0"], "--requests is a number"),
        (["--provider", "http://localhost", "--out", "no/p.toml"], "cannot be written"),
        (["--provider", "http://localhost", "--header", "X-Key"], "--header is"),
        (
            ["--provider", "http://localhost:1", "--requests", "3", "--rate", "100"],
            "answered none of 3 calls",
        ),
        (["--provider", "ws://localhost:1", "--requests", "3", "--rate", "100"], "takes no WebSocket"),
    ):
        assert run_command_line(["record", *options, "--quiet"]) == 2
        assert says in capsys.readouterr().err


async def _node(request):
    """Answers some calls with errors, one with nothing, and then leaves."""
    socket = await request.accept()
    try:
        for number in range(20):
            call = json.loads(await socket.get_message())
            answer = {"jsonrpc": "2.0", "id": call["id"], "result": "0x7"}
            if number % 10 == 3:
                answer = {
                    "jsonrpc": "2.0",
                    "id": call["id"],
                    "error": {"code": -32005, "message": "too fast"},
                }
            await socket.send_message(json.dumps(answer))
    except ConnectionClosed:
        pass


def test_a_provider_over_websocket():
    async def main():
        async with trio.open_nursery() as nursery:
            server = await nursery.start(partial(serve_websocket, _node, "127.0.0.1", 0, None))
            url = f"ws://127.0.0.1:{server.port}"
            measured = await measure(RealProvider("p", url), requests=24, per_second=200)
            with pytest.raises(BattleError, match="takes no WebSocket"):
                await measure(RealProvider("p", "ws://127.0.0.1:1"), requests=1, per_second=1)
            nursery.cancel_scope.cancel()
        return measured

    measured = trio.run(main)
    assert [one.failure for one in measured.observations] == [
        *("rpc_limit" if number % 10 == 3 else "" for number in range(20)),
        *["reset"] * 4,
    ]
    assert measured.chain_id == 7


def test_a_refusal_over_http_is_kept_as_it_came():
    refusal = HttpFailure(429, '{"error":"slow down"}', "application/json", {"retry-after": "7"})

    async def main(stage):
        limit = CallLimit(calls=5, window=minutes(1), refusal=refusal)
        async with providing(stage, call_limit=limit) as provider:
            return await measure(RealProvider("p", f"http://{provider.address}"), requests=8, per_second=200)

    observations = live(main).observations
    assert [one.refusal for one in observations] == [None] * 5 + [refusal] * 3
    assert [one.failure for one in observations] == [""] * 5 + ["http_429"] * 3
