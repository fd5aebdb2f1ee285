"""What is wrong with a workload over WebSocket is said in one sentence, before anything starts."""

from typing import Any, cast

import msgspec
import pytest

from battle.actors.spec.gateways import CommandGateway, UrlGateway
from battle.actors.spec.providers import MockProvider
from battle.actors.spec.workloads import (
    HttpConstant,
    LogFilter,
    Reconnect,
    Workload,
    WsRequests,
    WsSubscribe,
)
from battle.actors.units import ms, seconds
from battle.actors.world.cluster import Cluster
from battle.run.gateway_endpoints import gateway_endpoints
from battle.run.plan import run_plan, workload_role
from battle.scenario.loader import scenario_from_data
from battle.scenario.scenario import Scenario

TOPIC = "0x" + "ab" * 32
SUBSCRIBE: dict[str, Any] = {"connections": 4, "duration": seconds(5)}
REQUESTS: dict[str, Any] = {"method": "m", "rate": 5, "duration": seconds(5)}


@pytest.mark.parametrize(
    "spec",
    [
        WsSubscribe(**SUBSCRIBE),
        WsSubscribe(**SUBSCRIBE, kinds=("newHeads", "logs", LogFilter(topics=(None, (TOPIC, TOPIC))))),
        WsSubscribe(
            **SUBSCRIBE, kinds=(LogFilter("0x" + "11" * 20),), shards=4, reconnect=Reconnect(attempts=0)
        ),
        WsRequests("m", rate=1, duration=seconds(1)),
        WsRequests({"a": 1.0, "b": 2.0}, rate=1, duration=seconds(1), ping_interval=0),
    ],
)
def test_a_sound_workload_has_no_problems_and_round_trips(spec):
    assert list(spec.problems()) == []
    assert msgspec.json.decode(msgspec.json.encode(spec), type=Workload) == spec


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"kinds": ("newHeds",)},
            "nobody can subscribe to 'newHeds': the kinds are newHeads, logs, newPending",
        ),
        ({"kinds": ()}, "kinds must name at least one of newHeads"),
        ({"connections": 0}, "connections must be above 0, not 0"),
        ({"subscriptions": 0}, "subscriptions must be above 0 for each connection, not 0"),
        ({"connect_over": seconds(5)}, "connect_over must be from 0 to less than the duration"),
        ({"connect_over": -1}, "connect_over must be from 0 to less than the duration"),
        ({"shards": 5}, "each of the 5 shards needs a connection, and there are 4"),
        ({"shards": 0}, "shards must be at least 1, not 0"),
        ({"duration": 0}, "duration must be above 0, not 0"),
        ({"timeout": 0}, "timeout must be above 0, not 0"),
        ({"ping_interval": -1}, "ping_interval must be 0 (no pings) or more, not -1"),
        ({"reconnect": Reconnect(attempts=-1)}, "reconnect: attempts must be 0 or more"),
        ({"reconnect": Reconnect(first_pause=0)}, "reconnect: first_pause must be above 0"),
        (
            {"reconnect": Reconnect(max_pause=ms(1))},
            "reconnect: first_pause must be above 0, and max_pause not below",
        ),
        ({"reconnect": Reconnect(jitter_ratio=2)}, "reconnect: jitter_ratio is a share from 0 to 1"),
    ],
)
def test_each_thing_wrong_with_a_subscriber_is_one_sentence(change, says):
    (problem,) = WsSubscribe(**(SUBSCRIBE | change)).problems()
    assert says in problem


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"rate": 0}, "rate must be above 0"),
        ({"method": ""}, "it needs a method, a mix of methods, or a generator"),
        ({"generator": "x:y"}, "give either a method or a generator"),
        ({"connections": 0}, "connections must be above 0, not 0"),
        ({"shards": 17}, "each of the 17 shards needs a connection"),
    ],
)
def test_each_thing_wrong_with_requests_is_one_sentence(change, says):
    (problem,) = WsRequests(**(REQUESTS | change)).problems()
    assert says in problem


def scenario(gateway, workload):
    return Scenario("s", providers=[MockProvider("a")], gateway=gateway, workloads=[workload])


def test_a_scenario_file_may_say_it_in_words():
    data: dict[str, Any] = {
        "name": "s",
        "providers": [{"name": "a"}],
        "workloads": [
            {
                "type": "ws_subscribe",
                "connections": 2,
                "duration": "5s",
                "kinds": ["newHeads", {"topics": [TOPIC]}],
            }
        ],
    }
    data["providers"][0]["type"] = "mock"
    (workload,) = scenario_from_data(data, "here").workloads
    assert workload.kinds == ("newHeads", LogFilter(topics=(TOPIC,)))


class Reserving:
    """All that is needed of a cluster."""

    def reserve(self, node, port=0):
        return "there:1"


def endpoints_of(gateway):
    found = gateway_endpoints(gateway, cast(Cluster, Reserving()))
    return found.http, found.ws


@pytest.mark.parametrize("workload", [WsSubscribe(**SUBSCRIBE), WsRequests(**REQUESTS)])
@pytest.mark.parametrize(
    ("gateway", "where"),
    [
        (UrlGateway("http://rpc:80/v1?key=1"), ("rpc:80", "/v1?key=1")),
        (UrlGateway("http://rpc:80/v1", ws_url="ws://rpc:8546/ws"), ("rpc:8546", "/ws")),
        (UrlGateway("http://rpc", ws_url="ws://rpc"), ("rpc:80", "/")),
        (CommandGateway(("it",)), ("there:1", "/")),
        (CommandGateway(("it",), ws_path="/ws"), ("there:1", "/ws")),
    ],
)
def test_a_gateway_says_where_it_takes_websockets(gateway, where, workload):
    plan = run_plan(scenario(gateway, workload), 1)
    endpoint = workload_role(plan, plan.workloads[0], *endpoints_of(gateway)).endpoint
    assert (endpoint.address, endpoint.path) == where
    assert list(gateway.problems()) == []


def test_http_goes_where_it_went():
    gateway = UrlGateway("http://rpc:80/v1", ws_url="ws://rpc:8546/ws")
    plan = run_plan(scenario(gateway, HttpConstant("m", rate=1, duration=1)), 1)
    assert workload_role(plan, plan.workloads[0], *endpoints_of(gateway)).endpoint.path == "/v1"


@pytest.mark.parametrize(
    ("gateway", "says"),
    [
        (UrlGateway("http://rpc", ws_url="http://rpc"), "ws_url looks like ws://host:port/path"),
        (UrlGateway("http://rpc", ws_url="ws://rpc:x"), "ws_url looks like ws://host:port/path"),
        (UrlGateway("http://rpc:x"), "a URL looks like http://host:port/path"),
        (CommandGateway(("it",), ws_path="ws"), "ws_path looks like /path"),
        (CommandGateway(("it",), ws_path="/a b"), "ws_path looks like /path"),
    ],
)
def test_a_bad_place_for_websockets_is_one_sentence(gateway, says):
    (problem,) = gateway.problems()
    assert says in problem


def test_each_shard_of_a_subscriber_is_a_node():
    plan = run_plan(scenario(UrlGateway("http://rpc"), WsSubscribe(**SUBSCRIBE, shards=2)), 1)
    assert [(node.node, node.shard) for node in plan.workloads] == [("load-main.0", 0), ("load-main.1", 1)]
