"""A provider's own rate limit, and the delay with which it learns of blocks: in both worlds where it is served."""

from itertools import pairwise

import pytest

from battle.actors.chain.model import ChainModel
from battle.actors.provider.head_arrivals import BLOCKS_BEHIND_MAX, HeadArrivals
from battle.actors.provider.rate_limits import CallLimiter
from battle.actors.rng import Draws
from battle.actors.spec.chain import Chain, Pace
from battle.actors.spec.failures import HttpFailure, RpcFailure
from battle.actors.spec.latency import Empirical, Uniform
from battle.actors.spec.limits import CallLimit
from battle.actors.spec.providers import MockProvider
from battle.actors.units import minutes, ms, seconds
from battle.store.events import HeadPublished
from tests.actors.provider.stage import CALL, decoded, play
from tests.actors.provider.websocket_stage import of, talk
from tests.actors.worlds import simulated

DRAWS = Draws(1, "a")


def taken(limit, *asked):
    limiter = CallLimiter(limit)
    return [limiter.takes(calls, now_ns) for now_ns, calls in asked]


def test_a_window_begins_with_a_call_and_refused_calls_do_not_count():
    limit = CallLimit(calls=2, window=seconds(1))
    asked = [(ms(at), 1) for at in (700, 800, 900, 1699, 1700, 1700, 1701, 5000)]
    assert taken(limit, *asked) == [True, True, False, False, True, True, False, True]


def test_a_bucket_fills_evenly_up_to_its_burst():
    limit = CallLimit(calls=10, window=seconds(1), burst=3)
    asked = [(ms(at), 1) for at in (0, 0, 0, 0, 99, 100, 100, 10_000, 10_000, 10_000, 10_000)]
    assert taken(limit, *asked) == [True] * 3 + [False] * 2 + [True, False] + [True] * 3 + [False]


def test_each_call_of_a_batch_counts_and_a_batch_is_refused_whole():
    assert taken(CallLimit(calls=5), (0, 3), (0, 3), (0, 2)) == [True, False, True]
    assert taken(CallLimit(calls=5, burst=5), (0, 3), (0, 3), (0, 2)) == [True, False, True]


@pytest.mark.parametrize(
    ("field", "says"),
    [
        ({"calls": 0}, "calls must be above 0"),
        ({"calls": 1, "window": 0}, "window must be above 0"),
        ({"calls": 1, "burst": -1}, "burst must be 0"),
        ({"calls": 1, "delay": -1}, "delay cannot be negative"),
        ({"calls": 1, "refusal": "http_200"}, "there is no failure"),
    ],
)
def test_a_limit_that_cannot_be_is_a_problem_of_the_provider(field, says):
    (problem,) = MockProvider("a", call_limit=CallLimit(**field)).problems()
    assert problem.startswith("provider a: ")
    assert says in problem


def test_a_delay_that_cannot_be_is_one_too():
    (problem,) = MockProvider("a", head_delay=-1).problems()
    assert "head_delay cannot be negative" in problem


PAGE = HttpFailure(429, "slow down", headers={"retry-after": "7"})
ERROR = RpcFailure(-32005, "too fast", None, 429, {"retry-after": "2"})


def test_who_asks_too_often_is_refused_as_the_limit_says(either_world):
    async def script(stage, provider):
        client = await provider.connect()
        return [await client.ask() for _ in range(3)]

    limit = CallLimit(calls=2, window=minutes(1), refusal=PAGE)
    *answered, refused = play(either_world, script, call_limit=limit)
    assert [one.status for one in answered] == [200, 200]
    assert (refused.status, refused.body, refused.headers[b"retry-after"]) == (429, b"slow down", b"7")
    limit = CallLimit(calls=2, window=minutes(1), refusal=ERROR)
    *_, refused = play(either_world, script, call_limit=limit)
    assert (refused.status, refused.headers[b"retry-after"]) == (429, b"2")
    assert decoded(refused)["error"] == {"code": -32005, "message": "too fast"}


def test_a_refusal_takes_as_long_as_the_limit_says():
    async def script(stage, provider):
        began_ns = stage.now_ns()
        await provider.ask()
        between_ns = stage.now_ns()
        await provider.ask()
        return between_ns - began_ns, stage.now_ns() - between_ns

    limit = CallLimit(calls=1, window=minutes(1), delay=ms(3))
    answered_ns, refused_ns = play(simulated, script, call_limit=limit, latency=ms(50))
    assert answered_ns >= ms(50)
    assert ms(3) <= refused_ns < ms(5)


BATCH = b"[%b,%b]" % (CALL, CALL)


def test_the_log_has_refused_calls_without_a_fault():
    async def script(stage, provider):
        await provider.ask(BATCH)
        await provider.ask()
        return await provider.logged(3)

    attempts = play(simulated, script, call_limit=CallLimit(calls=2, window=minutes(1)))
    assert [(one.outcome, one.fault_id) for one in attempts] == [("ok", None), ("ok", None), ("error", None)]


CHAIN = Chain(block_time=seconds(2), start_height=500, history=500)


def arrivals(delay):
    return HeadArrivals(ChainModel(CHAIN), delay, DRAWS)


def test_a_block_is_there_so_long_after_its_time():
    late = arrivals(ms(500))
    assert [late.head_at(ms(at)) for at in (0, 2000, 2499, 2500, 4499, 4500)] == [
        500,
        500,
        500,
        501,
        501,
        502,
    ]
    assert [late.next_ns(ms(at)) for at in (4500, 6000, 6400)] == [ms(6000), ms(6500), ms(6500)]


def test_a_provider_can_be_several_blocks_late_and_never_more_than_counts_as_stale():
    assert arrivals(seconds(7)).head_at(seconds(20)) == 506
    assert arrivals(minutes(60)).head_at(minutes(30)) == 1400 - BLOCKS_BEHIND_MAX
    assert arrivals(minutes(1)).head_at(seconds(10)) == 500


def test_a_head_never_goes_back_and_comes_with_its_parents():
    late = arrivals(Uniform(0, seconds(9)))
    heads = [late.head_at(ms(10 * step)) for step in range(6000)]
    assert heads == sorted(heads)
    assert any(after - before > 1 for before, after in pairwise(heads))
    assert heads == [arrivals(Uniform(0, seconds(9))).head_at(ms(10 * step)) for step in range(6000)]


def test_a_chain_that_halts_halts_for_a_late_provider_too():
    model = ChainModel(CHAIN)
    model.clock.follow((Pace(seconds(10), 0),))
    late = HeadArrivals(model, ms(500), DRAWS)
    assert late.head_at(seconds(9)) == 504
    assert late.head_at(seconds(30)) == model.head_at(seconds(30)) == 504


NEWEST = b'{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber"}'
SYNCING = b'{"jsonrpc":"2.0","id":1,"method":"eth_syncing"}'


def test_a_late_provider_answers_from_the_head_that_it_has():
    async def script(stage, provider):
        await stage.sleep(seconds(10) - stage.now_ns())
        early = await provider.ask(NEWEST)
        syncing = await provider.ask(SYNCING)
        await stage.sleep(ms(500))
        return [decoded(one)["result"] for one in (early, syncing, await provider.ask(NEWEST))]

    assert play(simulated, script, chain=CHAIN, head_delay=ms(400)) == [hex(504), False, hex(505)]


def test_subscribers_get_heads_when_the_provider_has_them():
    async def script(stage, provider, client):
        await client.heads(await client.subscribe(), 3)
        return [(one.number, one.at_ns) for one in of(provider, HeadPublished)]

    published = talk(simulated, script, head_delay=Empirical((ms(30),)))
    assert len(published) >= 3
    assert [at_ns % ms(100) for _, at_ns in published] == [ms(30)] * len(published)
    assert all(number == 500 + at_ns // ms(100) for number, at_ns in published)


def test_calls_over_a_websocket_are_answered_from_that_head_too():
    async def script(stage, provider, client):
        await stage.sleep(ms(1010) - stage.now_ns())
        return await client.ask("eth_blockNumber")

    assert talk(simulated, script, head_delay=ms(50))["result"] == hex(509)


def test_calls_over_a_websocket_count_as_well():
    async def script(stage, provider, client):
        return [await client.ask("eth_chainId") for _ in range(2)]

    answered, refused = talk(
        simulated, script, call_limit=CallLimit(calls=1, window=minutes(1), refusal=ERROR)
    )
    assert "result" in answered
    assert refused["error"] == {"code": -32005, "message": "too fast"}
