"""The live world: real sockets, real processes, real signals, on this machine's loopback."""

from actors.world.live.cluster import LiveCluster
from actors.world.live.run import run_live

__all__ = ["LiveCluster", "run_live"]
