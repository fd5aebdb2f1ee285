"""The changes of supervised children, as events in the coordinator's log."""

from collections.abc import Mapping
from pathlib import Path

from battle.actors.system import LifecycleChange
from battle.actors.world.interfaces import World
from battle.run.nodes import NodeActor
from battle.store.events import ActorChanged
from battle.store.segment import segment_path


class LifecycleLog:
    """Writes down each change; `nodes` are those actors that are nodes of their own, by their names."""

    def __init__(self, world: World, run_dir: Path, nodes: Mapping[str, NodeActor]) -> None:
        self._world = world
        self._run_dir = run_dir
        self._nodes = nodes

    def note(self, change: LifecycleChange) -> None:
        """Log a change, at this moment."""
        is_node = change.actor in self._nodes
        ended = (
            self._nodes[change.actor].ended if is_node and change.change in ("crashed", "stopped") else None
        )
        self._world.log.append(
            ActorChanged(
                at_ns=self._world.now_ns(),
                actor=change.actor,
                node=change.actor if is_node else self._world.node,
                change=change.change,
                incarnation=change.incarnation,
                reason=change.reason,
                segment_bytes=self._segment_bytes(change) if is_node else None,
                asked_ns=ended.asked_ns if ended else None,
                forced=ended.forced if ended and ended.asked_ns is not None else None,
            )
        )

    def _segment_bytes(self, change: LifecycleChange) -> int | None:
        """How much of its log the node has written: what vouches for segments that their writers could not close."""
        try:
            return segment_path(self._run_dir, change.actor, change.incarnation).stat().st_size
        except OSError:
            return None  # a program that is none of ours, or a node that died before it began its log
