"""WebSockets through a link: what is asked and answered on them is in the log, and goes no faster than it may."""

from itertools import accumulate

import msgspec
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.chain.model import ChainModel
from battle.actors.link import conversation
from battle.actors.link.conversation import _Cutter
from battle.actors.spec.chain import Chain
from battle.actors.units import ms, seconds
from battle.actors.wire.websocket.endpoints import CLIENT_LIMITS, connect_websocket
from battle.actors.wire.websocket.frames import Frames
from battle.store.events import AttemptServed, BenchLimitReached, ChainFactReported
from tests.actors.link.stage import linking
from tests.actors.provider.stage import providing
from tests.actors.wire.websocket.stage import Recorder
from tests.actors.worlds import simulated

CHAIN = Chain(seed=3, start_height=500, block_time=ms(200))
MODEL = ChainModel(CHAIN)


def call(call_id, method="eth_chainId", params=()):
    return msgspec.json.encode({"jsonrpc": "2.0", "id": call_id, "method": method, "params": list(params)})


def of(log, kind):
    return [event for event in log if isinstance(event, kind)]


def talk(world, script, *, requests_per_second=0.0, latency=0, **connecting):
    """A client that speaks over a WebSocket through a link to a mock provider; the link's log."""

    async def main(stage):
        with trio.fail_after(30):
            async with (
                providing(stage, chain=CHAIN, latency=latency) as provider,
                linking(stage, provider.address, requests_per_second=requests_per_second) as link,
            ):
                client = Recorder()
                client.websocket = await connect_websocket(
                    stage.client, link.address, **client.callbacks(), **connecting
                )
                await script(stage, client)
                client.websocket.close()
                await client.ended()
                return link.log

    return world(main)


def test_each_call_is_logged_with_its_answer(either_world):
    async def script(stage, client):
        client.websocket.send(call("w0-1"))
        client.websocket.send(call("w0-2", "eth_nonsense"))
        await client.received(2)

    served = {one.request_id: one for one in of(talk(either_world, script), AttemptServed)}
    assert served.keys() == {"w0-1", "w0-2"}
    assert {one.transport for one in served.values()} == {"ws"}
    assert [(one.method, one.outcome, one.rpc_code) for one in served.values()] == [
        ("eth_chainId", "ok", None),
        ("eth_nonsense", "ok", -32601),
    ]
    assert all(one.received_ns <= one.replied_ns for one in served.values())


def test_the_calls_of_a_batch_are_logged_one_by_one():
    async def script(stage, client):
        client.websocket.send(b"[" + call("w0-1") + b"," + call("w0-2", "eth_blockNumber") + b"]")
        await client.received(1)

    log = talk(simulated, script)
    assert {(one.request_id, one.outcome) for one in of(log, AttemptServed)} == {
        ("w0-1", "ok"),
        ("w0-2", "ok"),
    }


def test_answers_and_heads_say_something_of_the_chain():
    async def script(stage, client):
        client.websocket.send(call("w0-1", "eth_getBlockByNumber", ["0x1f0", False]))
        client.websocket.send(call("w0-2", "eth_subscribe", ["newHeads"]))
        await client.received(3)

    facts = of(talk(simulated, script), ChainFactReported)
    asked = [one for one in facts if one.request_id == "w0-1"]
    assert ("block 496", MODEL.block_hash(496)) in {(one.subject, one.value) for one in asked}
    heads = [one for one in facts if one.request_id is None]
    assert [(one.subject, one.value) for one in heads] == [
        (f"block {height}", MODEL.block_hash(height)) for height in height_and_parent(heads[0])
    ]
    assert not any(one.is_final for one in heads)


def height_and_parent(fact):
    height = int(fact.subject.removeprefix("block "))
    return height, height - 1


def test_what_has_no_answer_at_the_end_is_unknown():
    async def script(stage, client):
        client.websocket.send(call("w0-1"))
        await stage.sleep(ms(50))
        client.websocket.abort()
        await stage.sleep(ms(50))

    (served,) = of(talk(simulated, script, latency=seconds(1)), AttemptServed)
    assert (served.request_id, served.outcome, served.replied_ns) == ("w0-1", "unknown", None)


def test_calls_go_no_faster_than_they_may_and_none_is_lost(either_world):
    began, ended = [], []

    async def script(stage, client):
        began.append(stage.now_ns())
        for number in range(20):
            client.websocket.send(call(f"w0-{number}"))
        await client.received(20)
        ended.append(stage.now_ns())

    log = talk(either_world, script, requests_per_second=20.0)
    assert ended[0] - began[0] >= ms(400), "ten of the twenty may go at once"
    assert len(of(log, AttemptServed)) == 20
    limits = of(log, BenchLimitReached)
    assert {(one.limit, one.bound) for one in limits} == {("rate", 20)}


def test_who_asks_for_much_more_waits_for_as_long_as_it_takes():
    async def script(stage, client):
        frames = Frames(client=True, limits=CLIENT_LIMITS)
        together = b"".join(frames.text(call(f"w0-{number}")) for number in range(40))
        client.websocket._stream.write(together)
        await client.received(40)

    log = talk(simulated, script, requests_per_second=5.0)
    served = of(log, AttemptServed)
    assert [one.outcome for one in served] == ["ok"] * 40
    assert served[-1].replied_ns - served[0].received_ns >= seconds(7)


def test_who_waits_is_not_read_any_further(either_world):
    async def script(stage, client):
        for number in range(60):
            client.websocket.send(call(f"w0-{number}", params=["x" * 100_000]))
        await stage.sleep(ms(200))
        left.append(client.websocket.unsent_bytes)
        client.websocket.abort()

    left = []
    talk(either_world, script, requests_per_second=1.0)
    assert left[0] > 0


def test_of_many_calls_without_an_answer_the_oldest_are_given_up(monkeypatch):
    monkeypatch.setattr(conversation, "OPEN_CALLS_MAX", 3)

    async def script(stage, client):
        for number in range(5):
            client.websocket.send(call(f"w0-{number}"))
        await client.received(5)

    served = of(talk(simulated, script, latency=ms(100)), AttemptServed)
    assert [(one.request_id, one.outcome) for one in served] == [
        ("w0-0", "unknown"),
        ("w0-1", "unknown"),
        ("w0-2", "ok"),
        ("w0-3", "ok"),
        ("w0-4", "ok"),
    ]


def test_a_message_that_is_too_large_to_be_read_passes(monkeypatch):
    monkeypatch.setattr(conversation, "MESSAGE_BYTES_MAX", 500)

    async def script(stage, client):
        client.websocket.send(call("w0-1"))
        client.websocket.send(call("w0-2", params=["x" * 1000]))
        await client.received(2)

    served = of(talk(simulated, script), AttemptServed)
    assert [one.request_id for one in served] == ["w0-1"]


def test_a_client_that_goes_while_its_calls_wait_leaves_nothing_behind():
    async def script(stage, client):
        for number in range(200):
            client.websocket.send(call(f"w0-{number}"))
        await stage.sleep(ms(100))
        client.websocket.abort()
        await stage.sleep(seconds(1))

    log = talk(simulated, script, requests_per_second=1.0)
    assert of(log, AttemptServed)


def frame(payload, *, opcode=1, final=True):
    size = len(payload)
    code, more = (
        (size, b"") if size < 126 else (126, size.to_bytes(2)) if size < 2**16 else (127, size.to_bytes(8))
    )
    return bytes([opcode | (0x80 if final else 0), code | 0x80]) + more + b"mask" + payload


@given(
    st.lists(
        st.tuples(st.sampled_from([0, 1, 125, 126, 300, 70_000]), st.sampled_from([1, 9]), st.booleans()),
        max_size=8,
    ),
    st.integers(1, 100_000),
)
def test_what_comes_together_is_cut_behind_each_message(frames, step):
    sent = [frame(b"x" * size, opcode=opcode, final=final or opcode == 9) for size, opcode, final in frames]
    ends = [final or opcode == 9 for _, opcode, final in frames]
    whole = b"".join(sent)
    cutter = _Cutter()
    pieces = [piece for at in range(0, len(whole), step) for piece in cutter.pieces(whole[at : at + step])]
    assert b"".join(pieces) == whole
    wanted, at = set(), 0
    for data, is_end in zip(sent, ends, strict=True):
        at += len(data)
        if is_end:
            wanted.add(at)
    assert wanted <= set(accumulate(map(len, pieces)))


@pytest.mark.parametrize("offered", [b"permessage-deflate", None])
def test_no_extension_is_agreed_on_so_that_frames_can_be_read(offered):
    async def script(stage, client):
        client.websocket.send(call("w0-1"))
        await client.received(1)

    headers = {b"sec-websocket-extensions": offered} if offered else {}
    (served,) = of(talk(simulated, script, headers=headers), AttemptServed)
    assert served.outcome == "ok"
