"""The filters of one node: what a client asked to be kept for it until it polls. No other node knows of them.

A filter is made by `eth_newFilter` and its like, and holds what has changed on the chain, as this node sees it,
since it was polled last. What a fault changes of that view is noted when it begins and when it ends, so a reorg
shows in the changes even if nobody polls meanwhile.

An answer is worked out for a view of the chain without changing anything, as often as one likes (faults are found by
comparing such answers), and comes to pass once, by `commit`.
"""

from collections.abc import Callable
from hashlib import blake2b
from typing import Any, TypeAlias

import msgspec

from battle.actors.chain import notifications
from battle.actors.chain.logs import read_pattern
from battle.actors.chain.node_filters import POLLS, UNINSTALL, FilterKind, kind_made_by
from battle.actors.chain.parameters import Params, invalid, positional
from battle.actors.provider.chain_view import ChainView
from battle.actors.units import seconds
from battle.actors.wire.jsonrpc import LIMIT_EXCEEDED, SERVER_ERROR, RpcError

LIFETIME = seconds(300)
"""A filter that nobody has polled for so long is gone, as at geth."""

MAX_FILTERS = 10_000
"""More than a client that polls needs, and too few to fill the memory of a node."""

MAX_WANTED_BYTES = 32 * 2**20
"""Of JSON that says which logs all filters want, and that is kept: a request may bring two million at once."""

_NOT_FOUND = "filter not found"

_encode = msgspec.json.Encoder().encode

Commit: TypeAlias = Callable[[ChainView], object]


class Filter:
    """One filter: up to which block its client knows a view of the chain, and what has changed before that."""

    def __init__(self, kind: FilterKind, wanted: dict[str, Any] | None, view: ChainView) -> None:
        self.kind = kind
        self.wanted = wanted
        self.wanted_bytes = 0 if wanted is None else len(_encode(wanted))
        self.polled_ns = 0
        self._pattern = None if wanted is None else read_pattern(wanted)
        self._view = view
        self._before: list[Any] = []

    def changes(self, view: ChainView) -> list[Any]:
        """What has changed since the last poll, when this is what the node sees at present."""
        found = [*self._before]
        found += self._replaced(view)
        for height in range(self._view.head + 1, view.head + 1):
            found += self._of_block(view, height)
        return found

    def polled(self, view: ChainView) -> None:
        """The client has the changes up to this view."""
        self._before.clear()
        self._advance(view)

    def keep(self, view: ChainView) -> None:
        """Hold the changes up to this view until somebody polls."""
        self._before = self.changes(view)
        self._advance(view)

    def _advance(self, view: ChainView) -> None:
        """A node that falls back has published what it has published."""
        self._view = ChainView(view.model, max(view.head, self._view.head))

    def _replaced(self, view: ChainView) -> list[Any]:
        """What a reorg has put in the place of what the client knows."""
        before, published = self._view.model, self._view.head
        if self.kind == "newBlockFilter":
            return [head["hash"] for head in notifications.reorg_heads(before, view.model, published)]
        if self._pattern is None:
            return []
        return notifications.reorg_logs(before, view.model, published, self._pattern)

    def _of_block(self, view: ChainView, height: int) -> list[Any]:
        if self.kind == "newBlockFilter":
            return [view.model.block_hash(height)]
        if self._pattern is None:
            return list(notifications.pending_transactions(view.model, height))
        return notifications.logs_of_block(view.model, self._pattern, height)


class FilterAnswer:
    """What a call about filters is answered `at` a view, without any effect; `commit` brings its effect about."""

    def __init__(self, at: Callable[[ChainView], Any], commit: Commit) -> None:
        self.at = at
        self.commit = commit


class Filters:
    """All filters of a node. `name` is the node's, `clock` the time since the run's epoch in nanoseconds."""

    def __init__(self, name: str, clock: Callable[[], int]) -> None:
        self._name = name
        self._clock = clock
        self._made = 0
        self._filters: dict[str, Filter] = {}
        """Those polled longest ago come first."""

    def __len__(self) -> int:
        return len(self._filters)

    def answer(self, method: str, params: Params) -> FilterAnswer:
        """What to answer to a call of a method of filters.

        Raises:
            RpcError: -32602 for wrong parameters, -32000 for a filter that is not known here, -32005 when there are
                `MAX_FILTERS`, or what they want takes `MAX_WANTED_BYTES`.
        """
        self._expire()
        kind = kind_made_by(method)
        if kind is not None:
            return self._make(kind, params)
        (name,) = positional(params, 1, 1)
        if not isinstance(name, str):
            raise invalid("0", "expected the id of a filter")
        found = self._filters.get(name)
        if method == UNINSTALL:
            return FilterAnswer(lambda _: found is not None, lambda _: self._filters.pop(name, None))
        assert method in POLLS
        if found is None:
            raise RpcError(SERVER_ERROR, _NOT_FOUND)
        if method == "eth_getFilterLogs":
            return self._logs_of(found, name)
        return FilterAnswer(found.changes, lambda view: self._poll(found, name, view))

    def view_changed(self, before: ChainView, after: ChainView) -> None:
        """The node saw `before`, and from now on sees `after`."""
        self._expire()
        for one in self._filters.values():
            one.keep(before)
            one.keep(after)

    def _make(self, kind: FilterKind, params: Params) -> FilterAnswer:
        values = positional(params, *((1, 1) if kind == "newFilter" else (0, 1)))
        wanted = values[0] if kind == "newFilter" else None
        if kind == "newFilter":
            read_pattern(wanted)  # refuses what is none
        if len(self) >= MAX_FILTERS:
            raise RpcError(LIMIT_EXCEEDED, f"too many filters: at most {MAX_FILTERS}")
        if wanted is not None and sum(one.wanted_bytes for one in self._filters.values()) >= MAX_WANTED_BYTES:
            raise RpcError(LIMIT_EXCEEDED, "too many filters: they want too many addresses and topics")
        # An id must not be that of a filter before a restart, nor at another node.
        made = f"{self._name}:{self._clock()}:{self._made + 1}"
        name = hex(int.from_bytes(blake2b(made.encode(), digest_size=16).digest(), "big"))

        def install(view: ChainView) -> None:
            self._made += 1
            self._poll(Filter(kind, wanted, view), name, view)

        return FilterAnswer(lambda _: name, install)

    def _logs_of(self, one: Filter, name: str) -> FilterAnswer:
        if one.wanted is None:
            raise RpcError(SERVER_ERROR, _NOT_FOUND)
        wanted = [one.wanted]
        return FilterAnswer(
            lambda view: view.model.answer("eth_getLogs", wanted, view.head), lambda _: self._used(one, name)
        )

    def _poll(self, one: Filter, name: str, view: ChainView) -> None:
        one.polled(view)
        self._used(one, name)

    def _used(self, one: Filter, name: str) -> None:
        one.polled_ns = self._clock()
        self._filters.pop(name, None)
        self._filters[name] = one

    def _expire(self) -> None:
        last_ns = self._clock() - LIFETIME
        while self._filters:
            name, oldest = next(iter(self._filters.items()))
            if oldest.polled_ns >= last_ns:
                break
            del self._filters[name]
