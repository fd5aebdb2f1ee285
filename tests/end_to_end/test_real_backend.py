"""`--backend real`: real providers in place of the mocks, over HTTPS; their secrets reach them, and nobody else."""

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress

import psutil
import pytest

from battle import BattleError, run_scenario
from tests.end_to_end.battles import ask
from tests.end_to_end.tls_upstream import CHAIN_ID, HEAD, private_ca, tls_upstream

pytestmark = pytest.mark.live

KEY, TOKEN, PATH = "pl4nted-key-0123456789", "pl4nted-token", "pl4nted-path-abcdef0123456789"
SECRETS = {"NODE_KEY": KEY, "NODE_TOKEN": TOKEN, "NODE_PATH": PATH}

SCENARIO = """
name = "Real"
tags = []

[[providers]]
type = "mock"
name = "a"

[[providers]]
type = "mock"
name = "b"

[[workloads]]
type = "http_constant"
method = { eth_getBlockByNumber = 1, eth_getBalance = 1 }
rate = 40
duration = "3s"

[[chaos]]
type = "reset_peer"
target = "a"
at = "1s"
duration = "500ms"

[[chaos]]
type = "hang"
target = "b"
at = "1s"
duration = "500ms"

[slo]
success_rate = 0.99
max_wrong_answers = 0
"""


def providers(port, **changes):
    """Two entries for one upstream: what they say is the same, as is right for one chain."""
    entry = {
        "url": f"https://localhost:{port}/v2/${{NODE_PATH}}?token=${{NODE_TOKEN}}",
        "headers": {"X-Api-Key": "${NODE_KEY}"},
        **changes,
    }
    return json.dumps({"providers": [{"name": name, **entry} for name in ("one", "two")]})


@contextmanager
def battle(tmp_path, *options, **environment):
    """`battle run` on the providers of `nodes.json`, started; gives the process."""
    (tmp_path / "real.toml").write_text(SCENARIO)
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "battle",
            "run",
            "real.toml",
            "--providers",
            "nodes.json",
            "--out",
            "out",
            *options,
        ],
        cwd=tmp_path,
        env={**os.environ, **SECRETS, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def test_secrets_reach_the_provider_and_stand_nowhere_else(tmp_path):
    ca, ca_file = private_ca(tmp_path)
    with tls_upstream(ca, f"/v2/{PATH}?token={TOKEN}", KEY) as (port, asked):
        (tmp_path / "nodes.json").write_text(providers(port, ca_file=str(ca_file)))
        with battle(tmp_path, BATTLE_BACKEND="real") as process:
            lines, shown = _output_and_process_lists(process)
    assert process.returncode == 0, lines
    assert "PASS" in lines
    assert "fault left out: hang of b needs a mock provider" in lines
    assert f"provider a is one (https://localhost:{port}" in lines
    assert len(asked) > 100
    assert {path for path, _ in asked} == {f"/v2/{PATH}?token={TOKEN}"}
    assert {headers.get("host") or headers.get("Host") for _, headers in asked} == {f"localhost:{port}"}
    assert not [headers for _, headers in asked if "x-battle-request" in {name.lower() for name in headers}]
    run_dir = (tmp_path / "out" / "latest").resolve()
    written = {path: path.read_bytes() for path in run_dir.rglob("*") if path.is_file()}
    assert len(written) > 10
    for secret in SECRETS.values():
        assert not [path for path, data in written.items() if secret.encode() in data]
        assert secret not in lines
        assert secret not in shown
    chain = json.loads((run_dir / "run.json").read_bytes())["scenario"]["chain"]
    assert (chain["chain_id"], chain["start_height"], chain["block_time"]) == (CHAIN_ID, HEAD, 12 * 10**9)
    assert ask(run_dir, "SELECT count(DISTINCT value) FROM chain_facts WHERE subject = 'block 1000'") == [
        (1,)
    ]
    assert ask(run_dir, "SELECT effect_observed FROM fault_windows") == [(True,)]
    ((joined,),) = ask(
        run_dir, "SELECT count(DISTINCT request_id) FROM attempts JOIN requests USING (request_id)"
    )
    assert joined == 120


def _output_and_process_lists(process):
    """What the run printed, and what a process list showed of it and of all its processes meanwhile."""
    lines, shown = [], set()
    reader = threading.Thread(target=lambda: lines.extend(process.stdout))
    reader.start()
    while process.poll() is None:
        with suppress(psutil.NoSuchProcess):  # it ended while it was looked at
            ours = psutil.Process(process.pid)
            for one in [ours, *ours.children(recursive=True)]:
                shown.add(" ".join(one.cmdline()))
        time.sleep(0.02)
    reader.join()
    assert any("battle.actors.node" in command for command in shown), shown
    return "".join(lines), "\n".join(shown)


@pytest.mark.parametrize(
    ("changes", "environment", "says"),
    [
        ({}, {"NODE_KEY": "wrong"}, "answers eth_chainId with HTTP 401: is its key right?"),
        ({}, {"NODE_KEY": ""}, "provider a needs the environment variable NODE_KEY, which is not set"),
        ({"ca_file": ""}, {}, "cannot be reached (its certificate is not trusted)"),
        ({"url": "https://localhost:1/${NODE_PATH}"}, {}, "cannot be reached (connection refused)"),
        ({"url": "ftp://localhost/${NODE_PATH}"}, {}, "a URL looks like https://host/path"),
    ],
)
def test_what_is_wrong_with_a_provider_is_one_sentence_without_its_secrets(
    tmp_path, monkeypatch, changes, environment, says
):
    for name, value in {**SECRETS, **environment}.items():
        monkeypatch.setenv(name, value)
    ca, ca_file = private_ca(tmp_path)
    (tmp_path / "real.toml").write_text(SCENARIO)
    with tls_upstream(ca, f"/v2/{PATH}?token={TOKEN}", KEY) as (port, _):
        (tmp_path / "nodes.json").write_text(providers(port, **{"ca_file": str(ca_file), **changes}))
        with pytest.raises(BattleError) as refused:
            run_scenario(
                tmp_path / "real.toml",
                backend="real",
                providers=tmp_path / "nodes.json",
                out=tmp_path / "out",
            )
    assert says in str(refused.value)
    assert not [secret for secret in SECRETS.values() if secret in str(refused.value)]
    assert not list((tmp_path / "out").glob("*")), "nothing was started"


def test_a_load_that_asks_too_much_is_reduced_and_says_so(tmp_path):
    ca, ca_file = private_ca(tmp_path)
    with tls_upstream(ca, f"/v2/{PATH}?token={TOKEN}", KEY) as (port, asked):
        (tmp_path / "nodes.json").write_text(providers(port, ca_file=str(ca_file), requests_per_second=10))
        with battle(tmp_path, "--backend", "real") as process:
            output = process.stdout.read()
    assert "load reduced to 20%: 40 calls per second were asked for" in output
    assert len(asked) <= 3 * 10 + 10, "the load, and the calls before it"
