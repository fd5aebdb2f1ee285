"""Battles with faults of transport: on mock providers in the simulated world, on a real upstream in the live one."""

import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from battle import EmbeddedGateway, HttpConstant, MockProvider, Scenario, ms, seconds
from battle.actors.spec.faults.behaviour import Hang
from battle.actors.spec.faults.transport import (
    Latency,
    Partition,
    Refuse,
    ResetPeer,
    Slicer,
)
from battle.actors.spec.providers import RealProvider
from battle.api import run_scenario
from battle.errors import ScenarioError
from battle.scenario.validation import scenario_problems
from tests.end_to_end.battles import ask, digests


class Upstream(BaseHTTPRequestHandler):
    """A JSON-RPC server that is none of ours."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        call = json.loads(self.rfile.read(int(self.headers["content-length"])))
        body = json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": "0x7"}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False


@contextmanager
def upstream():
    with Server(("127.0.0.1", 0), Upstream) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def battle(*providers, chaos, duration=6 * 10**9):
    return Scenario(
        "Transport",
        providers=[*providers],
        gateway=EmbeddedGateway(strategy="priority"),
        workloads=[HttpConstant("eth_blockNumber", rate=50, duration=duration)],
        chaos=[*chaos],
    )


def mocks(*chaos):
    return battle(MockProvider("a", latency=ms(5)), MockProvider("b", latency=ms(5)), chaos=chaos)


MEDLEY = [
    Latency("a", delay=ms(50), at=seconds(1), duration=seconds(2)),
    Slicer("a", at=seconds(2), duration=seconds(2)),
    ResetPeer("b", at=seconds(2), duration=seconds(1)),
    Partition("a", at=seconds(4), duration=seconds(1)),
    Refuse("b", at=seconds(5), duration=seconds(1)),
]

_ACTED = "SELECT fault_id, node, min(action), count(*) > 0 FROM fault_actions GROUP BY ALL ORDER BY fault_id"


@pytest.mark.slow
def test_the_log_says_what_each_fault_did_and_a_seed_repeats_it(tmp_path):
    runs = [
        run_scenario(mocks(*MEDLEY), world="simulated", seed=5, out=tmp_path / name).run_dir
        for name in ("one", "other")
    ]
    acted = {fault_id: (node, action) for fault_id, node, action, _ in ask(runs[0], _ACTED)}
    assert acted["latency-a.1"] == ("a", "delayed")
    assert acted["slicer-a.1"] == ("a", "sliced")
    assert acted["partition-a.1"] == ("a", "held")
    assert digests(runs[0]) == digests(runs[1])


@pytest.mark.slow
@pytest.mark.live
def test_a_real_provider_behind_its_link(tmp_path):
    with upstream() as url:
        scenario = battle(
            RealProvider("a", url),
            chaos=[Latency("a", delay=ms(60), at=seconds(1), duration=seconds(1))],
            duration=seconds(3),
        )
        run_dir = run_scenario(scenario, seed=5, out=tmp_path).run_dir
    assert ask(run_dir, "SELECT outcome, answer, count(*) FROM requests GROUP BY ALL") == [
        ("ok", "none", 150)
    ]
    assert ask(run_dir, _ACTED) == [("latency-a.1", "a", "delayed", True)]
    ((slow,),) = ask(run_dir, "SELECT count(*) FROM requests WHERE ended_ns - sent_ns >= 60000000")
    assert 40 <= slow <= 60


@pytest.mark.parametrize("rate", [5, 50, 200])
def test_a_provider_that_refuses_ends_connections_between_requests_however_busy_they_are(tmp_path, rate):
    refuse = Refuse("a", at=seconds(1), duration=seconds(1))
    providers = [MockProvider("a", latency=ms(20)), MockProvider("b", latency=ms(20))]
    load = HttpConstant("eth_blockNumber", rate=rate, duration=seconds(3))
    scenario = Scenario("refused", providers, [load], EmbeddedGateway(), chaos=[refuse])
    run_dir = run_scenario(scenario, world="simulated", out=tmp_path).run_dir
    assert ask(run_dir, "SELECT effect_observed FROM fault_windows") == [(True,)]
    assert ask(run_dir, "SELECT DISTINCT failure FROM gateway_attempts WHERE failure IS NOT NULL") == [
        ("refused",)
    ]


def test_a_real_provider_is_only_to_be_had_in_the_live_world(tmp_path):
    with pytest.raises(ScenarioError, match="--world live"):
        run_scenario(battle(RealProvider("a", "http://x:1"), chaos=[]), world="simulated", out=tmp_path)


def test_faults_of_behaviour_are_not_for_real_providers():
    scenario = battle(RealProvider("a", "http://x:1"), MockProvider("b"), chaos=[Hang("*"), Latency("*")])
    (problem,) = scenario_problems(scenario)
    assert problem.startswith("hang: a is a real provider")


def test_only_the_gateway_can_be_parted_from_a_provider():
    (problem,) = scenario_problems(mocks(Partition("a", peer="b")))
    assert problem.startswith("partition: only the gateway connects to a provider")
    assert [*scenario_problems(mocks(Partition("a")))] == []
