"""Gateways that are none of ours: started and guarded, or reached by URL; judged by what providers saw."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from battle import ScenarioError, Slo, StartError, UrlGateway, run_scenario
from tests.end_to_end.battles import ask, failover

PROXY = """
import socket, sys, threading
port, *upstreams = map(int, sys.argv[1:])

def pump(source, sink):
    while data := source.recv(65536):
        sink.sendall(data)

def serve(client):
    for upstream in upstreams:
        try:
            server = socket.create_connection(("127.0.0.1", upstream))
        except OSError:
            continue
        back = threading.Thread(target=pump, args=(server, client), daemon=True)
        back.start()
        try:
            pump(client, server)
        except OSError:
            pass
        client.close()
        return

with socket.create_server(("127.0.0.1", port)) as listener:
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""


ONCE = """
import socket
with socket.create_server(("127.0.0.1", 0)) as listener:
    print(listener.getsockname()[1], flush=True)
    listener.accept()
"""


def recipe(tmp_path: Path) -> Path:
    """A gateway of a few lines that fails over when a provider refuses, and tells nobody."""
    (tmp_path / "proxy.py").write_text(PROXY)
    path = tmp_path / "proxy.toml"
    path.write_text(
        f'''
type = "command"
name = "tcp-proxy"
command = ["{sys.executable}", "{tmp_path / "start.py"}", "{{config}}"]
template = "{{{{ port }}}} {{% for provider in providers %}}{{{{ provider.port }}}} {{% endfor %}}"
'''
    )
    start = "import runpy, sys\nsys.argv = [sys.argv[0], *open(sys.argv[1]).read().split()]\n"
    (tmp_path / "start.py").write_text(start + f"runpy.run_path({str(tmp_path / 'proxy.py')!r})\n")
    return path


@pytest.mark.live
def test_a_foreign_gateway_is_started_sampled_and_judged_by_what_the_providers_saw(tmp_path):
    scenario = failover(slo=Slo(success_rate=0.9, max_memory_mb=500))
    result = run_scenario(scenario, gateway=str(recipe(tmp_path)), out=tmp_path / "out")
    assert result.report.verdict == "PASS", result.report.reasons
    assert result.report.run.gateway == "tcp-proxy"
    assert ask(result.run_dir, "SELECT count(*) FROM gateway_attempts") == [(0,)]
    [(by_b,)] = ask(result.run_dir, "SELECT count(*) FROM attempts WHERE provider = 'b'")
    assert by_b > 50
    [(memory,)] = ask(result.run_dir, "SELECT max(rss_bytes) FROM system_samples WHERE node = 'gateway'")
    assert memory > 5_000_000


def program(tmp_path: Path, name: str, code: str, more: str = "") -> str:
    """A gateway that is a few words of Python."""
    path = tmp_path / f"{name}.toml"
    path.write_text(
        f'type = "command"\nname = "{name}"\ncommand = ["{sys.executable}", "-c", "{code}"]\n{more}'
    )
    return str(path)


@pytest.mark.live
@pytest.mark.parametrize(
    ("code", "more", "why"),
    [
        ("print('no such option'); raise SystemExit(3)", "", "exit status 3; last output: no such option"),
        (
            "import time; time.sleep(60)",
            'ready_timeout = "300ms"',
            "did not listen on .* in time; no output",
        ),
    ],
    ids=["it ends", "it never listens"],
)
def test_a_program_that_never_comes_up_is_wrong_use_and_is_not_started_again(tmp_path, code, more, why):
    out = tmp_path / "out"
    earlier = run_scenario(failover(), world="simulated", out=out).run_dir
    with pytest.raises(StartError, match=f"gateway never did not start: .*{why}"):
        run_scenario(failover(), gateway=program(tmp_path, "never", code, more), out=out)
    assert (out / "latest").resolve() == earlier.resolve()
    assert sorted(entry.name for entry in out.iterdir()) == [earlier.name, "latest"]


@pytest.mark.live
def test_a_gateway_at_a_url_must_be_there_before_anything_starts(tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/rpc"
        with pytest.raises(StartError, match=f"nothing answers at {url}"):
            run_scenario(failover(), gateway=url, out=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.live
def test_a_gateway_that_refuses_connections_fails_and_the_generator_is_not_blamed(tmp_path):
    """It takes one connection, so that it seems to be there, and none afterwards."""
    with subprocess.Popen([sys.executable, "-c", ONCE], stdout=subprocess.PIPE, text=True) as gateway:
        assert gateway.stdout is not None
        port = int(gateway.stdout.readline())
        scenario = failover(
            gateway=UrlGateway(f"http://127.0.0.1:{port}/"), chaos=[], slo=Slo(success_rate=0.9)
        )
        result = run_scenario(scenario, out=tmp_path)
    assert ask(result.run_dir, "SELECT DISTINCT failure FROM requests") == [("refused",)]
    assert result.report.verdict == "FAIL", result.report.reasons


def test_a_setup_hook_that_raises_is_the_authors_mistake(tmp_path):
    with pytest.raises(ScenarioError, match="ZeroDivisionError"):
        run_scenario(
            failover(setup="tests.end_to_end.test_gateways:broken_hook"), world="simulated", out=tmp_path
        )
    assert list(tmp_path.iterdir()) == []


def test_a_setup_hook_learns_every_address(tmp_path):
    told.clear()
    run_scenario(failover(setup="tests.end_to_end.test_gateways:hook"), world="simulated", out=tmp_path)
    [context] = told
    assert set(context.providers) == {"a", "b"}
    assert context.gateway.startswith("gateway:")


told = []


def hook(context):
    told.append(context)


def broken_hook(context):
    raise ZeroDivisionError("in the hook")
