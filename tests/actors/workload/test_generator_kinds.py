"""Each kind of workload end to end in virtual time: what was asked for is what the server saw and the log says."""

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from battle.actors.roles import Begin
from battle.actors.spec.latency import Uniform
from battle.actors.spec.workloads import (
    HttpBurst,
    HttpConstant,
    HttpRamp,
    HttpStages,
    HttpStep,
    HttpUsers,
    RateStage,
    Replay,
    UserStage,
    Workload,
)
from battle.actors.units import ms, seconds
from battle.actors.wire.http.messages import HttpRequest, encode_response
from battle.actors.wire.jsonrpc import Call, RpcError, encode_error, encode_result, read_calls
from battle.actors.world.interfaces import Stream, World
from tests.actors.workload.sample_generators import HERE
from tests.actors.workload.scripted import (
    BEGIN_NS,
    MODEL,
    Log,
    Server,
    call_of,
    run_load,
    run_load_live,
    truthful,
)

pytestmark = pytest.mark.alone  # its live tests measure how late they are

GENERATOR = f"{HERE}:balances"


def result_of(world: World, call: Call) -> Any:
    """What a truthful node answers; it knows a few methods more than the chain model."""
    if call.method.startswith("my_"):
        return {"mine": call.params}
    return MODEL.answer(call.method, call.params, MODEL.head_at(world.now_ns()))


async def knowing(world: World, stream: Stream, request: HttpRequest) -> None:
    """Answers single calls and batches, a batch in reverse order."""
    calls = read_calls(request.body)
    answers = [
        encode_result(call.id, result_of(world, call))  # type: ignore[arg-type]
        for call in (calls if isinstance(calls, list) else [calls])
        if isinstance(call, Call)
    ]
    body = b"[%b]" % b",".join(reversed(answers)) if isinstance(calls, list) else answers[0]
    stream.write(encode_response(200, body))


def due(log: Log) -> list[int]:
    return sorted(request.scheduled_ns - BEGIN_NS for request in log.requests)


def kinds(log: Log) -> set[tuple[str, str]]:
    return {(request.outcome, request.answer) for request in log.requests}


def write_trace(path: Path, *calls: dict[str, Any]) -> Path:
    path.write_text("".join(f"{json.dumps(call)}\n" for call in calls))
    return path


def test_a_burst_is_sent_at_once_over_as_many_connections_as_it_needs(tmp_path: Path) -> None:
    async def slow(world: World, stream: Stream, request: HttpRequest) -> None:
        await world.sleep_until(world.now_ns() + ms(50))
        await truthful(world, stream, request)

    server = Server(slow)
    spec = HttpBurst("eth_chainId", size=100, every=ms(400), duration=seconds(1), rate=10)
    log = run_load(tmp_path, spec, server)
    assert server.connections >= 100
    counts = Counter(due(log))
    assert [counts[ms(at)] for at in (0, 100, 400, 800)] == [101, 1, 101, 101]
    assert len(log.requests) == 310
    assert max(server.received_ns[:101]) - min(server.received_ns[:101]) < ms(5)
    assert kinds(log) == {("ok", "right")}


def test_a_ramp_sends_ever_faster(tmp_path: Path) -> None:
    log = run_load(
        tmp_path, HttpRamp("eth_chainId", start_rate=0, end_rate=40, duration=seconds(4)), Server(truthful)
    )
    assert [sample.due for sample in log.samples[:4]] == [5, 15, 25, 35]
    assert all(request.sent_ns == request.scheduled_ns for request in log.requests[1:])


def test_stages_are_played_one_after_the_other(tmp_path: Path) -> None:
    stages = (RateStage(duration=seconds(1), rate=20), RateStage(duration=seconds(1), rate=20))
    spec = HttpStages("eth_chainId", stages=(*stages, RateStage(duration=seconds(2), rate=0)))
    log = run_load(tmp_path, spec, Server(truthful))
    assert [sample.due for sample in log.samples[:4]] == [10, 20, 15, 5]
    assert all(request.sent_ns == request.scheduled_ns for request in log.requests[1:])


def test_each_step_is_played_at_its_rate(tmp_path: Path) -> None:
    spec = HttpStep("eth_chainId", start_rate=5, step=10, end_rate=25, step_duration=seconds(1))
    log = run_load(tmp_path, spec, Server(truthful))
    assert [sample.due for sample in log.samples[:3]] == [5, 15, 25]
    assert len({request.request_id for request in log.requests}) == 45


def test_a_trace_is_replayed_with_its_times_and_parameters(tmp_path: Path) -> None:
    known = {"at_ms": 100, "method": "eth_getBalance", "params": ["0x" + "11" * 20, "latest"]}
    path = write_trace(
        tmp_path / "t.jsonl",
        known,
        {"at_ns": ms(40), "method": "my_method", "params": {"deep": [1.50, None]}},
        {"at_ms": 300, "method": "eth_call", "params": ["nonsense"]},
    )

    async def generous(world: World, stream: Stream, request: HttpRequest) -> None:
        call = call_of(request)
        result = "0xabc" if call.params == ["nonsense"] else result_of(world, call)
        stream.write(encode_response(200, encode_result(call.id, result)))  # type: ignore[arg-type]

    server = Server(generous)
    log = run_load(tmp_path / "run", Replay(str(path), speed=2, name="again"), server)
    assert due(log) == [ms(20), ms(50), ms(150)]
    assert [call_of(request).params for request in server.requests] == [
        {"deep": [1.5, None]},
        known["params"],
        ["nonsense"],
    ]
    assert [(r.request_id, r.method, r.outcome, r.answer) for r in log.requests] == [
        ("w0-0", "my_method", "ok", "none"),
        ("w0-1", "eth_getBalance", "ok", "right"),
        ("w0-2", "eth_call", "ok", "wrong"),
    ]


def test_a_replayed_question_that_the_chain_knows_is_judged(tmp_path: Path) -> None:
    path = write_trace(
        tmp_path / "t.jsonl",
        {"at_ms": 0, "method": "eth_chainId"},
        {"at_ms": 1, "method": "my_canned", "params": []},
        {"at_ms": 2, "method": "my_canned", "params": [1]},
    )

    async def odd(world: World, stream: Stream, request: HttpRequest) -> None:
        call = call_of(request)
        result = "0xbad" if call.method == "eth_chainId" else len(call.params)
        stream.write(encode_response(200, encode_result(call.id, result)))  # type: ignore[arg-type]

    log = run_load(tmp_path / "run", Replay(str(path)), Server(odd), canned={"my_canned": [1]})
    assert [request.answer for request in log.requests] == ["wrong", "wrong", "right"]


def test_a_replayed_call_that_says_its_answer_is_right_with_that_one_alone(tmp_path: Path) -> None:
    revert = {"code": 3, "message": "execution reverted: paused", "data": "0x08"}
    calls = [
        ("eth_chainId", {"result": "0x1"}),
        ("eth_chainId", {"result": "0x2"}),
        ("my_method", {"result": {"a": 1}}),
        ("my_call", {"error": revert}),
        ("eth_chainId", {"error": revert}),
        ("my_method", {"error": revert}),
    ]
    path = write_trace(
        tmp_path / "t.jsonl", *({"at_ms": 10 * n, "method": m, "expect": e} for n, (m, e) in enumerate(calls))
    )

    async def answering(world: World, stream: Stream, request: HttpRequest) -> None:
        call = call_of(request)
        if call.method == "my_call":
            body = encode_error(call.id, RpcError(3, "Execution reverted", "0x08"))  # type: ignore[arg-type]
        else:
            body = encode_result(call.id, "0x1" if call.method == "eth_chainId" else {"a": 1})  # type: ignore[arg-type]
        stream.write(encode_response(200, body))

    log = run_load(tmp_path / "run", Replay(str(path)), Server(answering))
    assert [(r.outcome, r.answer, r.rpc_code, r.expected_rpc_code) for r in log.requests] == [
        ("ok", "right", None, None),
        ("ok", "wrong", None, None),
        ("ok", "right", None, None),
        ("ok", "right", 3, 3),
        ("ok", "wrong", None, 3),
        ("ok", "wrong", None, 3),
    ]


def test_a_recorded_batch_is_replayed_as_one_and_judged_call_by_call(tmp_path: Path) -> None:
    about = ["0x" + "11" * 20, "latest"]
    lines: list[Any] = [
        {"at_ms": 0, "method": "eth_chainId"},
        [{"at_ms": 10, "method": "eth_getBalance", "params": about}, {"method": "eth_mine"}],
        [{"at_ms": 20, "method": "eth_chainId", "expect": {"result": "0x7"}}],
        [
            {"at_ms": 30, "method": "eth_mine"},
            {"method": "eth_chainId"},
            {"method": "eth_mine", "params": [1]},
        ],
    ]
    path = tmp_path / "t.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))

    async def answering(world: World, stream: Stream, request: HttpRequest) -> None:
        found = read_calls(request.body)
        calls = [call for call in (found if isinstance(found, list) else [found]) if isinstance(call, Call)]
        refusal = RpcError(-32601, "no such method")
        answers = [
            encode_error(call.id, refusal)  # type: ignore[arg-type]
            if call.method == "eth_mine"
            else encode_result(call.id, result_of(world, call))  # type: ignore[arg-type]
            for call in calls
        ]
        stream.write(
            encode_response(200, b"[%b]" % b",".join(answers) if isinstance(found, list) else answers[0])
        )

    server = Server(answering)
    log = run_load(tmp_path / "run", Replay(str(path)), server)
    asked = [json.loads(request.body) for request in server.requests]
    assert [[one["id"] for one in body] for body in asked[1:]] == [
        ["w0-1", "w0-4"],
        ["w0-2"],
        ["w0-3", "w0-5", "w0-6"],
    ]
    assert asked[3][2]["params"] == [1]
    assert [(r.request_id, r.method, r.outcome, r.answer) for r in log.requests] == [
        ("w0-0", "eth_chainId", "ok", "right"),
        ("w0-1", "batch", "ok", "right"),
        ("w0-2", "batch", "ok", "wrong"),
        ("w0-3", "batch", "ok", "right"),
    ]


def test_shards_deal_a_trace_out_among_themselves(tmp_path: Path) -> None:
    calls = [{"at_ms": 10 * n, "method": "my_method", "params": [n]} for n in range(7)]
    path = write_trace(tmp_path / "t.jsonl", *calls)
    servers = [Server(knowing) for _ in range(3)]
    for shard, server in enumerate(servers):
        run_load(tmp_path / str(shard), Replay(str(path), shards=3), server, shard=shard)
    seen = [[call_of(request).params for request in server.requests] for server in servers]
    assert seen == [[[0], [3], [6]], [[1], [4]], [[2], [5]]]


@pytest.mark.parametrize(
    "spec",
    [
        HttpConstant("eth_getBalance", rate=10, duration=seconds(1), batch=5, name="b"),
        HttpUsers("eth_getBalance", users=1, duration=ms(500), think_time=ms(50), batch=5, name="b"),
    ],
)
def test_a_batch_is_one_request_of_the_log_and_right_in_any_order(tmp_path: Path, spec: Workload) -> None:
    server = Server(knowing)
    log = run_load(tmp_path, spec, server)
    assert len(log.requests) == len(server.requests)
    assert 9 <= len(log.requests) <= 10
    assert kinds(log) == {("ok", "right")}
    assert {request.method for request in log.requests} == {"batch"}
    asked = [json.loads(request.body) for request in server.requests]
    assert {len(calls) for calls in asked} == {5}
    ids = [call["id"] for calls in asked for call in calls]
    assert len(set(ids)) == 5 * len(log.requests)
    assert {request.request_id for request in log.requests} == {calls[0]["id"] for calls in asked}
    assert log.total("due") == log.total("ended") == len(log.requests)


def test_a_batch_whose_answers_were_swapped_is_wrong(tmp_path: Path) -> None:
    async def swapping(world: World, stream: Stream, request: HttpRequest) -> None:
        calls = [call for call in read_calls(request.body) if isinstance(call, Call)]
        ids = [call.id for call in reversed(calls)]
        pairs = zip(ids, calls, strict=True)
        body = b",".join(encode_result(each, result_of(world, call)) for each, call in pairs)  # type: ignore[arg-type]
        stream.write(encode_response(200, b"[%b]" % body))

    spec = HttpConstant("eth_getBalance", rate=10, duration=seconds(1), batch=2)
    assert kinds(run_load(tmp_path, spec, Server(swapping))) == {("ok", "wrong")}


def test_a_generator_s_questions_are_asked_and_judged_where_the_chain_knows(tmp_path: Path) -> None:
    spec = HttpConstant(generator=GENERATOR, rate=10, duration=seconds(1))
    server = Server(knowing)
    log = run_load(tmp_path / "one", spec, server)
    found = Counter((request.method, request.outcome, request.answer) for request in log.requests)
    assert found == {("eth_getBalance", "ok", "right"): 8, ("my_unknownMethod", "ok", "none"): 2}
    assert len({str(call_of(request).params) for request in server.requests}) == 10
    again, other = Server(knowing), Server(knowing)
    run_load(tmp_path / "again", spec, again)
    run_load(tmp_path / "other", spec, other, seed=2)
    assert [request.body for request in again.requests] == [request.body for request in server.requests]
    assert [request.body for request in other.requests] != [request.body for request in server.requests]


@pytest.mark.parametrize(
    "spec",
    [
        HttpConstant(generator=f"{HERE}:breaking_later", rate=10, duration=seconds(1)),
        HttpUsers(generator=f"{HERE}:breaking_later", users=1, duration=seconds(1), think_time=ms(10)),
    ],
)
def test_a_generator_that_breaks_ends_its_node_and_nothing_else(tmp_path: Path, spec: Workload) -> None:
    server = Server(knowing)
    log = run_load(tmp_path, spec, server)
    assert [request.request_id for request in log.requests] == ["w0-0", "w0-1", "w0-2"]
    assert len(server.requests) >= 2  # the third had just left when the fourth could not be made
    assert log.exit is not None
    assert log.exit.how == "failed"


def test_users_think_before_they_ask_again(tmp_path: Path) -> None:
    async def slow(world: World, stream: Stream, request: HttpRequest) -> None:
        await world.sleep_until(world.now_ns() + ms(50))
        await truthful(world, stream, request)

    spec = HttpUsers("eth_chainId", users=3, duration=seconds(1), think_time=ms(200))
    log = run_load(tmp_path, spec, Server(slow))
    assert len(log.requests) == 3 * 4
    latencies = {(request.ended_ns - request.scheduled_ns) // ms(1) for request in log.requests}
    assert latencies == {50}  # thinking is not waiting


def answered_late(latency: int) -> Any:
    """What a server does that takes so long for each answer."""

    async def script(world: World, stream: Stream, request: HttpRequest) -> None:
        await world.sleep_until(world.now_ns() + latency)
        await truthful(world, stream, request)

    return script


def users_in(log: Log, second: int) -> set[int | None]:
    began = [(one.scheduled_ns - BEGIN_NS, one.client) for one in log.requests]
    return {client for at_ns, client in began if second * seconds(1) <= at_ns < (second + 1) * seconds(1)}


def test_users_come_and_leave_by_stages(tmp_path: Path) -> None:
    stages = (
        UserStage(duration=seconds(2), users=4),
        UserStage(duration=seconds(2), users=4),
        UserStage(duration=seconds(2), users=1),
        UserStage(duration=0, users=3),
        UserStage(duration=seconds(1), users=3),
    )
    spec = HttpUsers("eth_chainId", stages=stages, think_time=ms(50))
    log = run_load(tmp_path, spec, Server(answered_late(ms(50))))
    assert users_in(log, 1) == {0, 1, 2, 3}
    assert users_in(log, 2) == users_in(log, 3) == {0, 1, 2, 3}
    assert users_in(log, 5) == {0, 1}  # one of them leaves within it
    assert users_in(log, 6) == {0, 1, 2}
    each = Counter(
        one.client for one in log.requests if seconds(2) <= one.scheduled_ns - BEGIN_NS < seconds(4)
    )
    assert set(each.values()) <= {19, 20, 21}  # nobody asks twice at a time, who left and came back


def test_shards_share_the_users_who_come_and_leave(tmp_path: Path) -> None:
    stages = (UserStage(duration=seconds(1), users=5), UserStage(duration=seconds(1), users=5))
    spec = HttpUsers("eth_chainId", stages=stages, think_time=ms(100), shards=2)
    logs = [run_load(tmp_path / str(shard), spec, Server(truthful), shard=shard) for shard in range(2)]
    assert [users_in(log, 1) for log in logs] == [{0, 2, 4}, {1, 3}]
    ids = [request.request_id for log in logs for request in log.requests]
    assert len(set(ids)) == len(ids)


def test_users_think_as_long_as_the_distribution_says(tmp_path: Path) -> None:
    spec = HttpUsers("eth_chainId", users=1, duration=seconds(30), think_time=Uniform(ms(100), ms(300)))
    log = run_load(tmp_path / "one", spec, Server(truthful))
    pauses = [after.scheduled_ns - before.ended_ns for before, after in pairwise(log.requests)]
    assert ms(100) <= min(pauses) < ms(120)
    assert ms(280) < max(pauses) <= ms(300)
    again = run_load(tmp_path / "again", spec, Server(truthful))
    assert [one.scheduled_ns for one in again.requests] == [one.scheduled_ns for one in log.requests]


def test_users_who_are_thinking_when_the_load_is_stopped_ask_no_more(tmp_path: Path) -> None:
    spec = HttpUsers("eth_chainId", users=2, duration=seconds(1), think_time=seconds(2))
    log = run_load(tmp_path, spec, Server(truthful))
    assert len(log.requests) == 2


def test_a_replay_that_comes_back_leaves_out_what_it_missed(tmp_path: Path) -> None:
    calls = [{"at_ms": 100 * n, "method": "eth_chainId"} for n in range(10)]
    path = write_trace(tmp_path / "t.jsonl", *calls)
    begin = Begin(-seconds(0.5), away_since_ns=-ms(150))  # it began half a second before this node was there
    log = run_load(tmp_path / "run", Replay(str(path)), Server(truthful), begin=begin)
    assert log.total("dropped") + len(log.requests) <= 7
    assert log.total("dropped") >= 2
    assert min(request.scheduled_ns for request in log.requests) > 0


@pytest.mark.live
@pytest.mark.parametrize(
    ("spec", "requests"),
    [
        (HttpBurst("eth_chainId", size=20, every=ms(100), duration=ms(300), timeout=seconds(5)), 60),
        (HttpRamp("eth_chainId", start_rate=0, end_rate=400, duration=ms(300), timeout=seconds(5)), 60),
        (HttpStages("eth_chainId", stages=(RateStage(duration=ms(300), rate=400),), timeout=seconds(5)), 60),
        (HttpStep("eth_chainId", rates=(100, 300), step_duration=ms(100), timeout=seconds(5)), 40),
        (HttpConstant("eth_getBalance", rate=200, duration=ms(200), batch=5, timeout=seconds(5)), 40),
        (HttpConstant(generator=f"{HERE}:balances", rate=200, duration=ms(20), timeout=seconds(5)), 4),
    ],
)
def test_the_same_on_real_sockets(tmp_path: Path, spec: Workload, requests: int) -> None:
    log = run_load_live(tmp_path, spec, Server(knowing))
    assert len(log.requests) == requests
    assert kinds(log) == {("ok", "right")}


@pytest.mark.live
def test_a_trace_on_real_sockets(tmp_path: Path) -> None:
    path = write_trace(
        tmp_path / "t.jsonl", *({"at_ms": 10 * n, "method": "my_method", "params": [n]} for n in range(9))
    )
    log = run_load_live(tmp_path / "run", Replay(str(path)), Server(knowing))
    assert kinds(log) == {("ok", "none")}
    first = min(request.scheduled_ns for request in log.requests)
    assert sorted(request.scheduled_ns - first for request in log.requests) == [ms(10) * n for n in range(9)]


@pytest.mark.live
def test_users_of_stages_on_real_sockets(tmp_path: Path) -> None:
    stages = (UserStage(duration=ms(200), users=4), UserStage(duration=ms(200), users=1))
    spec = HttpUsers("eth_chainId", stages=stages, think_time=Uniform(ms(5), ms(15)), timeout=seconds(5))
    log = run_load_live(tmp_path, spec, Server(knowing))
    assert kinds(log) == {("ok", "right")}
    assert {request.client for request in log.requests} == {0, 1, 2, 3}
    assert log.requests[-1].client == 0


@pytest.mark.live
def test_thinking_users_on_real_sockets(tmp_path: Path) -> None:
    spec = HttpUsers("eth_chainId", users=2, duration=ms(300), think_time=ms(100), timeout=seconds(5))
    log = run_load_live(tmp_path, spec, Server(knowing))
    assert 2 <= len(log.requests) <= 6
    assert kinds(log) == {("ok", "right")}


def test_a_node_gets_every_kind_over_its_control_channel() -> None:
    for kind in (HttpBurst, HttpRamp, HttpStages, HttpStep, Replay, HttpUsers, HttpConstant):
        assert kind in Workload.__args__
        assert kind.__struct_config__.tag
    assert len({kind.__struct_config__.tag for kind in Workload.__args__}) == len(Workload.__args__)
    msgspec.json.Decoder(Workload)
