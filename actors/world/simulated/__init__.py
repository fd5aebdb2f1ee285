"""The simulated world: one process, simulated time, in-memory streams, all randomness from the run's seed."""

from battle.actors.world.simulated.cluster import SimulatedCluster
from battle.actors.world.simulated.simulation import Deadlock, SimulationOverrun, simulate

__all__ = ["Deadlock", "SimulatedCluster", "SimulationOverrun", "simulate"]
