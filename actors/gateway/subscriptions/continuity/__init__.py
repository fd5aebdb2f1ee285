"""Continuity of subscriptions: what a client sees is one stream, whatever happens to the providers under it.

A pure core. For each shared upstream subscription (one per kind and filter) the shell keeps one of `Heads`,
`Logs`, `PendingTransactions`, feeds it events through `step(event)`, and carries out the actions that come
back, in their order. Times are `at_ns` and never go back. All state is bounded by `Continuity` and the named
constants of the modules.

What the shell must send, one event at a time:

- `Started`, once, first.
- After each `Resubscribe` exactly one of `Subscribed(provider)` and `UpstreamLost(provider)`, the latter when
  that one provider refused, was not reachable, or did not answer in the time the shell gives it. The shell
  does not go on to the next provider by itself: the next `Resubscribe` comes at once or after a pause.
- `Notified(provider, item)` for what the subscription brings, in its order, after `Subscribed`.
- `HeadKnown(provider, number)` soon after `Subscribed`: eth_blockNumber asked at that provider *after* the
  subscription stood (when it fails, send nothing). To `Logs` and `PendingTransactions` also the number of
  each head that the same connection's newHeads brings: without it they cannot distinguish a quiet chain from
  a dead provider. Heads learnt by polling do not count: they would hide a subscription that went silent.
- `UpstreamLost(provider)` when the connection or the subscription ended. After `Resubscribe` the old one is
  gone for the fold: do not report its end, and what still arrives from it is to be dropped by the shell when
  it subscribes again at the same provider.
- For each `Backfill` in bounded time `BackfillAnswered` or `BackfillFailed` with its number. At most one is
  outstanding; one that is outdated by a `Resubscribe` need not be answered, and its answer is ignored. `items` in
  any order. For heads eth_getBlockByNumber, a null means that `up_to` ends before it. For logs eth_getLogs: it
  answers silently with less when the provider lags, so ask eth_blockNumber there *first*; `up_to` is the smaller
  one of that and `last`.
- `Elapsed` at the time of the latest `WakeAt`. More or later ones do no harm.

What the shell must do:

- `Deliver(items)`: the `payload` of each to every client of the stream, through `slow_clients.admit`. A client
  that joins while the stream catches up gets the filled blocks as well.
- `Backfill`: ask over HTTP at `provider` when `attempt` is 1, at another when it is higher.
- `Resubscribe(reason, avoid)`: end the subscription there is, choose a provider, `avoid` last. Unless the
  reason is "start", this counts as a failure of `avoid` for its WebSocket breaker.
- `GapLeft(first, last, reason)`: log it. Clients get no message: there is nothing true to send.
- `WakeAt`: one timer per stream, the latest replaces the former.

What holds (see each module for its kind): nothing is delivered twice; a block comes after its parent, or is
the first, or the first after a `GapLeft`; what is owed and not delivered was reported by a `GapLeft`, or is still
being asked for. A provider that is behind brings only known things, which are dropped, and counts as stale
when that lasts. Which chain a provider is on is for the shell to check (eth_chainId): a fold that has seen
nothing else believes what it receives.
"""

from battle.actors.gateway.subscriptions.continuity.core import ContinuityCore
from battle.actors.gateway.subscriptions.continuity.heads import Heads
from battle.actors.gateway.subscriptions.continuity.logs import Logs
from battle.actors.gateway.subscriptions.continuity.messages import (
    Backfill,
    BackfillAnswered,
    BackfillFailed,
    ChainHead,
    Deliver,
    Elapsed,
    EthLog,
    GapLeft,
    GapReason,
    HeadKnown,
    LossReason,
    Notified,
    PendingTransaction,
    Resubscribe,
    Started,
    StreamAction,
    StreamEvent,
    Subscribed,
    UpstreamLost,
    WakeAt,
)
from battle.actors.gateway.subscriptions.continuity.pending_transactions import PendingTransactions
from battle.actors.gateway.subscriptions.continuity.slow_clients import (
    Admit,
    ClientDecision,
    Close,
    admit,
)
from battle.actors.gateway.subscriptions.continuity.upstream_state import stale_at_ns

__all__ = [
    "Admit",
    "Backfill",
    "BackfillAnswered",
    "BackfillFailed",
    "ChainHead",
    "ClientDecision",
    "Close",
    "ContinuityCore",
    "Deliver",
    "Elapsed",
    "EthLog",
    "GapLeft",
    "GapReason",
    "HeadKnown",
    "Heads",
    "Logs",
    "LossReason",
    "Notified",
    "PendingTransaction",
    "PendingTransactions",
    "Resubscribe",
    "Started",
    "StreamAction",
    "StreamEvent",
    "Subscribed",
    "UpstreamLost",
    "WakeAt",
    "admit",
    "stale_at_ns",
]
