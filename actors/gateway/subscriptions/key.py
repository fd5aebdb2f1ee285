"""What can be subscribed to, and what a client's parameters ask for. Pure."""

import re
from typing import Any

import msgspec

from battle.actors.spec.chain import SubscriptionKind
from battle.actors.wire.jsonrpc import INVALID_PARAMS, RpcError

MAX_TOPICS = 4
"""As many as a log has."""

MAX_CHOICES = 1024
"""Addresses, or alternatives for one topic: a filter is kept, and sent to each provider in turn."""

_FILTER_FIELDS = frozenset({"address", "topics", "fromBlock", "toBlock", "blockHash"})
"""A range means nothing to a subscription. Nodes let it pass, so it is let pass here."""

_ADDRESS = re.compile("0x[0-9a-fA-F]{40}")
_HASH = re.compile("0x[0-9a-fA-F]{64}")


class SubscriptionKey(msgspec.Struct, frozen=True):
    """What a subscription is to. Two that mean the same are equal, however their clients wrote them."""

    kind: SubscriptionKind
    filter: str = ""
    """Of logs: the filter object as JSON, normalised."""

    @property
    def params(self) -> list[Any]:
        """What eth_subscribe is asked with."""
        return [self.kind, msgspec.Raw(self.filter.encode())] if self.filter else [self.kind]


HEADS = SubscriptionKey("newHeads")


def read_key(params: list[Any] | dict[str, Any]) -> SubscriptionKey:
    """What the parameters of an eth_subscribe ask for.

    Raises:
        RpcError: -32602, with what is wrong.
    """
    if not isinstance(params, list) or not params:
        raise _invalid("expected a list that begins with the kind of subscription")
    kind, *rest = params
    if kind == "newHeads" and not rest:
        return HEADS
    # The flag of newPendingTransactions asks for whole transactions, which not every provider has.
    if kind == "newPendingTransactions" and rest in ([], [False]):
        return SubscriptionKey(kind)
    if kind == "logs" and len(rest) <= 1:
        return SubscriptionKey(kind, _normalised(rest[0] if rest else {}))
    if kind in ("newHeads", "newPendingTransactions", "logs"):
        raise _invalid(f"these parameters of {kind!r} are not offered")
    raise _invalid("the kinds of subscription are newHeads, logs and newPendingTransactions")


def read_subscription_id(params: list[Any] | dict[str, Any]) -> str:
    """The subscription that an eth_unsubscribe names.

    Raises:
        RpcError: -32602.
    """
    if isinstance(params, list) and len(params) == 1 and isinstance(params[0], str):
        return params[0]
    raise _invalid("expected a list with the subscription's id")


def _normalised(wanted: Any) -> str:
    if wanted is None:
        wanted = {}
    if not isinstance(wanted, dict):
        raise _invalid("a filter is an object")
    if unknown := sorted(wanted.keys() - _FILTER_FIELDS):
        raise _invalid(f"a filter has no field {unknown[0]!r}")
    parts: dict[str, Any] = {}
    if (addresses := _choices(wanted.get("address"), _ADDRESS, "an address")) is not None:
        parts["address"] = addresses
    topics = wanted.get("topics") or []
    if not isinstance(topics, list) or len(topics) > MAX_TOPICS:
        raise _invalid(f"topics are a list of at most {MAX_TOPICS}")
    if topics:
        # One that matches anything still asks for a log with that many topics, so it stays in its place.
        parts["topics"] = [_choices(topic, _HASH, "a topic") for topic in topics]
    return msgspec.json.encode(parts).decode()


def _choices(value: Any, pattern: re.Pattern[str], what: str) -> list[str] | None:
    """One value, or a list of alternatives, sorted; None when anything matches."""
    choices = value if isinstance(value, list) else [value]
    if not choices or None in choices:
        return None
    if len(choices) > MAX_CHOICES:
        raise _invalid(f"at most {MAX_CHOICES} alternatives")
    for choice in choices:
        if not isinstance(choice, str) or not pattern.fullmatch(choice):
            raise _invalid(f"{choice!r:.80} is not {what}")
    return sorted({choice.lower() for choice in choices})


def _invalid(why: str) -> RpcError:
    return RpcError(INVALID_PARAMS, f"Invalid params: {why}")
