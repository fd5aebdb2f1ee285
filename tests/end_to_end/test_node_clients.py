"""viem and ethers read the mock chain, send to it, and have no complaint. `make node-clients-test` installs them."""

import os
import subprocess
from pathlib import Path

import pytest
import trio

from battle.actors.roles import GatewayRole, NodeSpec, ProviderRole, Role, Upstream
from battle.actors.spec.chain import Chain
from battle.actors.spec.gateways import EmbeddedGateway
from battle.actors.spec.providers import MockProvider
from battle.actors.system.mailbox import Mailbox
from battle.actors.units import ms
from battle.actors.world.live.run import run_live

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.programs]

SCRIPTS = Path(__file__).parent / "node_clients"
CHAIN = Chain(seed=4, chain_id=1337, block_time=ms(300))


async def read_with(cluster, script: str, *, through_gateway: bool) -> str:
    """Run a script against two providers, or a gateway before them; returns what it printed."""
    addresses = {name: cluster.reserve(name) for name in ("a", "b", "gateway")}
    upstreams = tuple(Upstream(name, addresses[name]) for name in ("a", "b"))
    roles: dict[str, Role] = {
        name: ProviderRole(MockProvider(name, latency=0), addresses[name], CHAIN) for name in ("a", "b")
    }
    roles["gateway"] = GatewayRole(EmbeddedGateway(), addresses["gateway"], upstreams, CHAIN.block_time)
    address = addresses["gateway" if through_gateway else "a"]
    async with trio.open_nursery() as nursery:
        for name, role in roles.items():
            await nursery.start(cluster.run_node, name, 1, NodeSpec(role), Mailbox(name).open())
        done = await trio.run_process(
            ["node", SCRIPTS / script, f"http://{address}", f"ws://{address}"],
            capture_stdout=True,
            stderr=subprocess.STDOUT,
            check=False,
        )
        nursery.cancel_scope.cancel()
    assert done.returncode == 0, done.stdout.decode()
    return done.stdout.decode()


@pytest.mark.parametrize("through_gateway", [False, True])
@pytest.mark.parametrize("client", ["viem", "ethers"])
def test_a_client_reads_the_chain_and_sends_to_it_without_a_complaint(client, through_gateway, tmp_path):
    assert "BATTLE_NODE_CLIENTS" in os.environ, "run it by: make node-clients-test"
    printed = run_live(
        lambda cluster: read_with(cluster, f"{client}.mjs", through_gateway=through_gateway),
        run_dir=tmp_path,
        seed=1,
    )
    assert printed.startswith(f"{client} read ")
    assert printed.endswith("transactions and sent 4\n")
