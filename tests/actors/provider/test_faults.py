"""Each fault of behaviour: its effect at the client, its name in the log, and no trace of it after its end."""

import msgspec
import pytest
import trio

from actors.chain.judge import judge
from actors.chain.model import ChainModel
from actors.faults.behaviour import (
    Degrade,
    ErrorRate,
    Hang,
    Malformed,
    MissingData,
    RateLimit,
    Reorg,
    StaleHead,
    Truncated,
    WrongAnswer,
    WrongChain,
)
from actors.faults.imposing import Impose, Revert
from actors.units import ms, seconds
from actors.wire.http import ProtocolError
from tests.actors.provider.stage import CHAIN, decoded, facts, play, providing
from tests.actors.worlds import simulated

MODEL = ChainModel(CHAIN)
HEAD = CHAIN.start_height
"""A block takes two seconds: these tests are over before the next one comes, unless they wait for it."""

BUSY = next(height for height in range(HEAD, 0, -1) if MODEL.block_at(height).receipts)
TRANSACTION = MODEL.block_at(BUSY).transactions[0]["hash"]


def call(method, *params):
    return msgspec.json.encode({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})


CHAIN_ID = call("eth_chainId")
BLOCK_NUMBER = call("eth_blockNumber")
NEWEST = call("eth_getBlockByNumber", "latest", False)
BALANCE = call("eth_getBalance", "0x" + "12" * 20, "latest")


async def told(stage, provider, message):
    provider.tell(message)
    await stage.sleep(ms(10))


def before_under_after(world, fault, *bodies, meet=None, **spec):
    """What the client meets when it asks before the fault, under it and after it, and what the log says of that.

    Returns three lists and the log's fault ids in three lists.
    """
    meet = meet or answer

    async def script(stage, provider):
        met = []
        for message in (None, Impose("f1", fault), Revert("f1")):
            if message is not None:
                await told(stage, provider, message)
            met.append([await meet(provider, body) for body in bodies])
        log = await provider.logged(3 * len(bodies))
        size = len(bodies)
        return (
            met,
            [[event.fault_id for event in log[at : at + size]] for at in range(0, 3 * size, size)],
            log,
        )

    return play(world, script, **spec)


async def answer(provider, body):
    return decoded(await provider.ask(body))


async def response(provider, body):
    found = await provider.ask(body)
    return found.status, found.headers.get(b"content-type"), found.body


def signs(count, fault_id="f1"):
    return [[None] * count, [fault_id] * count, [None] * count]


# Failures


@pytest.mark.parametrize("status", [500, 502, 503])
def test_http_errors(either_world, status):
    met, signed, log = before_under_after(
        either_world, ErrorRate("a", kinds=(f"http_{status}",)), CHAIN_ID, meet=response
    )
    assert [one[0][0] for one in met] == [200, status, 200]
    assert signed == signs(1)
    assert facts(log[1], "outcome", "http_status", "rpc_code") == ("error", status, None)


@pytest.mark.parametrize(("kind", "code"), [("rpc_server_error", -32000), ("rpc_internal_error", -32603)])
def test_rpc_errors(either_world, kind, code):
    met, signed, log = before_under_after(either_world, ErrorRate("a", kinds=(kind,)), CHAIN_ID)
    assert [one[0].get("error", {}).get("code") for one in met] == [None, code, None]
    assert signed == signs(1)
    assert facts(log[1], "outcome", "http_status", "rpc_code") == ("error", 200, code)


def test_errors_come_at_once():
    _, _, log = before_under_after(simulated, ErrorRate("a"), CHAIN_ID, meet=response, latency=ms(50))
    assert [event.replied_ns - event.received_ns for event in log] == [ms(50), 0, ms(50)]


@pytest.mark.parametrize("style", ["http_429", "rpc_limit"])
def test_requests_over_the_limit_are_refused(either_world, style):
    fault = RateLimit("a", limit_per_s=0, style=style, retry_after=ms(1500))

    async def meet(provider, body):
        found = await provider.ask(body)
        error = decoded(found).get("error", {}) if found.body else {}
        return found.status, found.headers.get(b"retry-after"), error.get("code")

    met, signed, log = before_under_after(either_world, fault, CHAIN_ID, CHAIN_ID, meet=meet)
    well, refused = (
        (200, None, None),
        {"http_429": (429, b"2", None), "rpc_limit": (200, None, -32005)}[style],
    )
    assert met == [[well] * 2, [refused] * 2, [well] * 2]
    assert signed == signs(2)
    assert {event.outcome for event in log[2:4]} == {"error"}


def test_each_second_lets_so_many_through():
    async def script(stage, provider):
        await told(stage, provider, Impose("f1", RateLimit("a", limit_per_s=2)))
        statuses = []
        for _ in range(3):
            statuses.append([(await provider.ask()).status for _ in range(4)])
            await stage.sleep(seconds(1))
        return statuses, [event.fault_id for event in await provider.logged(12)]

    statuses, signed = play(simulated, script)
    assert statuses == [[200, 200, 429, 429]] * 3
    assert signed == [None, None, "f1", "f1"] * 3


def test_a_hanging_provider_takes_the_request_and_never_answers(either_world):
    async def meet(provider, body):
        client = await provider.connect()
        client.post(body)
        with trio.move_on_after(0.1):
            found = await client.response()
            client.stream.close()
            return found.status
        client.stream.close()
        return None

    met, signed, log = before_under_after(either_world, Hang("a"), CHAIN_ID, meet=meet)
    assert met == [[200], [None], [200]]
    assert signed == signs(1)
    assert facts(log[1], "outcome", "http_status", "replied_ns") == ("unknown", None, None)


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
def test_malformed_answers(either_world, form, status, content_type):
    fault = Malformed("a", forms=(form,))
    met, signed, log = before_under_after(either_world, fault, CHAIN_ID, meet=response)
    (well,), (spoiled,), (after,) = met
    assert well == after == (200, b"application/json", well[2])
    assert spoiled[:2] == (status, content_type)
    assert (spoiled[2] == well[2]) == (form == "wrong_content_type")
    assert signed == signs(1)
    assert facts(log[1], "outcome", "http_status") == ("error", status)


def test_truncated_answers_end_inside_their_body(either_world):
    async def meet(provider, body):
        client = await provider.connect()
        client.post(body)
        with trio.fail_after(1):
            found = await client.response()
        if found is None:
            with pytest.raises(ProtocolError):
                client._parser.feed_eof()
            return "cut"
        return found.status

    met, signed, log = before_under_after(either_world, Truncated("a"), CHAIN_ID, meet=meet)
    assert met == [[200], ["cut"], [200]]
    assert signed == signs(1)
    assert facts(log[1], "outcome", "http_status", "replied_ns") == ("unknown", None, None)


def test_what_waits_behind_a_truncated_answer_is_never_sent():
    async def script(stage, provider):
        client = await provider.connect()
        client.post(CHAIN_ID, b"w0-1")
        await stage.sleep(ms(5))
        await told(stage, provider, Impose("f1", Truncated("a")))
        client.post(CHAIN_ID, b"w0-2")
        client.post(CHAIN_ID, b"w0-3")
        first = await client.response()
        return first.status, await client.response(), await provider.logged(3)

    status, second, log = play(simulated, script, latency=ms(50))
    assert (status, second) == (200, None)
    assert [facts(event, "request_id", "outcome", "fault_id") for event in log] == [
        ("w0-1", "ok", None),
        ("w0-2", "unknown", "f1"),
        ("w0-3", "unknown", "f1"),
    ]


# The chain


def judged(method, params, met):
    return judge(MODEL, method, params, msgspec.json.encode(met["result"]), HEAD, HEAD)


def test_a_stale_head_lags_in_all_that_depends_on_it(either_world):
    fault = StaleHead("a", blocks=4)
    met, signed, log = before_under_after(either_world, fault, CHAIN_ID, BLOCK_NUMBER, NEWEST, BALANCE)
    before, under, after = met
    assert before == after
    assert under[0] == before[0]
    assert under[1]["result"] == under[2]["result"]["number"] == hex(HEAD - 4)
    assert judged("eth_getBlockByNumber", ["latest", False], under[2]) == "stale"
    assert judged("eth_getBalance", ["0x" + "12" * 20, "latest"], under[3]) == "stale"
    assert signed == [[None] * 4, [None, "f1", "f1", "f1"], [None] * 4]
    assert {event.outcome for event in log} == {"ok"}


def test_a_reorg_replaces_the_newest_blocks_until_its_end(either_world):
    heights = [HEAD - 2, HEAD - 1, HEAD]
    bodies = [call("eth_getBlockByNumber", hex(height), False) for height in heights]
    bodies.append(call("eth_getBlockByHash", MODEL.block_hash(HEAD), False))
    met, signed, _ = before_under_after(either_world, Reorg("a", depth=2), *bodies)
    before, under, after = ([one["result"] for one in part] for part in met)
    assert before == after
    assert under[0] == before[0]
    assert under[1]["parentHash"] == under[0]["hash"]
    assert under[2]["parentHash"] == under[1]["hash"] != before[1]["hash"]
    assert under[2]["hash"] != before[2]["hash"]
    assert under[3] is None
    assert signed == [[None] * 4, [None, "f1", "f1", "f1"], [None] * 4]
    assert judged("eth_getBlockByNumber", ["latest", False], {"result": under[2]}) == "stale"


def test_blocks_after_a_reorg_build_on_the_new_branch_and_end_with_it():
    async def script(stage, provider):
        await told(stage, provider, Impose("f1", Reorg("a", depth=2)))
        fork = (await answer(provider, call("eth_getBlockByNumber", hex(HEAD - 1), False)))["result"]
        await stage.sleep(3 * CHAIN.block_time)
        later = [
            (await answer(provider, call("eth_getBlockByNumber", hex(height), False)))["result"]
            for height in range(HEAD - 2, HEAD + 4)
        ]
        orphan = call("eth_getBlockByHash", later[-1]["hash"], False)
        known = (await answer(provider, orphan))["result"]
        await told(stage, provider, Revert("f1"))
        return fork, later, known, (await answer(provider, orphan))["result"]

    fork, later, known, gone = play(simulated, script)
    assert later[1] == fork
    assert [one["parentHash"] for one in later[1:]] == [one["hash"] for one in later[:-1]]
    assert later[0]["hash"] == MODEL.block_hash(HEAD - 2)
    assert [int(one["number"], 16) for one in later] == list(range(HEAD - 2, HEAD + 4))
    assert known == later[-1]
    assert gone is None


def test_a_reorg_goes_back_from_the_head_that_the_provider_sees():
    async def script(stage, provider):
        await told(stage, provider, Impose("stale", StaleHead("a", blocks=5)))
        await told(stage, provider, Impose("f1", Reorg("a", depth=2)))
        hashes = [
            (await answer(provider, call("eth_getBlockByNumber", hex(HEAD - back), False)))["result"]["hash"]
            for back in (7, 6, 5)
        ]
        return [one == MODEL.block_hash(HEAD - back) for one, back in zip(hashes, (7, 6, 5), strict=True)]

    assert play(simulated, script) == [True, False, False]


def test_a_wrong_chain_has_another_id_and_other_blocks(either_world):
    met, signed, _ = before_under_after(
        either_world, WrongChain("a", chain_id=77), CHAIN_ID, NEWEST, BLOCK_NUMBER, BALANCE
    )
    before, under, after = met
    assert before == after
    assert under[0]["result"] == "0x4d"
    assert under[2] == before[2]
    assert judged("eth_getBlockByNumber", ["latest", False], under[1]) == "wrong"
    assert judged("eth_getBalance", ["0x" + "12" * 20, "latest"], under[3]) == "wrong"
    assert signed == [[None] * 4, ["f1", "f1", None, "f1"], [None] * 4]


def test_missing_data_is_null_or_empty(either_world):
    bodies = [
        NEWEST,
        call("eth_getBlockByHash", MODEL.block_hash(HEAD), True),
        call("eth_getTransactionByHash", TRANSACTION),
        call("eth_getTransactionReceipt", TRANSACTION),
        call("eth_getLogs", {"fromBlock": hex(HEAD - 9), "toBlock": hex(HEAD)}),
        call("eth_getBlockByHash", "0x" + "34" * 32, True),
        BALANCE,
    ]
    met, signed, _ = before_under_after(either_world, MissingData("a"), *bodies)
    before, under, after = ([one["result"] for one in part] for part in met)
    assert before == after
    assert all(before[:5])
    assert under == [None, None, None, None, [], None, before[-1]]
    assert signed == [[None] * 7, [*["f1"] * 5, None, None], [None] * 7]


def test_wrong_answers_are_well_formed_and_wrong(either_world):
    met, signed, log = before_under_after(
        either_world, WrongAnswer("a"), CHAIN_ID, BLOCK_NUMBER, NEWEST, BALANCE
    )
    before, under, after = met
    assert before == after
    assert [type(one["result"]) for one in under] == [str, str, dict, str]
    for method, params, one in (
        ("eth_chainId", [], under[0]),
        ("eth_blockNumber", [], under[1]),
        ("eth_getBlockByNumber", ["latest", False], under[2]),
        ("eth_getBalance", ["0x" + "12" * 20, "latest"], under[3]),
    ):
        assert judged(method, params, one) == "wrong"
    assert signed == signs(4)
    assert {event.outcome for event in log} == {"ok"}


def test_the_calls_of_a_batch_are_told_apart(either_world):
    batch = b"[%b,%b]" % (CHAIN_ID, BLOCK_NUMBER)

    async def script(stage, provider):
        await told(stage, provider, Impose("f1", StaleHead("a")))
        await provider.ask(batch)
        return [facts(event, "method", "fault_id") for event in await provider.logged(2)]

    assert play(either_world, script) == [("eth_chainId", None), ("eth_blockNumber", "f1")]


# Shares, several at once, and repeatability


SHARED = [
    ErrorRate("a", ratio=0.4, kinds=("http_500", "rpc_internal_error")),
    Malformed("a", ratio=0.4),
    MissingData("a", ratio=0.4),
    WrongAnswer("a", ratio=0.4),
]


def story(faults, seed=1):
    """What thirty requests met: the response's bytes, and the fault that signed."""

    async def main(stage):
        async with providing(stage, latency=ms(1)) as provider:
            for name, fault in faults.items():
                provider.tell(Impose(name, fault))
            await stage.sleep(ms(1))
            met = []
            for number in range(30):
                found = await provider.ask(NEWEST, b"w0-%d" % number)
                met.append((found.status, found.body))
            return met, [
                facts(event, "fault_id", "outcome", "rpc_code", "received_ns") for event in provider.log
            ]

    return simulated(main, seed)


@pytest.mark.parametrize("fault", SHARED)
def test_a_share_of_the_requests_is_touched_and_exactly_those_are_signed(fault):
    calm, _ = story({})
    met, log = story({"f1": fault})
    touched = [found != well for found, well in zip(met, calm, strict=True)]
    assert 5 < sum(touched) < 20
    signed = [event[0] == "f1" for event in log]
    if isinstance(fault, Malformed):  # a wrong content type leaves the body as it is
        assert all(one or not other for one, other in zip(signed, touched, strict=True))
    else:
        assert signed == touched


def test_a_run_with_all_faults_repeats_and_another_seed_differs():
    faults = dict(zip("abcd", SHARED, strict=True)) | {
        "e": Degrade("a", added_latency=ms(1)),
        "f": Reorg("a"),
        "g": StaleHead("a"),
        "h": RateLimit("a", limit_per_s=25),
    }
    assert story(faults) == story(faults)
    assert story(faults) != story(faults, seed=2)
    assert {event[0] for event in story(faults)[1]} >= {"a", "b", "c", "d", "h"}


def test_one_fault_less_leaves_the_others_where_they_were():
    faults = dict(zip("abcd", SHARED, strict=True))
    _, together = story(faults)
    for name in faults:
        _, without = story({other: fault for other, fault in faults.items() if other != name})
        for one, other in zip(together, without, strict=True):
            assert one[0] in (name, other[0])
