"""What real providers say before a run: whether they answer, and which chain they serve.

Three calls to each, with a strict client of others (httpx). No message has more of a URL than its host.
"""

from collections.abc import Iterator, Sequence
from time import monotonic
from typing import Any

import msgspec

from battle.actors.spec.providers import RealProvider
from battle.actors.wire.jsonrpc import read_answer
from battle.actors.wire.untrusted_json import Unreadable, reader
from battle.errors import StartError
from battle.run.no_answer import why_no_answer
from battle.run.secrets import filler_of
from battle.run.trust import trust_in

ANSWER_S = 10.0
"""A provider that needs longer for one call would fail every load."""

ANSWER_BYTES_MAX = 16 * 2**20
"""Of one answer: a block without its transactions has some 20 kB."""

_read = reader()

_SPAN_BLOCKS = 32
"""Between the two blocks whose times show how fast the chain is."""


class ChainSurvey(msgspec.Struct, frozen=True):
    """The chain that all the providers serve: its id, its newest block, and the time from one block to the next.

    The last two are None where no block could be read.
    """

    chain_id: int
    head: int | None
    block_time_ns: int | None


def survey(providers: Sequence[RealProvider]) -> ChainSurvey:
    """Ask each provider for its chain.

    Raises:
        StartError: one cannot be reached, refuses, or serves another chain than the others.
    """
    found = {provider.name: _asked(provider) for provider in providers}
    ids = {name: one.chain_id for name, one in found.items()}
    if len(set(ids.values())) > 1:
        listed = ", ".join(f"{name} {chain_id}" for name, chain_id in ids.items())
        raise StartError(f"the providers serve different chains (eth_chainId: {listed})")
    return max(found.values(), key=lambda one: one.head or 0)


def _asked(provider: RealProvider) -> ChainSurvey:
    ask = _Asker(provider)
    with ask:
        chain_id = _number(ask("eth_chainId", []))
        if chain_id is None:
            raise ask.problem("answers eth_chainId with no number")
        head = ask("eth_getBlockByNumber", ["latest", False])
        number, time = _field(head, "number"), _field(head, "timestamp")
        if number is None or time is None or number < 2:
            return ChainSurvey(chain_id, number, None)
        span = min(_SPAN_BLOCKS, number - 1)  # block 0 may be as old as its author likes
        before = _field(ask("eth_getBlockByNumber", [hex(number - span), False]), "timestamp")
        block_time = None if before is None or before >= time else (time - before) * 10**9 // span
        return ChainSurvey(chain_id, number, block_time)


class _Asker:
    """Calls to one provider, with their mistakes in words."""

    def __init__(self, provider: RealProvider) -> None:
        import httpx

        self._provider = provider
        upstream = provider.endpoint(filler_of(f"provider {provider.name}"))
        scheme = "http" if upstream.tls is None else "https"
        self._url = f"{scheme}://{upstream.address}{upstream.path}"
        self._client = httpx.Client(
            headers=upstream.headers,
            timeout=ANSWER_S,
            verify=trust_in(provider.ca_file, verify=provider.verify, whose=f"provider {provider.name}"),
            trust_env=False,
        )

    def __enter__(self) -> None:
        self._client.__enter__()

    def __exit__(self, *exception: Any) -> None:
        self._client.__exit__(*exception)

    def __call__(self, method: str, params: list[Any]) -> Any:
        """The result. Raises StartError."""
        import httpx

        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        try:
            with self._client.stream("POST", self._url, json=call) as response:
                status, body = response.status_code, self._whole(response.iter_bytes(), method)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise self.problem(f"cannot be reached ({why_no_answer(error)})") from None
        if status != 200:
            raise self.problem(f"answers {method} with HTTP {status}{_hint(status)}")
        try:
            answer = read_answer(body)
            result = None if answer.result is msgspec.UNSET else _read(answer.result)
        except Unreadable:
            raise self.problem(f"answers {method} with what is no JSON-RPC") from None
        if answer.error is not None:
            raise self.problem(f"answers {method} with the JSON-RPC error {answer.error.code}")
        return result

    def _whole(self, pieces: Iterator[bytes], method: str) -> bytes:
        """The body, if it comes to an end: httpx has limits for a piece alone."""
        body, deadline_s = bytearray(), monotonic() + ANSWER_S
        for piece in pieces:
            body += piece
            if len(body) > ANSWER_BYTES_MAX or monotonic() > deadline_s:
                raise self.problem(f"answers {method} without an end")
        return bytes(body)

    def problem(self, what: str) -> StartError:
        """An error that names the provider by its host alone."""
        return StartError(f"provider {self._provider.name} ({self._provider.where}) {what}")


def _hint(status: int) -> str:
    if status in (401, 403):
        return ": is its key right?"
    if 300 <= status < 400:
        return ": write the URL that it redirects to"
    return ": it has a limit of calls, or none are left" if status in (402, 429) else ""


def _field(block: Any, name: str) -> int | None:
    return _number(block.get(name)) if isinstance(block, dict) else None


def _number(value: Any) -> int | None:
    try:
        return int(value, 16)
    except (TypeError, ValueError):
        return None
