"""The gateway's own process is stopped, killed and paused under a running load, and what the log says of it."""

import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from battle import (
    Chain,
    CommandGateway,
    HttpConstant,
    Kill,
    MockProvider,
    Pause,
    Restart,
    Slo,
    UrlGateway,
    WsSubscribe,
    ms,
    run_scenario,
    seconds,
)
from battle.analysis.explain.reader import read_histories
from battle.analysis.explain.story import story_of
from battle.store.database import open_run
from tests.end_to_end.battles import ask, digests, failover

both_worlds = pytest.mark.parametrize("world", ["simulated", pytest.param("live", marks=pytest.mark.live)])

ENDS = "SELECT how, fault_id, forced, back_ns IS NOT NULL, in_flight, dropped, refused > 0 FROM gateway_ends"

GATEWAY = """
import asyncio, os, signal, sys

port, upstream, manner = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]

async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    writer.close()

async def serve(reader, writer):
    upper = await asyncio.open_connection("127.0.0.1", upstream)
    await asyncio.gather(pump(reader, upper[1]), pump(upper[0], writer))

def crash():
    print("out of cheese", flush=True)
    os._exit(3)

async def main():
    stopped = asyncio.Event()
    if manner == "crashes":
        asyncio.get_running_loop().call_later(1.5, crash)
    for name in ("SIGTERM", "SIGQUIT"):
        asyncio.get_running_loop().add_signal_handler(getattr(signal, name), lambda name=name: (
            print("got", name, flush=True), manner == "deaf" or stopped.set()))
    server = await asyncio.start_server(serve, "127.0.0.1", port)
    if manner == "announced":
        print("it listens", flush=True)
    await stopped.wait()
    server.close()
    if manner == "drains":
        await asyncio.sleep(0.3)

asyncio.run(main())
"""


ONCE = """
import pathlib
ran = pathlib.Path(__file__ + ".ran")
if ran.exists():
    raise SystemExit("the lock is still there")
ran.touch()
"""


def program(tmp_path: Path, manner: str = "drains", **fields) -> CommandGateway:
    """A gateway of a few lines. Asked to stop it `drains`, or is `deaf`; or it `crashes` after a second."""
    (tmp_path / "gateway.py").write_text(GATEWAY)
    (tmp_path / "start.py").write_text(
        "import runpy, sys\n"
        "sys.argv = [sys.argv[0], *open(sys.argv[1]).read().split()]\n"
        f"runpy.run_path({str(tmp_path / 'gateway.py')!r}, run_name='__main__')\n"
    )
    words = (sys.executable, str(tmp_path / "start.py"), "{config}")
    return CommandGateway(
        words, f"{{{{ port }}}} {{{{ providers[0].port }}}} {manner}", name=manner, **fields
    )


def battle(*chaos, load_seconds=4, **changes):
    """Twenty requests a second that take a tenth of a second each, so that some are in flight at each moment."""
    parts = {
        "providers": [MockProvider("a", latency=ms(100)), MockProvider("b", latency=ms(100))],
        "workloads": [HttpConstant("eth_blockNumber", rate=20, duration=seconds(load_seconds))],
        "chaos": list(chaos),
        "slo": Slo(success_rate=0.2),
    }
    return failover(**{**parts, **changes})


def run(scenario, world, out):
    result = run_scenario(scenario, world=world, out=out)
    return result.run_dir, result.report


@both_worlds
def test_a_gateway_that_goes_down_comes_back_and_what_it_dropped_is_counted(world, tmp_path):
    chaos = [
        Restart("gateway", at=seconds(1.02)),
        Pause("gateway", at=seconds(3), duration=seconds(1)),
        Kill("gateway", at=seconds(5.02), down=seconds(1)),
    ]
    run_dir, report = run(battle(*chaos, load_seconds=10), world, tmp_path)
    stopped, killed = ask(run_dir, ENDS)
    assert stopped[:4] == ("stopped", "restart-gateway.1", False, True)
    assert killed[:4] == ("killed", "kill-gateway.1", False, True)
    for *_, in_flight, dropped, was_refused in (stopped, killed):
        assert in_flight >= dropped > 0
        assert was_refused
    assert _answered_while_paused(run_dir) == 0
    assert report.verdict == "PASS", report.reasons  # none of this is a crash of its own
    assert all(crash.induced for crash in report.crashes)
    # The load went on: nothing of it was started again.
    lives = "SELECT count(DISTINCT incarnation) FROM actor_lifecycle WHERE node LIKE 'load-%'"
    assert ask(run_dir, lives) == [(1,)]


def test_what_the_gateway_refuses_while_it_starts_again_counts_with_what_ended_it(tmp_path):
    scenario = battle(
        Kill("gateway", at=seconds(1), down=ms(300)),
        workloads=[HttpConstant("eth_blockNumber", rate=100, duration=seconds(4))],
    )
    run_dir, report = run(scenario, "simulated", tmp_path)
    [(down_ns, starting_ns, refused, starting)] = ask(
        run_dir,
        "SELECT back_ns - begun_ns, back_ns - restarted_ns, refused, refused_starting FROM gateway_ends",
    )
    assert down_ns == ms(300) + starting_ns
    assert refused > starting > 0
    [fault] = report.faults
    assert fault.request_errors == ask(run_dir, "SELECT count(*) FROM requests WHERE outcome <> 'ok'")[0][0]
    [listens] = [one for one in report.findings if one.checker == "gateway_listens"]
    assert listens.summary == "no connection to the gateway was refused while it was ready"
    assert not [one for one in report.findings if one.checker == "gateway_stops"]
    told = (run_dir / "report.md").read_text()
    assert f"and refused {starting} requests until then" in told


def _answered_while_paused(run_dir):
    action = "SELECT min(at_ns), max(at_ns) FROM fault_actions WHERE node = 'gateway'"
    [(paused_ns, resumed_ns)] = ask(run_dir, action)
    inside = f"ended_ns BETWEEN {paused_ns + ms(10)} AND {resumed_ns - ms(20)}"
    [(answered,)] = ask(run_dir, f"SELECT count(*) FROM requests WHERE outcome = 'ok' AND {inside}")
    return answered


@pytest.mark.parametrize(
    "fault", [Restart("gateway", at=seconds(1.5)), Pause("gateway", at=seconds(1.5), duration=seconds(1.5))]
)
def test_subscribers_alone_show_that_the_gateway_was_down(fault, tmp_path):
    heads = WsSubscribe(connections=2, duration=seconds(4))
    slo = Slo(max_missed_heads=100, max_duplicate_heads=100)
    scenario = battle(fault, workloads=[heads], slo=slo, chain=Chain(block_time=ms(200)))
    run_dir, report = run(scenario, "simulated", tmp_path)
    assert ask(run_dir, "SELECT effect_observed FROM fault_windows") == [(True,)], report.reasons


def test_a_fault_of_the_gateway_that_nobody_felt_proves_nothing(tmp_path):
    """The load is over when the gateway goes down."""
    quiet = battle(
        Restart("gateway", at=seconds(1.1), down=ms(500)),
        Pause("gateway", at=seconds(3), duration=ms(300)),
        workloads=[
            HttpConstant("eth_blockNumber", rate=20, duration=seconds(1)),
            HttpConstant("eth_chainId", rate=0.5, duration=seconds(5), name="seldom"),
        ],
    )
    _, report = run(quiet, "simulated", tmp_path)
    assert report.verdict == "INCONCLUSIVE"
    assert any(
        "restart-gateway.1 stopped gateway, but the log shows no effect" in why for why in report.reasons
    )


def test_a_run_in_which_the_gateway_restarts_gives_the_same_log_again(tmp_path):
    scenario = battle(
        Restart("gateway", at=seconds(1), down=ms(300)),
        Pause("gateway", at=seconds(2), duration=ms(300)),
        Kill("gateway", at=seconds(3), down=ms(300)),
    )
    one, two = (digests(run(scenario, "simulated", tmp_path / str(n))[0]) for n in range(2))
    assert one == two


@pytest.mark.live
def test_a_program_is_asked_by_its_own_signal_and_may_finish_what_it_has(tmp_path):
    gateway = program(tmp_path, stop_signal="SIGQUIT")
    chaos = [
        Restart("gateway", at=seconds(1), down=ms(500)),
        Pause("gateway", at=seconds(2.5), duration=ms(700)),
        Kill("gateway", at=seconds(4), down=ms(500)),
    ]
    run_dir, report = run(battle(*chaos, gateway=gateway, load_seconds=6), "live", tmp_path / "out")
    stopped, killed = ask(run_dir, ENDS)
    assert stopped[:4] == ("stopped", "restart-gateway.1", False, True)
    assert killed[:4] == ("killed", "kill-gateway.1", False, True)
    assert killed[5] > 0
    assert "got SIGQUIT" in (run_dir / "nodes" / "gateway.1.txt").read_text()
    assert report.verdict == "PASS", report.reasons


@pytest.mark.live
@pytest.mark.slow
def test_a_program_that_has_to_be_killed_when_it_is_asked_is_a_finding(tmp_path):
    gateway = program(tmp_path, "deaf", grace=ms(300))
    run_dir, report = run(
        battle(Restart("gateway", at=seconds(1)), gateway=gateway), "live", tmp_path / "out"
    )
    assert [row[:4] for row in ask(run_dir, ENDS)] == [("stopped", "restart-gateway.1", True, True)]
    [finding] = [one for one in report.findings if one.checker == "gateway_stops"]
    assert finding.severity == "warning"
    assert "SIGKILL" in finding.summary


@pytest.mark.live
def test_a_crash_nobody_asked_for_fails_with_the_last_output_and_the_load_goes_on(tmp_path):
    run_dir, report = run(battle(gateway=program(tmp_path, "crashes")), "live", tmp_path / "out")
    assert report.verdict == "FAIL"
    assert any("exit status 3; last output: out of cheese" in why for why in report.reasons), report.reasons
    assert ask(run_dir, "SELECT how, fault_id FROM gateway_ends LIMIT 1") == [("crashed", None)]


@pytest.mark.live
def test_a_gateway_that_does_not_come_back_after_a_restart_fails_with_its_last_output(tmp_path):
    gateway = program(tmp_path)
    (tmp_path / "gateway.py").write_text(ONCE + GATEWAY)
    scenario = battle(Restart("gateway", at=seconds(1), down=ms(300)), gateway=gateway, load_seconds=20)
    run_dir, report = run(scenario, "live", tmp_path / "out")
    assert report.verdict == "FAIL"
    assert any(
        "the gateway did not come up again after restart-gateway.1" in why
        and "the lock is still there" in why
        for why in report.reasons
    ), report.reasons
    assert ask(run_dir, "SELECT back_ns FROM gateway_ends") == [(None,)]


@pytest.mark.live
def test_a_gateway_at_a_url_on_this_machine_is_sampled_by_its_port(tmp_path):
    (tmp_path / "gateway.py").write_text(GATEWAY)
    port, upstream = free_ports(2)
    words = [sys.executable, str(tmp_path / "gateway.py"), str(port), str(upstream), "announced"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as gateway:
        try:
            assert gateway.stdout is not None
            assert gateway.stdout.readline() == b"it listens\n"
            scenario = battle(
                providers=[MockProvider("a", port=upstream)], gateway=UrlGateway(f"http://127.0.0.1:{port}/")
            )
            run_dir, _ = run(scenario, "live", tmp_path / "out")
        finally:
            gateway.terminate()
            gateway.wait()
    sampled = (
        "SELECT DISTINCT pid, threads FROM system_samples WHERE node = 'gateway' AND rss_bytes > 5_000_000"
    )
    assert ask(run_dir, sampled) == [(gateway.pid, 1)]


def free_ports(count: int) -> list[int]:
    """Ports that the kernel picks; they are free for a moment."""
    with ExitStack() as taken:
        sockets = [taken.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def test_a_request_that_the_gateway_dropped_is_explained(tmp_path):
    run_dir, _ = run(battle(Kill("gateway", at=seconds(1.02), down=seconds(1))), "simulated", tmp_path)
    ids = ask(run_dir, "SELECT request_id, failure FROM requests WHERE failure IS NOT NULL ORDER BY ended_ns")
    (dropped, how), (refused, how_later) = ids[0], ids[-1]
    assert (how, how_later) == ("closed", "refused")
    with open_run(run_dir) as opened:
        first, last = (story_of(one).summary for one in read_histories(opened, [dropped, refused]))
    assert first.startswith("The gateway dropped it in flight: fault kill-gateway.1 had killed the gateway.")
    assert (
        "The gateway was starting again, and not ready yet: fault kill-gateway.1 had killed the gateway."
        in last
    )
