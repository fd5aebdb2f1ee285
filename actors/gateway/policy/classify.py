"""What became of an attempt, and what that says about the provider. Pure.

Four kinds. `success`: the provider answered. `final`: the provider answered that the request itself is at
fault; another would say the same, so it is passed on, and is no failure of the provider. `rate_limited`:
the provider is well and wants to be left alone. `retryable`: the provider failed, or does not have what is asked
for (a block, an archive, a method), which another may have: that is no failure, or a client with odd questions could
open every breaker. A request of which all say that gets what the last one said.

A JSON-RPC error in a body says more than the HTTP status over it: some servers answer a revert with 400 or 500. Only
what such an error leaves open goes by the status. But 401, 402 and 403 are about the provider's account whatever the
error's code, unless its words are about the transaction. A 400 without an error is no JSON-RPC server's: what stands
before it may refuse an account that way, so another provider is asked.

Codes alone are ambiguous: -32005 stands for too many requests and for too wide a log query, -32000 for nearly all.
So the words decide first, as geth, Erigon, Infura, Alchemy, QuickNode and others write them; what no words are known
of goes by its code.

A batch is as good as the best of its answers: one that holds a result is passed on as it is, for a retry
would do the good part again. One in which all fail counts as its first failure.

eth_sendRawTransaction is repeated like any other call, because the same raw transaction cannot take effect
twice. When a first attempt took effect and its answer was lost, the retry is answered "already known" or "nonce
too low": both are final. The gateway does not make up the hash that the lost answer would have held.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal, TypeAlias

import msgspec

from battle.actors.gateway.policy.breaker import Result
from battle.actors.units import Duration, seconds
from battle.actors.wire.http.messages import HttpResponse
from battle.actors.wire.jsonrpc import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    LIMIT_EXCEEDED,
    METHOD_NOT_FOUND,
    ErrorObject,
    RpcResponse,
    read_answer,
    read_answers,
)
from battle.actors.wire.untrusted_json import Unreadable, reader
from battle.store.events import Outcome

AttemptKind: TypeAlias = Literal["success", "final", "rate_limited", "retryable"]

TransportFailure: TypeAlias = Literal[
    "timeout", "refused", "reset", "closed", "protocol", "unsent", "cancelled"
]
"""`closed`: end of stream before a whole response; `unsent`: no connection of the pool became free in time;
`cancelled`: the gateway called it off, for it lost a race or the gateway stops."""

RETRY_AFTER_LIMIT = seconds(60)
"""However long a provider wants to be left alone: a clock gone wrong must not lose it for the whole run."""

_BAD_REQUEST = 400
_FINAL_STATUSES = frozenset({_BAD_REQUEST, 405, 411, 413, 414, 415, 422, 431})
"""The request itself is refused. Other 4xx (401, 403, 404) are about the provider's account or set-up."""

_ACCOUNT_STATUSES = frozenset({401, 402, 403})
"""No key, no credit, no permission: another provider has another account."""

_REVERTED = 3
_HTTP_LIKE_LIMIT = 429
"""Some providers put HTTP's 429 into the JSON-RPC code."""
_REJECTED, _UNSUPPORTED, _WRONG_VERSION = -32003, -32004, -32006  # EIP-1474
_VM_ERROR = -32015
"""Parity's and Nethermind's for a call that reverts."""

_FINAL_CODES = frozenset(
    {
        _REVERTED,
        INVALID_REQUEST,
        INVALID_PARAMS,
        _REJECTED,
        _WRONG_VERSION,
        _VM_ERROR,
    }
)
_LIMIT_CODES = frozenset({LIMIT_EXCEEDED, _HTTP_LIKE_LIMIT})
_NOT_FOUND = -32001
"""EIP-1474: a resource that is not there, as a block that this provider does not know."""
_HISTORY_PRUNED = 4444
"""Of nodes that keep no old blocks (EIP-4444)."""
_ABSENT_CODES = frozenset({METHOD_NOT_FOUND, _UNSUPPORTED, _NOT_FOUND, _HISTORY_PRUNED})
_RESERVED_CODES = range(-32768, -31999)
"""JSON-RPC's own and the servers'; all others are the application's, and so an answer."""

_FINAL_MESSAGE = re.compile(
    "already known|known transaction|already imported|nonce too (low|high)|insufficient funds|underpriced"
    "|\\brevert|gas required exceeds|intrinsic gas|exceeds (block|transaction|the configured) (gas limit|maximum|cap)"
    "|invalid sender|invalid opcode|invalid jump|out of gas|gas uint64 overflow"
    "|gas limit (is )?(too (low|high)|reached)|max (priority )?fee per gas|oversized data"
    "|transaction type not supported|insufficient balance for transfer"
    "|replacement transaction|future transaction|negative value|init ?code size|max code size|call depth exceeded"
    "|stack (underflow|limit)|write protection|address collision|return data out of bounds|not an eoa"
    "|always failing transaction|vm execution error|filter not found|invalid (block range|argument|param)",
    re.IGNORECASE,
)
"""Nodes answer most mistakes of a transaction's author with the same -32000 as their own troubles."""

_TOO_MUCH_ASKED = re.compile(
    "block range|range (is )?too (large|wide|big)|(returned|exceeds?) (more than|max(imum)?) [0-9,]* ?(results|logs)"
    "|too many (results|logs)|result set too large|response (size )?(is )?(too (big|large)|exceeded)"
    "|limited to (a )?[0-9,]+k? (block|range)|query timeout exceeded|query exceeds max",
    re.IGNORECASE,
)
"""One log query wants too much. It is the client's to narrow: repeating it multiplies the most expensive calls."""

_TOO_MANY_ASKED = re.compile(
    "rate.?limit|too many requests|request (rate|count|limit) (was |is )?(exceeded|reached)|throughput"
    "|(requests?|compute units|capacity)( units)? per second|(per|/) ?second request limit"
    "|exceeded .*(capacity|quota)",
    re.IGNORECASE,
)

_NOT_THERE = re.compile(
    "header (for hash )?not found|unknown block|block (0x[0-9a-f]+ |#?[0-9]+ )?(was |is )?not (found|available)"
    "|missing trie node|historical state|state (at block .*|.*is )?(not available|unavailable)"
    "|no state (found|available)|pruned|could not find block"
    "|beyond (the )?(current )?head|finalized block not found|distance to target block exceeds|not yet available",
    re.IGNORECASE,
)
"""Of blocks and states: too old for this provider, or too new."""

_NOT_OFFERED = re.compile(
    "(not|un)[ -]?(available|supported|included|enabled|allowed|permitted) (on|in|with|for|by) "
    "(your|this|the|my)? ?(current |free )?(plan|tier|key|account|subscription|project|node|endpoint)"
    "|(upgrade|change) (to|your) .*(plan|tier|account)"
    "|archive (node|data|access|requests?) (is |are )?(required|needed)",
    re.IGNORECASE,
)
"""Of methods and data that a provider sells to others."""

_WORDS_READ = 1000
"""Characters of an error's message that are searched. The patterns above take quadratic time, so a message of a
megabyte would stop the gateway for minutes."""

_read_id = reader(str | int | float | None)


class AttemptVerdict(msgspec.Struct, frozen=True):
    """What became of an attempt. `outcome` and `failure` are those of `GatewayAttemptEnded`."""

    kind: AttemptKind
    outcome: Outcome
    failure: str | None = None
    rpc_code: int | None = None
    detail: str | None = None
    """The provider's words, for the error the client gets."""
    retry_after: Duration | None = None
    """How long a rate-limiting provider wants to be left alone; None when it did not say."""
    neutral: bool = False
    """The provider works; it does not have what was asked for."""

    @property
    def answered(self) -> bool:
        """Whether this is what the client gets."""
        return self.kind in ("success", "final")

    @property
    def breaker_result(self) -> Result:
        """What the breaker counts. A full pool, a race lost or an odd question says nothing about the provider."""
        if self.answered:
            return "success"
        if self.kind == "rate_limited" or self.neutral or self.failure in ("unsent", "cancelled"):
            return "abandoned"
        return "failure"


SUCCESS = AttemptVerdict("success", "ok")
_NOTHING_LEFT: tuple[TransportFailure, ...] = ("refused", "unsent")


def of_transport(failure: TransportFailure) -> AttemptVerdict:
    """The verdict on an attempt that got no response. Nobody knows what became of a request that left."""
    return AttemptVerdict("retryable", "error" if failure in _NOTHING_LEFT else "unknown", failure)


def of_response(response: HttpResponse, ids: Sequence[bytes], *, batch: bool) -> AttemptVerdict:
    """The verdict on a whole response to calls with these `ids` (as JSON text; notifications have none)."""
    status = response.status
    if 200 <= status < 300:
        return _of_body(response, ids, batch)
    if status == 429:
        return AttemptVerdict(
            "rate_limited", "error", "rate_limited", retry_after=retry_after(response.headers)
        )
    verdict = _of_body(response, ids, batch)
    code, words = verdict.rpc_code, verdict.detail or ""
    if code is not None and verdict.kind != "retryable" and not _is_of_account(verdict, status):
        return verdict
    if code is None and status == _BAD_REQUEST:
        return AttemptVerdict("retryable", "error", "http_status", neutral=True)
    if status in _FINAL_STATUSES and not verdict.neutral:
        return AttemptVerdict("final", "ok", None, code)
    return AttemptVerdict(
        "retryable", "error", "http_status", code, words if code else None, neutral=verdict.neutral
    )


def _is_of_account(verdict: AttemptVerdict, status: int) -> bool:
    """Whether an error that would be final by its code is about the provider's account: the status says so."""
    is_of_call = verdict.rpc_code == _REVERTED or _FINAL_MESSAGE.search(verdict.detail or "") is not None
    return status in _ACCOUNT_STATUSES and verdict.kind == "final" and not is_of_call


def _of_body(response: HttpResponse, ids: Sequence[bytes], batch: bool) -> AttemptVerdict:
    if not ids and not response.body.strip():
        return SUCCESS
    try:
        if batch and response.body.lstrip().startswith(b"["):
            return _of_answers(read_answers(response.body), ids, response.headers)
        answer = read_answer(response.body)
    except Unreadable:
        return _protocol("the response is not JSON-RPC")
    if answer.error is not None:
        return of_error(answer.error, response.headers)
    if batch:
        return _protocol("a batch was answered with a single result")
    return _of_answers([answer], ids, response.headers)


def _of_answers(
    answers: list[RpcResponse], ids: Sequence[bytes], headers: Mapping[bytes, bytes]
) -> AttemptVerdict:
    if any(answer.error is None and answer.result is msgspec.UNSET for answer in answers):
        return _protocol("an answer without result and error")
    if not _same_ids([bytes(answer.id) for answer in answers], ids):
        return _protocol("the answers' ids are not the calls' ids")
    verdicts = [SUCCESS if it.error is None else of_error(it.error, headers) for it in answers]
    return next((verdict for verdict in verdicts if verdict.answered), verdicts[0] if verdicts else SUCCESS)


def _same_ids(answered: list[bytes], asked: Sequence[bytes]) -> bool:
    """Whether each call has its answer, in any order; a provider may write an id in another spelling."""
    if len(answered) != len(asked):
        return False
    if sorted(answered) == sorted(asked):
        return True
    return sorted(map(_plain, answered)) == sorted(map(_plain, asked))


def _plain(identifier: bytes) -> str:
    """An id however it is spelled; what is no id (a list, a number out of range) stands for itself."""
    try:
        return repr(_read_id(identifier))
    except Unreadable:
        return repr(identifier)


def of_error(error: ErrorObject, headers: Mapping[bytes, bytes]) -> AttemptVerdict:
    """The verdict on a JSON-RPC error."""
    code, words = error.code, error.message[:_WORDS_READ]
    final = AttemptVerdict("final", "ok", None, code, words)
    limited = AttemptVerdict("rate_limited", "error", "rate_limited", code, words, retry_after(headers))
    absent = AttemptVerdict("retryable", "error", "rpc_error", code, words, neutral=True)
    if code == _HTTP_LIKE_LIMIT:
        return limited
    if code in _ABSENT_CODES or (code == INVALID_REQUEST and _NOT_OFFERED.search(words)):
        return absent
    if code in _FINAL_CODES or code not in _RESERVED_CODES or _FINAL_MESSAGE.search(words):
        return final
    if _TOO_MANY_ASKED.search(words):
        return limited
    if _TOO_MUCH_ASKED.search(words):
        return final
    if code in _LIMIT_CODES:
        return limited
    if _NOT_THERE.search(words) or _NOT_OFFERED.search(words):
        return absent
    return AttemptVerdict("retryable", "error", "rpc_error", code, words)


def _protocol(detail: str) -> AttemptVerdict:
    return AttemptVerdict("retryable", "error", "protocol", detail=detail)


def retry_after(headers: Mapping[bytes, bytes]) -> Duration | None:
    """How long the Retry-After header asks to wait, at most `RETRY_AFTER_LIMIT`; None when it does not say.

    A date is read against the response's own Date header: no clock of ours is needed, and none can disagree.
    """
    text = headers.get(b"retry-after", b"").decode("latin-1").strip()
    if re.fullmatch("[0-9]{1,9}", text):
        return min(seconds(int(text)), RETRY_AFTER_LIMIT)
    until, now = _date(text), _date(headers.get(b"date", b"").decode("latin-1"))
    if until is None or now is None:
        return None
    return min(max(seconds((until - now).total_seconds()), 0), RETRY_AFTER_LIMIT)


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # no date, or a zone that is too many hours away
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
