"""viem and ethers, as applications use them, read the mock chain without a complaint, also through gateways."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from battle.actors.spec.endpoints import Endpoint
from battle.run.gateway_endpoints import GatewayEndpoints
from battle.run.gateway_process import prepare_command
from battle.scenario.gateways import recipe_of
from tests.end_to_end.standing import free_ports, program, standing

pytestmark = [pytest.mark.live, pytest.mark.alone]

READS = Path(__file__).with_name("clients") / "reads.js"
NODE_MODULES = Path(sys.prefix) / "clients" / "node_modules"
"""What `make clients` installs."""

SCENARIO = """
name = "A chain to read"
providers = [{ name = "a" }, { name = "b" }]
chain = { block_time = "500ms" }
workloads = [{ type = "http_constant", method = "eth_chainId", rate = 10, duration = "5s" }]
slo = { success_rate = 0.9 }
"""


@pytest.fixture(scope="module")
def urls(tmp_path_factory) -> Iterator[dict[str, str]]:
    """Where the chain can be read: at a provider, and through gateways before both of them."""
    with ExitStack() as stack:
        nodes = stack.enter_context(standing(tmp_path_factory.mktemp("nodes"), SCENARIO))
        found = {"a provider": nodes.urls["a"]}
        addresses = {name: url.removeprefix("http://").rstrip("/") for name, url in nodes.urls.items()}
        for name in ("nginx", "haproxy", "viem"):
            [port] = free_ports(1)
            directory = tmp_path_factory.mktemp(name)
            at = Endpoint(f"127.0.0.1:{port}")
            command = prepare_command(
                recipe_of(name), directory, GatewayEndpoints(at, at), addresses, open_files=1
            )
            environment = {**command.environment, "NODE_PATH": str(NODE_MODULES)}
            stack.enter_context(program(directory, command.words, [port], environment))
            found[name] = f"http://127.0.0.1:{port}/"
        yield found


@pytest.mark.parametrize("place", ["a provider", "nginx", "haproxy", "viem"])
def test_viem_and_ethers_read_the_chain(urls, place):
    """Filters are of one node: through a balancer they are found or not, as in life."""
    more = ["filters"] if place == "a provider" else []
    done = subprocess.run(
        ["node", READS, urls[place], *more],
        env={**os.environ, "NODE_PATH": str(NODE_MODULES)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["viem"] == said["ethers"] | {
        "logs": said["viem"]["logs"],
        "transactions": said["viem"]["transactions"],
    }
    assert said["viem"]["nonce"] == 1
