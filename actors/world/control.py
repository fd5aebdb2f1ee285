"""How a role talks with the coordinator: typed messages, the same in both worlds.

A role is `async def run_x(world, role, control)`: its specification in, and it runs until it has done its
work or is cancelled, which is how a node is asked to stop. What a role must still record when it stops, it
appends to the log in a `finally`, without awaiting.
"""

from typing import Any, Protocol

import trio


class Control(Protocol):
    """A node's end of its control channel."""

    @property
    def inbox(self) -> "trio.MemoryReceiveChannel[Any]":
        """Messages from the coordinator, decoded; it ends when the coordinator is gone."""

    def ready(self) -> None:
        """Say that this node does its work now (a server listens). Once."""
