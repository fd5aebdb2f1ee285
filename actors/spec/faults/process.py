"""Faults of processes: what happens to the whole node of a provider, or to the gateway with `target = "gateway"`.

The gateway is then one that Battle starts, the embedded one or a program: of a program all processes are paused and
killed, and its main process is asked. Requests in flight that it dropped are in the view `gateway_ends`. What clients
lose until it is ready again counts with the fault, also after `down`.
"""

from collections.abc import Iterator
from typing import ClassVar, Self

from battle.actors.spec.faults.base import (
    Effect,
    FaultSpec,
    LastingFault,
    Span,
    TargetNode,
    above_zero_problems,
    replaced,
    span_problems,
)
from battle.actors.units import Duration, seconds


class ProcessFault(FaultSpec, frozen=True):
    """A fault of a whole process, done to it from outside by its `begin` and `end`."""

    def begin(self, node: TargetNode) -> None:
        raise NotImplementedError

    def end(self, node: TargetNode) -> None:
        raise NotImplementedError


class _Outage(ProcessFault, frozen=True):
    def begin(self, node: TargetNode) -> None:
        node.take_down()

    def end(self, node: TargetNode) -> None:
        node.let_up()


class Kill(_Outage, frozen=True, tag="kill"):
    """SIGKILL to the provider, or the gateway, at `at`; it is started again `down` later."""

    effect: ClassVar = Effect("killed", "kept_down", must_be_noticed=True, cuts_off=True, silences=True)

    at: Duration
    down: Duration = seconds(5)

    @property
    def first(self) -> Span:
        return self.at, self.at + self.down

    def placed(self, start: Duration, end: Duration) -> Self:
        return replaced(self, at=start, down=end - start)

    def problems(self) -> Iterator[str]:
        yield from span_problems("kill", self.at, self.down)


class Flap(_Outage, frozen=True, tag="flap"):
    """The provider, or the gateway, is killed, stays `down`, comes back for `up`, and so on until the load ends.

    It first goes down at `at`; without it, after one `up`.
    """

    effect: ClassVar = Effect("killed", "kept_down", must_be_noticed=True, cuts_off=True, silences=True)

    down: Duration
    up: Duration
    at: Duration | None = None

    @property
    def first(self) -> Span:
        at = self.up if self.at is None else self.at
        return at, at + self.down

    @property
    def repeats_every(self) -> Duration:
        return self.down + self.up

    def placed(self, start: Duration, end: Duration) -> Self:
        return replaced(self, at=start, down=end - start)

    def problems(self) -> Iterator[str]:
        yield from span_problems("flap", self.first[0], self.down)
        yield from above_zero_problems("flap", up=self.up)


class Restart(_Outage, frozen=True, tag="restart"):
    """The provider, or the gateway, is asked to stop, as at a deployment, and started again `down` later.

    It is asked by SIGTERM; a gateway program by its `stop_signal`. It closes its connections in good order. One that
    does not end within a few seconds, or a gateway program within its `grace`, is killed: of a gateway that is a
    warning (`gateway_stops`). One that takes longer than `down` to end is started again at once.
    """

    effect: ClassVar = Effect(
        "stopped", "killed", "kept_down", must_be_noticed=True, cuts_off=True, silences=True
    )

    at: Duration
    """When it is asked."""
    down: Duration = seconds(1)

    @property
    def first(self) -> Span:
        return self.at, self.at + self.down

    def placed(self, start: Duration, end: Duration) -> Self:
        return replaced(self, at=start, down=end - start)

    def begin(self, node: TargetNode) -> None:
        node.take_down(asked=True)

    def problems(self) -> Iterator[str]:
        yield from span_problems("restart", self.at, self.down)


class Pause(LastingFault, ProcessFault, frozen=True, tag="pause"):
    """SIGSTOP to the provider, or the gateway, and SIGCONT after `duration`: it accepts connections and does nothing.

    What fell due meanwhile happens as soon as it goes on. Killed or restarted meanwhile, it comes back unpaused.
    """

    effect: ClassVar = Effect("paused", must_be_noticed=True, cuts_off=True, silences=True)

    def begin(self, node: TargetNode) -> None:
        node.pause()

    def end(self, node: TargetNode) -> None:
        node.resume()
