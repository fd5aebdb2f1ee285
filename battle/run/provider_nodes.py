"""The providers of a run: where each listens, and the node that it is."""

from battle.actors.addresses import Address
from battle.actors.chain.histories import history_of
from battle.actors.roles import LinkRole, ProviderRole, Role
from battle.actors.spec.chain import Chain
from battle.actors.spec.providers import MockProvider, RealProvider
from battle.actors.world.cluster import Cluster
from battle.run.nodes import NodeActor, node_on
from battle.run.plan import RunPlan
from battle.run.secrets import filler_of


class ProviderNodes:
    """Each provider of a plan, or the link before a real one, as a node of its own.

    Raises:
        OSError: a port that the scenario asks for is in use.
    """

    def __init__(self, cluster: Cluster, plan: RunPlan) -> None:
        scenario = plan.scenario
        self.addresses: dict[str, Address] = {
            provider.name: cluster.reserve(provider.name, provider.port) for provider in scenario.providers
        }
        self.nodes: dict[str, NodeActor] = {
            provider.name: node_on(
                cluster,
                provider.name,
                _role(provider, self.addresses[provider.name], scenario.chain),
                "permanent",
                scenario.collect,
            )
            for provider in scenario.providers
        }


def _role(provider: MockProvider | RealProvider, address: Address, chain: Chain) -> Role:
    if isinstance(provider, RealProvider):
        return _link_role(provider, address)
    return ProviderRole(provider, address, chain, history_of(chain))


def _link_role(provider: RealProvider, address: Address) -> LinkRole:
    fill = filler_of(f"provider {provider.name}")
    return LinkRole(
        provider.name,
        address,
        provider.endpoint(fill),
        provider.endpoint(fill, ws=True),
        provider.rate_limit,
    )
