"""A provider with a limit and a lag is recorded, replayed and recorded again, in the simulated world.

What is stated holds for both: the calls of a window exactly, a window and a rate within 10 %, the median lag within
the error that the profile gives, its spread within twice that.
"""

from functools import partial
from statistics import median

import msgspec
import pytest

from battle import CallLimit, Empirical, HttpFailure, MockProvider, Normal, RpcFailure
from battle.actors.spec.chain import Chain
from battle.actors.spec.profiles import read_profile
from battle.actors.units import ms, seconds
from battle.recording.measure import measure_by
from battle.recording.refusals import Reply
from battle.recording.summary import profile_of, profile_text
from tests.actors.provider.stage import providing
from tests.actors.worlds import simulated

CHAIN = Chain(block_time=seconds(2), start_height=500, history=500)
LAG_ERROR_MS = 200
"""Half of the 0.4 s between two questions for the newest block, at 5 calls per second."""

PAGE = HttpFailure(429, '{"error":"slow down"}', "application/json", {"retry-after": "1"})
ERROR = RpcFailure(-32005, "daily quota is for tomorrow", None, 429, {"retry-after": "2"})


async def _exchange(provider, body):
    response = await provider.ask(body)
    headers = {name.decode(): value.decode() for name, value in response.headers.items()}
    try:
        answer = msgspec.json.decode(response.body)
    except msgspec.DecodeError:
        answer = None
    return Reply(response.status, answer, headers, response.body.decode())


def recorded(spec, requests=200, limit_up_to=20.0):
    """The profile of a mock provider."""
    return profile_from(measured_of(spec, requests, limit_up_to))


def measured_of(spec, requests, limit_up_to):
    """What is measured of it, by a clock that is the chain's."""

    async def main(stage):
        fields = {
            name: getattr(spec, name) for name in ("latency", "call_limit", "head_delay", "reliability")
        }
        async with providing(stage, chain=CHAIN, **fields) as provider:
            block = await _exchange(provider, b'{"jsonrpc":"2.0","id":1,"method":"eth_getBlockByNumber",'
                                              b'"params":["0x1f4",false]}')  # fmt: skip
            epoch_s = int(block.answer["result"]["timestamp"], 16)
            return await measure_by(
                partial(_exchange, provider),
                requests=requests,
                per_second=5.0,
                limit_up_to=limit_up_to,
                time_of_day_s=lambda: epoch_s + stage.now_ns() / 1e9,
            )

    return simulated(main)


def profile_from(measured):
    return profile_of(
        measured.observations,
        provider="http://a",
        recorded_at="2026-12-01T00:00:00+00:00",
        chain_id=measured.chain_id,
        search=measured.search,
        refused=measured.refused,
    )


def replayed(profile, tmp_path):
    path = tmp_path / "p.toml"
    path.write_text(profile_text(profile))
    assert read_profile(path) == profile
    return MockProvider.from_profile(path, "a")


@pytest.mark.parametrize(
    "limit",
    [
        CallLimit(calls=8, refusal=PAGE),
        CallLimit(calls=1, window=ms(500), refusal=ERROR),
        CallLimit(calls=30, window=seconds(10), refusal=ERROR, delay=ms(5)),
        CallLimit(calls=6, burst=12, refusal=PAGE),
        CallLimit(calls=9, window=seconds(2), burst=20, refusal=ERROR),
    ],
    ids=["second", "one", "ten_seconds", "bucket", "slow_bucket"],
)
def test_a_limit_is_found_replayed_and_found_again(limit, tmp_path):
    first = recorded(MockProvider("a", latency=ms(20), call_limit=limit))
    mock = replayed(first, tmp_path)
    for found, behind in ((first.limit, limit), (recorded(mock).limit, mock.call_limit)):
        assert found is not None
        assert found.refusal == limit.refusal
        assert found.refused_after_ms == pytest.approx(limit.delay / ms(1), abs=1)
        assert bool(found.burst) == bool(limit.burst)
        assert found.burst == pytest.approx(limit.burst, abs=1)
        assert found.calls / found.window_ms == pytest.approx(limit.calls / (limit.window / ms(1)), rel=0.1)
        assert found.window_ms_min <= found.window_ms <= found.window_ms_max
        if not limit.burst:
            assert found.calls == limit.calls
            assert found.window_ms_min <= behind.window / ms(1) <= found.window_ms_max


@pytest.mark.parametrize(
    "delay", [ms(900), Normal(ms(1200), ms(150)), seconds(5)], ids=["constant", "normal", "blocks"]
)
def test_a_lag_is_measured_replayed_and_measured_again(delay, tmp_path):
    original = MockProvider("a", latency=ms(20), head_delay=delay)
    first = recorded(original, limit_up_to=0)
    mock = replayed(first, tmp_path)
    assert isinstance(mock.head_delay, Empirical)
    second = recorded(mock, limit_up_to=0)
    middle_ms = (delay.mean if isinstance(delay, Normal) else delay) / ms(1)
    for found in (first, second):
        assert found.head_delay_error_ms == pytest.approx(LAG_ERROR_MS, abs=1)
        assert len(found.head_delays_ms) >= 15
        assert median(found.head_delays_ms) == pytest.approx(middle_ms, abs=LAG_ERROR_MS)
    low, high = first.head_delays_ms[0], first.head_delays_ms[-1]
    assert second.head_delays_ms[0] >= low - 2 * LAG_ERROR_MS
    assert second.head_delays_ms[-1] <= high + 2 * LAG_ERROR_MS


def test_what_is_not_there_is_not_found():
    found = recorded(MockProvider("a", latency=ms(20)))
    assert (found.limit, found.failures, found.limit_searched_per_second) == (None, [], 20.0)
    assert max(found.head_delays_ms) <= LAG_ERROR_MS
    assert "none was met up to 20 calls per second" in found.unknown[0]


def test_a_limit_below_the_rate_is_looked_for_and_its_refusals_are_no_failures():
    original = MockProvider("a", latency=ms(20), call_limit=CallLimit(calls=3, refusal=PAGE))
    found = recorded(original, limit_up_to=1.0)
    assert found.limit is not None
    assert (found.limit.calls, found.limit.window_ms, found.failures) == (3, 1000.0, [])


def test_who_asks_to_wait_for_long_is_not_asked_again():
    limit = CallLimit(calls=8, refusal=HttpFailure(429, "no", headers={"retry-after": "3600"}))
    measured = measured_of(MockProvider("a", latency=ms(20), call_limit=limit), 40, 20.0)
    assert measured.search is not None
    assert sum(call.refused for call in measured.search.calls) <= 2
    found = profile_from(measured)
    assert found.limit is None
    assert "asks who is refused to wait for 3600 s" in found.unknown[0]


def test_few_calls_are_refused_while_a_limit_is_looked_for():
    measured = measured_of(MockProvider("a", latency=ms(20), call_limit=CallLimit(calls=8)), 40, 20.0)
    assert measured.search is not None
    assert sum(call.refused for call in measured.search.calls) <= 30
