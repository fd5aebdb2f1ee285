"""Which method a request calls: a pure function of its number, so that no other choice can shift it."""

from bisect import bisect
from itertools import accumulate

from battle.actors.rng import Draws
from battle.actors.spec.workloads import Methods


class Mix:
    """A weighted choice of methods.

    Raises:
        ValueError: there is no method, or a weight is not above 0.
    """

    def __init__(self, methods: Methods, draws: Draws) -> None:
        weights = {methods: 1.0} if isinstance(methods, str) else methods
        if not weights or min(weights.values()) <= 0:
            raise ValueError("a mix of methods needs at least one method, each with a weight above 0")
        self.methods = tuple(weights)
        self._only = self.methods[0] if len(self.methods) == 1 else None
        self._steps = list(accumulate(weights.values()))
        self._uniform = draws.uniform

    def __call__(self, number: int) -> str:
        """The method of request `number`."""
        if self._only is not None:
            return self._only
        point = self._uniform("method", number) * self._steps[-1]
        return self.methods[min(bisect(self._steps, point), len(self.methods) - 1)]
