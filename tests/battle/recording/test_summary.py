"""From observations to a profile, and from a profile to a mock that behaves like it."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle import CallLimit, HttpFailure, MockProvider, ScenarioError
from battle.actors.spec.latency import Empirical
from battle.actors.spec.profiles import ProfileError, ProviderProfile, read_profile
from battle.actors.units import ms, seconds
from battle.recording.call_limits import LimitCall, Searched
from battle.recording.summary import Observation, described, profile_of, profile_text
from battle.scenario.loader import load_scenario


def observed(number, took_ms=10.0, failure="", **block):
    return Observation(number / 10, took_ms / 1e3, failure, **block)


def profile(*observations):
    return profile_of(observations, provider="https://x", recorded_at="2026-12-01T00:00:00+00:00", chain_id=1)


def test_latencies_are_those_of_answered_calls_and_failures_keep_their_shares():
    made = profile(
        *(observed(n, took_ms=n + 1) for n in range(6)),
        observed(6, took_ms=5000, failure="no_answer"),
        *(observed(n, failure="http_503") for n in (7, 8, 9)),
    )
    assert made.latencies_ms == [1, 2, 3, 4, 5, 6]
    assert (made.failure_ratio, made.failures) == (0.4, ["http_503"] * 3 + ["no_answer"])
    assert (made.requests, made.requests_per_second, made.limit) == (10, 10.0, None)


TOO_OFTEN = HttpFailure(429, 'slow down\x7f "please"', headers={"retry-after": "1"})


def searched(calls, window_s, rounds=5, gap_s=0.05):
    """A search at 20 calls per second of who answers so many calls in each window."""
    began_s, sent = 0.0, []
    for _ in range(rounds):
        sent += [LimitCall(began_s + number * gap_s, refused=False) for number in range(calls)]
        sent.append(LimitCall(began_s + calls * gap_s, refused=True))
        sent.append(LimitCall(began_s + window_s - 0.01, refused=True))
        began_s += window_s
    return Searched(sent, 20.0)


def limited(search):
    refused = [
        observed(90 + n, took_ms=took, refusal=TOO_OFTEN, failure="http_429")
        for n, took in enumerate((2, 4, 9))
    ]
    return profile_of(
        [observed(0), observed(1, failure="http_429", refusal=TOO_OFTEN), observed(2, failure="http_503")],
        provider="https://x",
        recorded_at="2026-12-01T00:00:00+00:00",
        chain_id=1,
        search=search,
        refused=refused,
    )


def test_a_limit_has_what_was_refused_with_and_its_refusals_are_no_failures(tmp_path):
    made = limited(searched(4, 2.0))
    assert made.limit is not None
    assert (made.limit.calls, made.limit.window_ms, made.limit.burst) == (4, 2000.0, 0)
    assert (made.limit.refusal, made.limit.refused_after_ms) == (TOO_OFTEN, 6.5)
    assert (made.failures, made.failure_ratio, made.limit_searched_per_second) == (["http_503"], 0.5, 20.0)
    path = tmp_path / "p.toml"
    path.write_text(profile_text(made))
    assert read_profile(path) == made
    assert MockProvider.from_profile(path, "a").call_limit == CallLimit(
        calls=4, window=seconds(2), refusal=TOO_OFTEN, delay=ms(6.5)
    )
    assert "4 calls in 2 s" in "".join(described(made))
    assert "HTTP 429, Retry-After 1" in "".join(described(made))


def test_a_limit_that_the_calls_do_not_settle_is_said_to_be_unknown():
    given_up = limited(Searched(searched(4, 2.0, rounds=2).calls, 20.0, "it was asked no more"))
    assert (given_up.limit, given_up.failures) == (None, ["http_429", "http_503"])
    assert any("it was asked no more" in one for one in given_up.unknown)
    odd = [LimitCall(n / 20, refused=n * n % 7 in (1, 2)) for n in range(60)]
    assert limited(Searched(odd, 20.0)).limit is None
    without = profile(observed(0), observed(1, failure="http_429", refusal=TOO_OFTEN))
    assert without.failures == ["http_429"]
    assert "was not looked for" in without.unknown[0]


def test_the_delay_of_new_blocks_counts_from_the_second_one_on():
    seen = [(100, 9.0), (100, 9.1), (101, 0.55), (101, 0.65), (102, None), (102, 0.75), (101, 3.0)]
    made = profile(*(observed(n, height=height, age_s=age) for n, (height, age) in enumerate(seen)))
    assert made.head_delays_ms == pytest.approx([500.0, 600.0])
    assert (made.head_delay_error_ms, made.heights_went_back) == (50.0, 1)
    assert any("only 2 new blocks" in one for one in made.unknown)


@pytest.mark.parametrize(
    ("age_s", "says"),
    [(-8.0, "are not those of the day"), (90_000.0, "are not those of the day"), (None, "had the time")],
)
def test_a_lag_that_the_clocks_do_not_show_is_unknown(age_s, says):
    made = profile(*(observed(n, height=n, age_s=age_s) for n in range(6)))
    assert (made.head_delays_ms, made.head_delay_error_ms) == ([], None)
    assert any(says in one for one in made.unknown)


@pytest.mark.parametrize(
    ("age_s", "says"),
    [
        (3.2e8, "new blocks are 10 years old when"),
        (90_000.0, "new blocks are 25 h old when"),
        (-8.0, "new blocks are 8 s in the future when"),
        (-1.8e9, "new blocks are 57 years in the future when"),
    ],
)
def test_how_far_a_chain_is_from_the_clock_is_a_plain_length(age_s, says):
    made = profile(*(observed(n, height=n, age_s=age_s) for n in range(6)))
    assert any(says in one for one in made.unknown), made.unknown


@given(
    st.lists(
        st.tuples(st.floats(0, 20), st.sampled_from(["", "", "http_503", "reset"])), min_size=1, max_size=300
    )
)
def test_what_is_written_is_read_again(tmp_path_factory, made):
    calls = [observed(-1), *(observed(n, took * 1e3, failure) for n, (took, failure) in enumerate(made))]
    original = profile(*calls)
    path = tmp_path_factory.mktemp("profile") / "p.toml"
    path.write_text(profile_text(original))
    assert read_profile(path) == original
    mock = MockProvider.from_profile(path, "a", groups=("eu",))
    assert (mock.groups, [*mock.problems()]) == (("eu",), [])
    assert isinstance(mock.latency, Empirical)
    assert [*described(original)]


def test_a_mock_replays_a_profile_in_python_and_in_a_file(tmp_path):
    path = tmp_path / "p.toml"
    path.write_text(profile_text(profile(observed(0, 20), observed(1, 30), observed(2, failure="http_503"))))
    mock = MockProvider.from_profile(path, "a", port=9001)
    assert mock.latency == Empirical((ms(20), ms(30)))
    assert (mock.reliability.failure_ratio, mock.reliability.kinds, mock.port) == (
        0.3333,
        ("http_503",),
        9001,
    )
    (tmp_path / "s.toml").write_text(
        'name = "S"\n[[providers]]\ntype = "mock"\nname = "a"\nport = 9001\nprofile = "p.toml"\n'
        '[[workloads]]\ntype = "http_constant"\nmethod = "eth_chainId"\nrate = 1\nduration = "1s"\n'
    )
    assert load_scenario(str(tmp_path / "s.toml")).providers == [mock]


def test_a_profile_in_python_is_pointed_to_its_constructor():
    (problem,) = MockProvider("a", profile="p.toml").problems()
    assert "MockProvider.from_profile(...)" in problem


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "latencies_ms"),
        ("latencies_ms = []", "at least one latency"),
        ("latencies_ms = [1]\nfailure_ratio = 2", "failure_ratio is a share"),
        ("latencies_ms = [1]\nfailure_ratio = 0.5", "failures must name"),
        ("latencies_ms = [1]\nspeed = 5", "speed"),
        ("latencies_ms = ", "p.toml"),
        ("latencies_ms = [1]\nhead_delays_ms = [-1]", "head_delays_ms"),
        (
            "latencies_ms = [1]\n[limit]\ncalls = 0\nwindow_ms = 1\nwindow_ms_min = 1\nwindow_ms_max = 1\n"
            '[limit.refusal]\ntype = "http"\nstatus = 429\n',
            "limit: call_limit: calls must be above 0",
        ),
    ],
)
def test_what_is_no_profile_is_a_sentence(tmp_path, text, says):
    path = tmp_path / "p.toml"
    path.write_text(text)
    with pytest.raises(ProfileError, match=says):
        read_profile(path)


def test_a_profile_that_is_missing_is_a_problem_of_the_scenario(tmp_path):
    (tmp_path / "s.toml").write_text('name = "S"\n[[providers]]\ntype = "mock"\nname = "a"\nprofile = "no.toml"\n'
        'workloads = []\n')  # fmt: skip
    with pytest.raises(ScenarioError, match="profile"):
        load_scenario(str(tmp_path / "s.toml"))


def test_the_text_is_toml_with_all_that_is_known():
    text = profile_text(ProviderProfile(latencies_ms=[1.5], chain_id=None, provider='https://"x"'))
    assert tomllib.loads(text)["provider"] == 'https://"x"'
    assert "chain_id" not in text
