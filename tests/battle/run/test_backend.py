"""Which providers a run is about, and what becomes of a scenario on real ones."""

import pytest

from battle import (
    ChainHalt,
    Every,
    Flap,
    Hang,
    HttpConstant,
    HttpSessions,
    HttpUsers,
    Kill,
    MockProvider,
    RealProvider,
    Scenario,
    ScenarioError,
    Sequence,
    SessionStep,
    seconds,
)
from battle.run.backend import chosen_backend, with_backend
from battle.run.secrets import with_secrets
from battle.scenario.real_backend import on_real_providers, read_providers

REAL = [
    RealProvider("one", "https://one.example/${KEY}"),
    RealProvider("b", "https://b.example", requests_per_second=25),
    RealProvider("a", "http://localhost:8545"),
]


def scenario(**changes):
    parts = {
        "providers": [MockProvider("a", port=9001, groups=("eu",)), MockProvider("b")],
        "workloads": [HttpConstant("eth_chainId", rate=10, duration=seconds(5))],
    }
    return Scenario("S", **{**parts, **changes})


def test_who_says_which_backend_it_is():
    assert chosen_backend(None, named=False, environ={}) == "mock"
    assert chosen_backend(None, named=True, environ={}) == "real"
    assert chosen_backend(None, named=False, environ={"BATTLE_BACKEND": "real"}) == "real"
    assert chosen_backend("mock", named=False, environ={"BATTLE_BACKEND": "real"}) == "mock"
    with pytest.raises(ScenarioError, match="BATTLE_BACKEND is mock or real, not 'reel'"):
        chosen_backend(None, named=False, environ={"BATTLE_BACKEND": "reel"})


@pytest.mark.parametrize(
    ("backend", "providers", "world", "says"),
    [
        ("mock", "x.toml", "live", "leave one of them out"),
        ("real", "missing.toml", "live", "missing.toml does not exist"),
    ],
)
def test_what_does_not_fit_is_refused(backend, providers, world, says):
    with pytest.raises(ScenarioError, match=says):
        with_backend(scenario(), backend, providers, world)


def test_real_providers_need_the_live_world(tmp_path):
    path = tmp_path / "p.toml"
    path.write_text('[[providers]]\nname = "a"\nurl = "http://x"\n')
    with pytest.raises(ScenarioError, match="not available in the simulated world"):
        with_backend(scenario(), "real", path, "simulated")


def test_mocks_are_replaced_by_name_and_keep_their_place():
    found = on_real_providers(scenario(), REAL).scenario.providers
    assert found == [
        RealProvider("a", "http://localhost:8545", port=9001, groups=("eu",)),
        RealProvider("b", "https://b.example", requests_per_second=25),
    ]


def test_without_all_names_they_are_replaced_in_order_and_said_to_be():
    backend = on_real_providers(scenario(), REAL[:2])
    assert [one.url for one in backend.scenario.providers] == [REAL[0].url, REAL[1].url]
    assert backend.changes[:2] == (
        "provider a is one (https://one.example, at most 10 calls per second)",
        "provider b is b (https://b.example, at most 25 calls per second)",
    )


def test_too_few_are_refused():
    with pytest.raises(ScenarioError, match="has 2 providers, and 1 real ones are listed"):
        on_real_providers(scenario(), REAL[:1])


def test_faults_that_need_a_mock_are_left_out_with_what_they_are_in():
    kept = [Kill("a", at=seconds(1)), Flap("b", down=seconds(1), up=seconds(1))]
    hang = Hang("b", duration=seconds(1))
    backend = on_real_providers(scenario(chaos=[*kept, hang, Every(hang, period=seconds(2))]), REAL)
    assert backend.scenario.chaos == kept
    assert [change for change in backend.changes if change.startswith("fault")] == [
        "fault left out: hang of b needs a mock provider"
    ] * 2


def test_a_fault_of_the_chain_needs_a_mock_and_takes_its_sequence_along():
    halt = ChainHalt("*", at=seconds(1), duration=seconds(1))
    backend = on_real_providers(scenario(chaos=[halt, Sequence((Kill("a", at=seconds(1)), halt))]), REAL)
    assert backend.scenario.chaos == []
    assert [change for change in backend.changes if change.startswith("fault")] == [
        "fault left out: chain_halt of * needs a mock provider",
        "fault left out: kill of a is in one entry with such a fault",
        "fault left out: chain_halt of * needs a mock provider",
    ]


def test_the_load_is_reduced_to_what_the_slowest_provider_may_be_asked():
    loads = [
        HttpConstant("eth_chainId", rate=30, duration=seconds(5)),
        HttpConstant("eth_chainId", rate=5, batch=2, duration=seconds(5)),
        HttpUsers("eth_chainId", users=2, duration=seconds(5)),
    ]
    backend = on_real_providers(scenario(workloads=loads), REAL[:2])
    assert [getattr(one, "rate", None) for one in backend.scenario.workloads] == [6, 1, None]
    assert "load reduced to 20%: 40 calls per second were asked for" in backend.changes[-1]
    unchanged = on_real_providers(scenario(workloads=loads), [REAL[2], REAL[2]])
    assert unchanged.scenario.workloads == loads


@pytest.mark.parametrize(
    ("what", "calls"),
    [
        ({"script": "send_and_read", "length": 7}, 10),
        ({"script": "poll_filter", "length": 8}, 10),
        ({"script": "walk_blocks", "length": 10}, 10),
        ({"script": "walk_logs", "length": 9}, 10),
        ({"steps": (SessionStep(method="a", times=9), SessionStep(method="b"))}, 10),
        ({"script": "mine.py:users"}, 1),
    ],
)
def test_each_call_of_a_session_counts(what, calls):
    loads = [HttpSessions(rate=16, duration=seconds(5), **what)]
    backend = on_real_providers(scenario(workloads=loads), REAL[:2])
    assert backend.scenario.workloads[0].rate == pytest.approx(8 / calls)
    assert f"{16 * calls} calls per second were asked for" in backend.changes[-1]


def test_canned_answers_are_named():
    mocks = [MockProvider("a", canned={"eth_chainId": "0x1"}), MockProvider("b")]
    assert "canned answers left out: those of a" in on_real_providers(scenario(providers=mocks), REAL).changes


def test_a_file_says_all_that_is_wrong_with_it(tmp_path):
    path = tmp_path / "p.toml"
    path.write_text(
        '[[providers]]\nname = "a"\nurl = "ftp://x"\n[[providers]]\nname = "a"\nurl = "http://x"\n'
    )
    with pytest.raises(ScenarioError) as refused:
        read_providers(path)
    assert "a URL looks like https://host/path" in str(refused.value)
    assert "provider 'a' is there more than once" in str(refused.value)


def test_a_secret_is_put_in_or_missed_by_name():
    assert with_secrets("a${X}b${Y_1}", "it", {"X": "1", "Y_1": "2"}) == "a1b2"
    with pytest.raises(Exception, match="it needs the environment variable NO, which is not set"):
        with_secrets("${NO}", "it", {})
