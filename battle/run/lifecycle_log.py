"""The changes of supervised children, as events in the coordinator's log."""

from collections.abc import Container
from pathlib import Path

from battle.actors.system import LifecycleChange
from battle.actors.world.interfaces import World
from battle.store.events import ActorChanged
from battle.store.segment import segment_path


class LifecycleLog:
    """Writes down each change; `nodes` are the names of those actors that are nodes of their own."""

    def __init__(self, world: World, run_dir: Path, nodes: Container[str]) -> None:
        self._world = world
        self._run_dir = run_dir
        self._nodes = nodes

    def note(self, change: LifecycleChange) -> None:
        """Log a change, at this moment."""
        is_node = change.actor in self._nodes
        self._world.log.append(
            ActorChanged(
                at_ns=self._world.now_ns(),
                actor=change.actor,
                node=change.actor if is_node else self._world.node,
                change=change.change,
                incarnation=change.incarnation,
                reason=change.reason,
                segment_bytes=self._segment_bytes(change) if is_node else None,
            )
        )

    def _segment_bytes(self, change: LifecycleChange) -> int | None:
        """How much of its log the node has written: what vouches for segments that their writers could not close."""
        try:
            return segment_path(self._run_dir, change.actor, change.incarnation).stat().st_size
        except OSError:
            return None  # a program that is none of ours, or a node that died before it began its log
