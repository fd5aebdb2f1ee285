"""Traces: what is read, and what is said about those that cannot be."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.spec.workloads import Replay
from battle.actors.units import ms, seconds
from battle.actors.workload.checks import duration_of, workload_problems
from battle.actors.workload.requests.trace import (
    MAX_PROBLEMS,
    Trace,
    TraceError,
    calls_of,
    parse_trace,
    read_trace,
)

GOOD = b'{"at_ms": 12.5, "method": "eth_call", "params": [1]}\n'


def problems(*lines: bytes) -> list[str]:
    with pytest.raises(TraceError) as caught:
        parse_trace(lines, "t.jsonl")
    return caught.value.problems


def test_times_are_in_milliseconds_or_nanoseconds() -> None:
    trace = parse_trace([GOOD, b'{"at_ns": 7, "method": "m"}', b"\n", b'{"at_ms": 3, "method": "n"}'], "t")
    assert trace == Trace((7, ms(3), ms(12.5)), ("m", "n", "eth_call"), (b"[]", b"[]", b"[1]"), (None,) * 3)


def test_parameters_keep_every_byte() -> None:
    line = b'{"at_ns": 1, "method": "m", "params": {"a" : 1.10, "b":12345678901234567890123}}'
    assert parse_trace([line], "t").params == (b'{"a" : 1.10, "b":12345678901234567890123}',)


CALLS = st.lists(
    st.tuples(st.integers(0, seconds(100)), st.text(), st.lists(st.none() | st.booleans() | st.text())),
    min_size=1,
)


@given(CALLS)
def test_what_was_recorded_is_read_in_the_order_of_its_times(calls: list[tuple[int, str, list]]) -> None:
    lines = [json.dumps({"at_ns": at, "method": m, "params": p}).encode() for at, m, p in calls]
    trace = parse_trace(lines, "t")
    read = list(zip(trace.times_ns, trace.methods, map(json.loads, trace.params), strict=True))
    assert read == sorted(calls, key=lambda call: call[0])


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"{", "truncated"),
        (b"\xff", "utf-8"),
        (b"[1]", "Expected `object`"),
        (b"[]", "a batch needs at least one call"),
        (b'[{"method": "m"}, {"at_ms": 1, "method": "m"}]', "must give its time"),
        (
            b'[{"at_ms": 1, "method": "m"}, {"method": "m", "params": 1}]',
            "params must be a list or an object, not 1",
        ),
        (b'{"at_ms": 1, "method": "m", "expect": 1}', "an answer is written {"),
        (b'{"at_ms": 1, "method": "m", "expect": {}}', "an answer is written {"),
        (b'{"at_ms": 1, "method": "m", "expect": {"result": 1, "error": {}}}', "an answer is written {"),
        (
            b'{"at_ms": 1, "method": "m", "response": {"error": {"code": 3}}}',
            "missing required field `message`",
        ),
        (
            b'{"at_ms": 1, "method": "m", "expect": {"result": 1}, "response": {"result": 1}}',
            "its answer twice",
        ),
        (b'[{"at_ms": 1, "method": "m", "expect": {"error": 1}}]', "an error is written {"),
        (
            b'{"at_ms": 1, "method": "m", "expect": {"error": {"code": %d, "message": ""}}}' % 2**63,
            "an error is",
        ),
        (b'{"at_ms": 1, "method": "m", "params": [1e999]}', "params cannot be sent: Number out of range"),
        (b'{"at_ms": 1, "method": "m", "params": ["\xff"]}', "utf-8"),
        (b'{"at_ms": 1}', "missing required field `method`"),
        (b'{"at_ms": 1, "method": 2}', "Expected `str`"),
        (b'{"at_ms": true, "method": "m"}', "Expected `float"),
        (b'{"at_ms": 1, "method": "m", "param": []}', "unknown field `param`"),
        (b'{"at_ms": 1, "method": "m", "params": "x"}', 'params must be a list or an object, not "x"'),
        (b'{"method": "m"}', "must give its time"),
        (b'{"at_ms": 1, "at_ns": 1, "method": "m"}', "must give its time"),
        (b'{"at_ns": -1, "method": "m"}', "from 0 to 24 hours"),
        (b'{"at_ms": 1e300, "method": "m"}', "at_ms cannot be 1e+300"),
        (b'{"at_ms": 1700000000000, "method": "m"}', "from 0 to 24 hours"),
        (b"[" * 100_000, "line 2"),
    ],
)
def test_a_bad_line_is_one_sentence_with_its_number(line: bytes, says: str) -> None:
    (problem,) = problems(GOOD, line, GOOD)
    assert problem.startswith("trace t.jsonl, line 2: ")
    assert says in problem


def test_each_bad_line_is_told_up_to_a_bound() -> None:
    assert [problem[:22] for problem in problems(b"{", GOOD, b"}")] == [
        "trace t.jsonl, line 1:",
        "trace t.jsonl, line 3:",
    ]
    told = problems(*[b"no trace at all"] * 1_000)
    assert len(told) == MAX_PROBLEMS + 1
    assert told[-1] == f"trace t.jsonl: what follows line {MAX_PROBLEMS} was not read"


def test_a_trace_without_calls_is_none() -> None:
    assert problems(b"\n") == ["trace t.jsonl holds no calls"]


def test_a_trace_too_long_to_be_held_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("battle.actors.workload.requests.trace.MAX_CALLS", 3)
    parse_trace([GOOD] * 3, "t")
    assert problems(*[GOOD] * 4) == ["trace t.jsonl has more than 3 calls"]


def test_a_file_that_is_not_there_or_is_none_is_one_sentence(tmp_path: Path) -> None:
    for path, why in ((tmp_path / "gone", "No such file"), (tmp_path, "it is a directory, not a file")):
        (problem,) = workload_problems(Replay(str(path)))
        assert problem.startswith(f"trace {path} cannot be read: {why}")
        assert duration_of(Replay(str(path))) == 0


def test_a_path_starts_at_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "t.jsonl").write_bytes(GOOD)
    monkeypatch.chdir(tmp_path)
    assert list(workload_problems(Replay("t.jsonl"))) == []
    assert duration_of(Replay("t.jsonl", speed=0.5)) == ms(25) + 1


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_bytes(GOOD)
    assert len(read_trace(str(path)).times_ns) == 1
    path.write_bytes(GOOD * 2)
    assert len(read_trace(str(path)).times_ns) == 2


def test_a_call_may_say_its_answer_under_two_names() -> None:
    result, error = b'{"result": [1.0]}', b'{"jsonrpc":"2.0","id":1,"error":{"code":3,"message":"no"}}'
    lines = [
        b'{"at_ms":1,"method":"m","expect":%b}' % result,
        b'{"at_ms":2,"method":"n","response":%b}' % error,
    ]
    assert parse_trace([*lines, GOOD], "t").answers == (result, error, None)


def test_a_list_of_calls_is_a_batch_and_its_further_calls_have_numbers_behind_all_requests() -> None:
    others = b'{"method": "b", "params": {"c": 1}}, {"method": "d", "expect": {"result": 1}}'
    three = b'[{"at_ms": 5, "method": "a"}, %b]' % others
    one = b'[{"at_ms": 1, "method": "batch"}]'
    trace = parse_trace([GOOD, three, b'{"at_ms": 2, "method": "batch"}', one, three], "t")
    assert trace.methods == ("batch", "batch", "batch", "batch", "eth_call")
    assert trace.batches == {0: 5, 2: 5, 3: 7}
    assert calls_of(trace.params[2]) == [
        ("a", b"[]", None),
        ("b", b'{"c": 1}', None),
        ("d", b"[]", b'{"result": 1}'),
    ]
