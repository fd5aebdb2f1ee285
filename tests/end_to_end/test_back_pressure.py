"""A gateway that does not read, or takes no connections, for seconds: the first is its latency, the second doubt."""

import sys
from pathlib import Path

import pytest

from battle import HttpConstant, MockProvider, Scenario, Slo, ms, run_scenario, seconds
from battle.api import RunResult
from tests.end_to_end.battles import ask

GATEWAY = """
import socket, sys, threading, time
mode, port, upstream = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
stalled = threading.Event()

def stall():
    time.sleep(5)
    stalled.set()
    time.sleep(3)
    stalled.clear()

def wait():
    while stalled.is_set():
        time.sleep(0.02)

def pump(source, sink, waits):
    while data := source.recv(65536):
        if waits:
            wait()
        sink.sendall(data)

def serve(client):
    server = socket.create_connection(("127.0.0.1", upstream))
    threading.Thread(target=pump, args=(server, client, False), daemon=True).start()
    try:
        pump(client, server, True)
    except OSError:
        pass  # the other side is gone
    client.close()

threading.Thread(target=stall, daemon=True).start()
with socket.create_server(("127.0.0.1", port), backlog=1 if mode == "no_accept" else 1000) as listener:
    while True:
        if mode == "no_accept":
            wait()
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""


def stalling(tmp_path: Path, mode: str) -> RunResult:
    """Ten seconds of batches through a gateway that stands still for three of them."""
    (tmp_path / "gateway.py").write_text(GATEWAY)
    (tmp_path / "start.py").write_text(
        "import runpy, sys\nsys.argv = [sys.argv[0], *open(sys.argv[1]).read().split()]\n"
        f"runpy.run_path({str(tmp_path / 'gateway.py')!r}, run_name='__main__')\n"
    )
    recipe = tmp_path / "stalling.toml"
    recipe.write_text(
        f'''
type = "command"
name = "stalling"
command = ["{sys.executable}", "{tmp_path / "start.py"}", "{{config}}"]
template = "{mode} {{{{ port }}}} {{{{ providers[0].port }}}}"
'''
    )
    scenario = Scenario(
        "Back pressure",
        providers=[MockProvider("a", latency=ms(5))],
        workloads=[
            HttpConstant("eth_getBalance", rate=40, duration=seconds(10), batch=20, timeout=seconds(9))
        ],
        slo=Slo(success_rate=0.5, p95_latency_ms=1000),
    )
    return run_scenario(scenario, gateway=str(recipe), out=tmp_path / "out")


@pytest.mark.live
@pytest.mark.slow
def test_what_leaves_late_because_the_gateway_takes_no_connections_fails_nothing(tmp_path: Path) -> None:
    result = stalling(tmp_path, "no_accept")
    late = "SELECT count(*) FROM requests WHERE sent_ns - scheduled_ns > 500_000_000"
    assert ask(result.run_dir, late)[0][0] > 20
    assert result.report.verdict == "INCONCLUSIVE", result.report.reasons
    assert any("were sent" in reason and "late or more" in reason for reason in result.report.reasons)


@pytest.mark.live
@pytest.mark.slow
def test_what_the_gateway_takes_and_does_not_read_was_sent_and_its_wait_is_the_gateways(
    tmp_path: Path,
) -> None:
    result = stalling(tmp_path, "no_read")
    waited = "SELECT count(*) FROM requests WHERE outcome = 'ok' AND ended_ns - sent_ns > 500_000_000"
    assert ask(result.run_dir, waited)[0][0] > 20
    [p95_ms] = [one.measured for one in result.report.slos if one.name == "p95_latency_ms"]
    assert p95_ms is not None
    assert p95_ms > 1000
