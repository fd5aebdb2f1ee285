"""From observations to a profile, and from a profile to a mock that behaves like it."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle import MockProvider, ScenarioError
from battle.actors.spec.latency import Empirical
from battle.actors.spec.profiles import ProfileError, ProviderProfile, read_profile
from battle.actors.units import ms
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
    assert (made.requests, made.requests_per_second, made.refused_above_per_second) == (10, 10.0, None)


def test_a_limit_is_what_was_answered_in_a_second_with_refusals():
    made = profile(*(observed(n, failure="http_429" if n % 10 >= 7 else "") for n in range(30)))
    assert made.refused_above_per_second == 7


def test_the_age_of_new_blocks_counts_from_the_second_one_on():
    heights = [(100, 9.0), (100, 9.1), (101, 0.5), (101, 0.6), (102, 0.7), (101, 3.0)]
    made = profile(*(observed(n, height=height, age_s=age) for n, (height, age) in enumerate(heights)))
    assert (made.head_age_ms, made.heights_went_back) == (600.0, 1)


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
