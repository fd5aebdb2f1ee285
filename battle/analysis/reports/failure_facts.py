"""What report.json says of how the gateway met failures. Times are nanoseconds, None is "not seen" or not visible."""

import msgspec


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    pass


class FaultReaction(_Part, frozen=True, kw_only=True):
    """What the gateway did about one fault, over HTTP: a row of the view `fault_reactions`, which says how it counts.

    `failovers` and `probes` are None when the gateway does not report them.
    """

    fault_id: str
    failovers: int | None
    cost_mean_ns: int | None
    cost_p50_ns: int | None
    cost_p99_ns: int | None
    cost_max_ns: int | None
    time_to_divert_ns: int | None
    probes: int | None
    time_to_readmit_ns: int | None


class StreamFailovers(_Part, frozen=True, kw_only=True):
    """How often streams of one kind lost their upstream after one fault (None: after none), and what became of them.

    A stream is a subscription of the gateway at a provider, shared by its clients (the view `stream_failovers`).
    """

    fault_id: str | None
    kind: str
    failovers: int
    stale: int
    resumed: int
    elsewhere: int
    detect_max_ns: int | None
    took_mean_ns: int | None
    took_p50_ns: int | None
    took_p99_ns: int | None
    took_max_ns: int | None


class LogSubscriptions(_Part, frozen=True, kw_only=True):
    """What the clients of one workload got of the logs that others like them got: the view `log_continuity`."""

    workload: str
    subscriptions: int
    interrupted: int
    due: int
    received: int
    missed: int
    duplicated: int
    out_of_order: int
    removed: int


class PublishedHeads(_Part, frozen=True, kw_only=True):
    """The heads that one provider published to its subscribers; `provider` None: different ones of all of them."""

    provider: str | None
    heads: int
    repeated: int
    heights: int
    tagged: int
