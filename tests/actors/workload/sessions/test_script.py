"""Scripts alone: what they ask next for which answers. Pure."""

from typing import Any

import pytest

from battle.actors.chain.keccak import keccak
from battle.actors.session_failures import SessionFailed, StepFailed
from battle.actors.spec.workloads import HttpSessions, SessionStep
from battle.actors.spec.workloads.sessions import SCRIPTS
from battle.actors.units import seconds
from battle.actors.workload.sessions.author_script import load_script
from battle.actors.workload.sessions.script import Call, Over, Pause, Script, ScriptError, Session, Turn
from battle.actors.workload.sessions.scripts import READING, poll_filter, walk_blocks, walk_logs
from battle.actors.workload.sessions.steps import listed_steps
from battle.actors.workload.sessions.writers import send_and_read
from tests.actors.workload.sessions.sample_scripts import HERE

BLOCK_TIME = seconds(2)


def play(script: Script, *results: Any) -> list[Turn]:
    """What a session does for these results, its pauses left out of account but said."""
    session = Session("script", 7, script)
    turns: list[Turn] = [session.first()]
    for result in results:
        turns.append(session.fail(result) if isinstance(result, SessionFailed) else session.go_on(result))
        while isinstance(turns[-1], Pause):
            turns.append(session.go_on())
    return turns


def asked(turns: list[Turn]) -> list[tuple[str, Any]]:
    return [(turn.method, turn.params) for turn in turns if isinstance(turn, Call)]


def test_a_filter_is_made_polled_and_removed() -> None:
    turns = play(poll_filter(2, BLOCK_TIME), "0x7", ["0xa"], ["0xb", "0xc"], True)
    assert turns == [
        Call("eth_newBlockFilter", [], b"[]"),
        Pause(BLOCK_TIME),
        Call("eth_getFilterChanges", ["0x7"], b'["0x7"]'),
        Pause(BLOCK_TIME),
        Call("eth_getFilterChanges", ["0x7"], b'["0x7"]'),
        Call("eth_uninstallFilter", ["0x7"], b'["0x7"]'),
        Over(None),
    ]


@pytest.mark.parametrize(
    ("results", "failure"),
    [
        (["0x7", ["0xa"], ["0xa"]], "eth_getFilterChanges: block 0xa came twice"),
        (["0x7", None], "eth_getFilterChanges: the answer is no list"),
        (["0x7", [{"a": 1}]], "eth_getFilterChanges: {'a': 1} is no block's hash"),  # as of a filter for logs
        (["0x7", [], [], False], "eth_uninstallFilter: the filter was gone"),
        (
            ["0x7", StepFailed("eth_getFilterChanges", "rpc_error", -32000, "filter not found")],
            "eth_getFilterChanges: error -32000: filter not found",
        ),
        ([StepFailed("eth_newBlockFilter", "timeout")], "eth_newBlockFilter: timeout"),
    ],
)
def test_a_filter_that_is_lost_or_repeats_itself_fails_its_session(results: list[Any], failure: str) -> None:
    assert play(poll_filter(2, BLOCK_TIME), *results)[-1] == Over(failure)


def block(number: int) -> dict[str, str]:
    return {"number": hex(number), "hash": f"0x{number:064x}", "parentHash": f"0x{number - 1:064x}"}


def test_blocks_are_walked_by_their_parents() -> None:
    turns = play(walk_blocks(3, BLOCK_TIME), block(9), block(8), block(7))
    assert asked(turns) == [
        ("eth_getBlockByNumber", ["latest", False]),
        ("eth_getBlockByHash", [block(8)["hash"], False]),
        ("eth_getBlockByHash", [block(7)["hash"], False]),
    ]
    assert turns[-1] == Over(None)


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (None, "eth_getBlockByHash: the parent of block 9 is not known"),
        (block(7), "eth_getBlockByHash: another block than the parent of block 9"),
        ({"hash": "0x1"}, "the answer has no number"),
        ({"number": "nine"}, "number: 'nine' is no quantity"),
        ([], "the answer has no number"),
    ],
)
def test_a_gap_in_the_blocks_fails_the_session(answer: Any, failure: str) -> None:
    assert play(walk_blocks(3, BLOCK_TIME), block(9), answer)[-1] == Over(failure)


def test_logs_are_walked_from_the_newest_to_the_first_block() -> None:
    turns = play(walk_logs(9, BLOCK_TIME), "0x4", [{"blockNumber": "0x3"}], [], [])
    assert [params[0] for _, params in asked(turns)[1:]] == [
        {"fromBlock": "0x3", "toBlock": "0x4"},
        {"fromBlock": "0x1", "toBlock": "0x2"},
        {"fromBlock": "0x0", "toBlock": "0x0"},
    ]
    assert turns[-1] == Over(None)


def test_a_log_of_another_block_fails_the_session() -> None:
    failure = "eth_getLogs: a log of another block than 3 to 4"
    assert play(walk_logs(9, BLOCK_TIME), "0x4", [{"blockNumber": "0x5"}])[-1] == Over(failure)


STEPS = (
    SessionStep(method="eth_getBlockByNumber", params=["latest", False], save="block"),
    SessionStep(method="eth_getLogs", params=[{"blockHash": "{block.hash}"}], save="logs"),
    SessionStep(
        method="eth_poll", params={"first": "{logs.0.data}"}, times=3, pause=seconds(1), until_found=True
    ),
    SessionStep(method="eth_last", params=["{block}", "{not} a name"], expect={"result": "{block.number}"}),
)


def test_steps_ask_with_earlier_answers() -> None:
    turns = play(listed_steps(STEPS), block(9), [{"data": [1, 2]}], None, "0x1", "0x9")
    assert asked(turns) == [
        ("eth_getBlockByNumber", ["latest", False]),
        ("eth_getLogs", [{"blockHash": block(9)["hash"]}]),
        ("eth_poll", {"first": [1, 2]}),
        ("eth_poll", {"first": [1, 2]}),
        ("eth_last", [block(9), "{not} a name"]),
    ]
    assert [turn for turn in turns if isinstance(turn, Pause)] == [Pause(seconds(1))]
    assert turns[-1] == Over(None)


@pytest.mark.parametrize(
    ("results", "failure"),
    [
        ([{"number": "0x9"}], "the answer saved as 'block' has no hash"),
        ([block(9), []], "the answer saved as 'logs' has no 0.data"),
        ([block(9), [{"data": 1}], None, None, None], "eth_poll: nothing was found, asked 3 times"),
        ([block(9), [{"data": 1}], 1, "0x8"], "eth_last: the answer is not the one that the step expects"),
    ],
)
def test_steps_fail_where_their_answers_do_not_go_together(results: list[Any], failure: str) -> None:
    assert play(listed_steps(STEPS), *results)[-1] == Over(failure)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("nonsense", "must be written package.module:function"),
        (f"{HERE}:nobody", "has no 'nobody'"),
        (f"{HERE}:no_generator", "must be a generator function"),
        (f"{HERE}:waiting_first", "must begin with a call"),
    ],
)
def test_a_script_that_cannot_be_played_is_refused(name: str, problem: str) -> None:
    with pytest.raises(ScriptError, match=problem):
        load_script(name)


def made(name: str) -> Script:
    return load_script(f"{HERE}:{name}")(1, None)


def test_what_breaks_in_a_script_is_its_author_s_and_says_where() -> None:
    where = r"raised TypeError: .*sample_scripts.py:\d+ \(in session 7, after call 1\)"
    with pytest.raises(ScriptError, match=where):
        play(made("broken"), "0x1")
    with pytest.raises(ScriptError, match=r"or a duration for a pause, such as battle.seconds\(1\), not 5"):
        play(made("hasty"), "0x1")
    with pytest.raises(ScriptError, match="must begin with a call, for session 7"):
        play(made("empty"))
    with pytest.raises(ScriptError, match="more than 1000 calls"):
        play(made("endless"), *["0x1"] * 1000)


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_session_makes_as_many_calls_as_its_spec_says_at_most(script: str) -> None:
    spec = HttpSessions(script=script, length=4, rate=1, duration=BLOCK_TIME)
    chain = {number: block(number) for number in range(20)}
    made = (
        send_and_read(1, 0, 0, 1, 4, BLOCK_TIME) if script not in READING else READING[script](4, BLOCK_TIME)
    )
    session = Session(script, 0, made)
    turn: Turn = session.first()
    height = 9
    while not isinstance(turn, Over):
        if isinstance(turn, Pause):
            turn = session.go_on()
            continue
        results: dict[str, Any] = {
            "eth_newBlockFilter": "0x7",
            "eth_getFilterChanges": [],
            "eth_uninstallFilter": True,
            "eth_blockNumber": "0x9",
            "eth_getLogs": [],
            "eth_getBlockByNumber": chain[height],
            "eth_getBlockByHash": chain[height - 1],
            "eth_getTransactionCount": "0x1",
            "eth_getTransactionByHash": {},
            "eth_getTransactionReceipt": None,
        }
        if turn.method == "eth_sendRawTransaction":
            assert isinstance(turn.params, list)
            sent = bytes.fromhex(turn.params[0][2:])
            results[turn.method] = "0x" + keccak(sent).hex()
        height -= turn.method == "eth_getBlockByHash"
        turn = session.go_on(results[turn.method])
    assert session.calls == spec.calls
