"""The fault catalogue, each fault with what it must show in the log of a run."""

import msgspec

from battle.actors.spec.faults.behaviour import (
    Degrade,
    ErrorRate,
    Hang,
    Malformed,
    MissingData,
    RateLimit,
    Reorg,
    StaleHead,
    Truncated,
    WrongAnswer,
    WrongChain,
)
from battle.actors.spec.faults.kinds.ahead_head import AheadHead
from battle.actors.spec.faults.process import (
    Flap,
    Kill,
    Pause,
    Restart,
)
from battle.actors.spec.faults.transport import (
    Bandwidth,
    Direction,
    Jitter,
    Latency,
    LimitData,
    Partition,
    Refuse,
    ResetPeer,
    Slicer,
    SlowClose,
    Timeout,
)
from battle.actors.spec.faults.websocket import (
    DropConnections,
    DuplicateHeads,
    IgnorePings,
    MissHeads,
    RefuseSubscriptions,
    ReorderHeads,
    SilentStall,
)
from battle.actors.units import ms, seconds
from tests.end_to_end.fault_runs import BURSTS, BUSY, IDLE, LASTS, Effect

STREAMED = "streams"

COMING_BACK = 8 * BURSTS
"""After a process has ended: a new one starts in a fifth of a second, on a busy machine in more than one."""

# How attempts at a provider end that cannot be reached, or does not answer.
REFUSED = "SELECT count_if(failure = 'refused') > 0 AND count_if(outcome = 'ok') = 0 FROM asked"
SILENT = "SELECT count_if(failure = 'timeout') > 0 AND count_if(outcome = 'ok') = 0 FROM asked"

# What becomes of answers that only come late, or in pieces.
STILL_RIGHT = "SELECT bool_and(answer = 'right') FROM answers"

PROCESS = (
    Effect(
        Pause("a", duration=LASTS),
        f"({SILENT}) AND (SELECT count(*) = 0 FROM served)",
    ),
    Effect(Kill("a", at=0, down=LASTS), REFUSED, quiet=COMING_BACK),
    Effect(Restart("a", at=0, down=LASTS), REFUSED, quiet=COMING_BACK),
    # A flap goes on until the load ends, so it comes last.
    Effect(Flap("a", at=0, down=LASTS, up=seconds(60)), REFUSED),
)

ERRORS = (
    Effect(
        Degrade(
            "a", duration=LASTS, added_latency=ms(40), error_ratio=0.5, error_kinds=("http_503", "rpc_error")
        ),
        """
        SELECT min(took_ms) >= 40 AND count_if(http_status = 503) > 0 AND count_if(rpc_code = -32000) > 0
            AND count_if(outcome = 'ok') > 0
        FROM asked
        """,
    ),
    Effect(
        ErrorRate("a", duration=LASTS, ratio=0.7, kinds=("http_500", "rpc_internal_error")),
        """
        SELECT count_if(http_status = 500) > 0 AND count_if(rpc_code = -32603) > 0 AND count_if(outcome = 'ok') > 0
        FROM asked
        """,
    ),
    Effect(
        Hang("a", duration=LASTS),
        f"({SILENT}) AND (SELECT count(*) > 0 AND count(replied_ns) = 0 FROM served)",
    ),
    Effect(
        Malformed("a", duration=LASTS),
        """
        SELECT count_if(failure = 'protocol') > 0 AND count_if(failure = 'http_status' AND http_status = 502) > 0
        FROM asked
        """,
    ),
    Effect(
        Truncated("a", duration=LASTS),
        "SELECT count_if(failure = 'closed') > 0 AND count_if(outcome = 'ok') = 0 FROM asked",
    ),
)

LIES = (
    Effect(
        StaleHead("a", duration=LASTS, blocks=5),
        "SELECT count_if(answer = 'stale') > 0 AND count_if(answer = 'wrong') = 0 FROM answers",
    ),
    # A block takes a tenth of a second here.
    Effect(
        AheadHead("a", duration=LASTS, blocks=8),
        """
        SELECT coalesce(max(height - 19_000_000 - ended_ns // 100_000_000), 0) >= 7 AND bool_and(answer = 'right')
        FROM answers
        """,
    ),
    Effect(
        Reorg("a", duration=LASTS, depth=20),
        """
        SELECT count_if(answer = 'stale') > 0 AND count_if(answer = 'wrong') = 0
            AND bool_and(method LIKE 'eth_getBlockBy%') FILTER (answer = 'stale')
        FROM answers
        """,
    ),
    Effect(
        WrongChain("a", duration=LASTS, chain_id=7),
        "SELECT bool_and(answer = 'wrong') FROM answers WHERE method = 'eth_chainId'",
    ),
    Effect(
        MissingData("a", duration=LASTS),
        """
        SELECT bool_and(answer <> 'right') FILTER (method LIKE 'eth_getBlockBy%')
            AND bool_and(answer = 'right') FILTER (method = 'eth_chainId')
        FROM answers
        """,
    ),
    Effect(WrongAnswer("a", duration=LASTS), "SELECT bool_and(answer = 'wrong') FROM answers"),
    # The gateway leaves it alone for a second after that.
    Effect(
        RateLimit("a", duration=LASTS, limit_per_s=3),
        """
        (SELECT count_if(http_status = 429 AND failure = 'rate_limited') > 0 FROM asked)
        AND (SELECT max(taken) <= 3 FROM (
            SELECT count(*) AS taken FROM served WHERE outcome = 'ok' GROUP BY received_ns // 1_000_000_000
        ))
        """,
    ),
)

TRANSPORT = (
    Effect(
        Latency("a", duration=LASTS, delay=ms(60)),
        f"(SELECT min(took_ms) >= 60 FROM asked) AND ({STILL_RIGHT})",
    ),
    Effect(
        Jitter("a", duration=LASTS, spread=ms(100)),
        f"(SELECT median(took_ms) >= 30 FROM asked) AND ({STILL_RIGHT})",
    ),
    Effect(
        Bandwidth("a", duration=LASTS, bytes_per_s=4000),
        f"(SELECT median(took_ms) >= 30 FROM asked) AND ({STILL_RIGHT})",
    ),
    # Somebody has to close connections: here it is a provider that breaks off its answers.
    Effect(
        SlowClose("a", duration=LASTS, delay=ms(80)),
        "SELECT min(took_ms) FILTER (failure = 'closed') >= 80 FROM asked",
        beside=(Truncated("a", duration=LASTS),),
    ),
    Effect(
        Timeout("a", duration=LASTS, direction="out"),
        f"({SILENT}) AND (SELECT count(replied_ns) > 0 FROM served)",
    ),
    Effect(
        ResetPeer("a", duration=LASTS),
        "SELECT count_if(failure = 'reset') > 0 AND count_if(outcome = 'ok') = 0 FROM asked",
    ),
    Effect(
        Slicer("a", duration=LASTS, piece_bytes=64, delay=ms(2)),
        f"""
        (SELECT min(took_ms) >= 20 FROM asked WHERE method LIKE 'eth_getBlockBy%') AND ({STILL_RIGHT})
        """,
    ),
    Effect(
        LimitData("a", duration=LASTS, limit_bytes=100),
        "SELECT count_if(failure = 'closed') > 0 AND count_if(outcome = 'ok') = 0 FROM asked",
    ),
    Effect(Refuse("a", duration=LASTS), "SELECT count_if(failure = 'refused') > 0 FROM asked"),
    Effect(
        Partition("a", duration=LASTS),
        f"({SILENT}) AND (SELECT count(*) = 0 FROM served)",
    ),
)

# Of what the clients send in the meantime nothing is answered; it depends whether the gateway hears it.
UNHEARD = """
    (SELECT count(*) > 0 AND count_if(ended_in_time) = 0 FROM sent) AND (SELECT count(*) = 0 FROM came_through)
"""
UNANSWERED = """
    (SELECT count(*) > 0 AND count_if(ended_in_time) = 0 FROM sent) AND (SELECT count(*) > 0 FROM came_through)
"""


def _parted(direction: Direction, shows: str) -> Effect:
    fault = Partition("gateway", duration=LASTS, peer=BUSY, direction=direction)
    return Effect(fault, shows, control=msgspec.structs.replace(fault, peer=IDLE))


BEFORE_THE_GATEWAY = (_parted("both", UNHEARD), _parted("in", UNHEARD), _parted("out", UNANSWERED))

# The gateway listens to one provider until that fails: to a, then to b, to a again, to b, and at last to c.
STREAMS = (
    Effect(
        MissHeads("a", duration=2 * LASTS),
        "SELECT count(DISTINCT number) < max(number) - min(number) + 1 FROM published",
    ),
    Effect(
        DuplicateHeads("a", duration=LASTS, ratio=1.0),
        "SELECT count(*) > count(DISTINCT hash) FROM published",
    ),
    Effect(
        ReorderHeads("a", duration=LASTS, ratio=1.0),
        """
        SELECT count(*) > 0
        FROM published AS late JOIN published AS early ON early.at_ns <= late.at_ns AND early.number > late.number
        """,
    ),
    Effect(
        DropConnections("a", duration=LASTS, close_code=1012),
        "SELECT count_if(change = 'closed' AND close_code = 1012) > 0 FROM told",
    ),
    Effect(
        DropConnections("b", duration=LASTS),
        "SELECT count_if(change = 'closed' AND close_code = 1006) > 0 FROM told",
    ),
    Effect(
        SilentStall("a", duration=3 * LASTS),
        "(SELECT count(*) = 0 FROM published) AND (SELECT count_if(change = 'stale') > 0 FROM told)",
    ),
    # Somebody has to subscribe anew.
    Effect(
        RefuseSubscriptions("a", duration=LASTS),
        "SELECT count_if(change = 'rejected') > 0 AND count_if(change = 'subscribed') = 0 FROM told",
        beside=(DropConnections("b", duration=LASTS),),
    ),
    # The gateway pings every five seconds, and waits as long for the answer.
    Effect(
        IgnorePings("c", duration=seconds(10.5)),
        "SELECT count_if(change = 'closed' AND detail = 'ping timeout') > 0 FROM told",
    ),
)

OF_THE_CHAIN = ("chain_halt", "slow_chain")
"""What all providers feel: no standby can have it unnoticed, so `test_chain_pace` has these."""

GROUPS = {
    "deaths and errors": (*ERRORS, *PROCESS),
    "lies": LIES,
    "transport": TRANSPORT,
    "before the gateway": BEFORE_THE_GATEWAY,
    STREAMED: STREAMS,
}
"""What is played in one run. No more than ten faults without effect are named by a verdict."""
