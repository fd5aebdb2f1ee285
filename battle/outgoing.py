"""Requests to other people's services: timeouts, retries, proxies, and no secret in any message.

What is retried, and why not all of it: a request that surely did not reach the service (no connection), and one that
the service refused for now (429, 5xx), is sent again. One whose bytes left and whose answer did not come (a timeout
while reading, a connection that broke, 504) may have been handled. It is sent again only if that does no harm, which
the caller says with `Request.repeatable`; otherwise it ends as an `UnknownDeliveryError`.

Nothing here follows a redirect: the secret in a request is for the host that it was given for, and for no other.
"""

import logging
import os
import random
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar
from urllib.parse import SplitResult, urlsplit

import msgspec

from battle.actors.redaction import REDACTED
from battle.errors import BattleError
from battle.formatting import plural
from battle.terminal_text import spelled

if TYPE_CHECKING:  # httpx takes 0.1 s to import: only whoever sends should wait for it
    import ssl

    import httpx

CONNECT_S = 10.0
"""To resolve the name, connect, and agree on TLS; a service that takes longer is down."""

ANSWER_S = 30.0
"""Without a byte of the answer. Slack and GitHub end their own work on a request after 10 s."""

ATTEMPTS_MAX = 5
"""With the waits between them some 15 s, which outlasts a restart of the service behind a load balancer."""

TOTAL_S = 150.0
"""For all attempts and the waits between them: longer than the minute that GitHub's secondary limits ask for, and
short enough that a CI job does not hang on a service that is down."""

BACKOFF_FIRST_S = 1.0
"""Before the second attempt; it doubles from then on. Slack takes about one message a second from a webhook."""

BACKOFF_MAX_S = 30.0
"""No wait of our own choice is longer."""

ANSWER_BYTES_MAX = 16 * 2**20
"""A page of 100 comments of GitHub, each of the greatest size, takes 7 MB."""

EXCERPT_CHARS_MAX = 200
"""Of the answer's text, in an error message."""

_UNAVAILABLE = frozenset({429, 500, 502, 503})
"""The service says that it did not do it, and may do it later."""

_MAYBE_DONE = frozenset({504})
"""A proxy stopped waiting for the service, which may have done it."""


class Secret:
    """A value that never shows: its text is `***`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return REDACTED

    __str__ = __repr__

    def __reduce__(self) -> Any:
        raise TypeError("a secret is not copied into files or other processes")

    def reveal(self) -> str:
        """The value itself, for the request that needs it."""
        return self._value


def secret(*names: str) -> Secret:
    """The secret in the first of these environment variables that is set.

    Raises:
        BattleError: none of them is set.
    """
    found = optional_secret(*names)
    if found is None:
        raise BattleError(f"the environment variable {' or '.join(names)} is not set")
    return found


def optional_secret(*names: str) -> Secret | None:
    """The secret in the first of these environment variables that is set, or None."""
    values = (os.environ.get(name, "").strip() for name in names)
    return next((Secret(value) for value in values if value), None)


def masked(text: str, secrets: Sequence[Secret]) -> str:
    """The text without the secrets, nor the paths and queries of those that are URLs."""
    pieces = [piece for one in secrets for piece in _pieces(one.reveal())]
    for piece in sorted(pieces, key=len, reverse=True):
        text = text.replace(piece, REDACTED)
    return text


def _pieces(value: str) -> list[str]:
    """What of a secret may stand in a text on its own."""
    try:
        parts = urlsplit(value)
    except ValueError:
        return [value]
    of_url = [parts.path, parts.query, parts.password or ""] if parts.netloc else []
    return [piece for piece in (value, *of_url) if len(piece) > 1]  # the path "/" is no secret


class DeliveryError(BattleError):
    """A request was not accepted: the service surely did not do what it asked for. The text holds no secret."""


class UnknownDeliveryError(DeliveryError):
    """The request left and no answer came: the service may have done what it asked for."""


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """How long and how often to try; times in seconds."""

    connect_s: float = CONNECT_S
    answer_s: float = ANSWER_S
    attempts: int = ATTEMPTS_MAX
    total_s: float = TOTAL_S
    backoff_first_s: float = BACKOFF_FIRST_S
    backoff_max_s: float = BACKOFF_MAX_S


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What to send. `service` is its name in messages ("Slack"). `repeatable`: doing it twice does no harm.

    `url` may be a secret as a whole, as Slack's are. `secrets` are masked in messages, besides the URL.
    """

    service: str
    method: str
    url: str | Secret
    headers: Mapping[str, str] = {}
    body: bytes = b""
    repeatable: bool = False
    secrets: Sequence[Secret] = ()


class Answer(msgspec.Struct, frozen=True):
    """What the service answered; the names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text, whatever bytes it has."""
        return self.body.decode("utf-8", errors="replace")


class Clock(NamedTuple):
    """Time, and what else of a retry is not a pure function; tests bring their own."""

    now_s: Callable[[], float] = time.monotonic
    epoch_s: Callable[[], float] = time.time
    sleep_s: Callable[[float], object] = time.sleep
    jitter: Callable[[], float] = random.random


CLOCK = Clock()
"""The clock of requests that bring none."""

DEFAULT_POLICY = Policy()

Limited: TypeAlias = Callable[[Answer, float], float | None]
"""Of an answer that refused, and the time since 1970 in seconds: how many seconds to wait at least before the next
attempt; None: never again."""


def limited(answer: Answer, epoch_s: float) -> float | None:
    """The rule for services without rules of their own: 429 and most 5xx may be tried again, after `Retry-After`."""
    if answer.status not in _UNAVAILABLE and answer.status not in _MAYBE_DONE:
        return None
    return retry_after_s(answer, epoch_s)


def retry_after_s(answer: Answer, epoch_s: float) -> float:
    """What the header `Retry-After` asks for, in seconds or as a date (RFC 9110, 10.2.3); 0 without one."""
    text = answer.headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text):
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, at.timestamp() - epoch_s)


def backoff_s(attempt: int, policy: Policy, jitter: float) -> float:
    """The wait after attempt number `attempt`, from 1: doubled each time, and from half of it to all of it."""
    whole = min(policy.backoff_max_s, policy.backoff_first_s * 2.0 ** min(attempt - 1, 32))
    return whole * (0.5 + 0.5 * jitter)


def require_https(url: str, what: str) -> None:
    """Refuse to send a secret in clear text, except to this machine.

    Raises:
        BattleError: the URL is none, or is not of HTTPS.
    """
    parts = require_url(url, what)
    host = parts.hostname or ""
    local = host in ("localhost", "::1") or re.fullmatch(r"127(\.\d{1,3}){3}", host) is not None
    if parts.scheme != "https" and not local:
        raise BattleError(f"{what} must begin with https://: its secret would be readable on the network")


def require_url(url: str, what: str) -> SplitResult:
    """The parts of a URL of HTTP or HTTPS. Raises BattleError, which does not show it, when it is none."""
    try:
        parts = urlsplit(url)
        if parts.hostname and parts.scheme in ("https", "http") and url.isprintable() and " " not in url:
            return parts
    except ValueError:
        pass  # reported below
    raise BattleError(f"{what} is not a URL such as https://host/path")


def send(
    request: Request,
    *,
    policy: Policy = DEFAULT_POLICY,
    clock: Clock | None = None,
    limited: Limited = limited,
) -> Answer:
    """Send a request until the service accepts it (status 2xx), and return the answer.

    Proxies are those of the environment (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`), certificates those of certifi or
    `SSL_CERT_FILE`.

    Raises:
        DeliveryError: the service refused it, or could not be reached; `UnknownDeliveryError`: it may have arrived.
    """
    clock = clock or CLOCK
    delivery = Delivery(
        request.service,
        repeatable=request.repeatable,
        secrets=[*request.secrets, *([request.url] if isinstance(request.url, Secret) else [])],
        policy=policy,
        clock=clock,
    )
    with _quiet(), _client(request, policy) as client:
        return delivery.accepted(lambda: _attempt(client, request, delivery, clock, limited))


class Refusal(NamedTuple):
    """One attempt that was not accepted. `wait_s`: at least so long before the next one; None: never again.

    `maybe_done`: the service may have done what it was asked for.
    """

    why: str
    wait_s: float | None
    maybe_done: bool = False


Outcome = TypeVar("Outcome")


class Delivery:
    """Attempts until one is accepted, with waits between them, bounded by a policy; of HTTP and of mail alike."""

    def __init__(
        self,
        service: str,
        *,
        repeatable: bool = False,
        secrets: Sequence[Secret] = (),
        policy: Policy = DEFAULT_POLICY,
        clock: Clock | None = None,
    ) -> None:
        self.service, self.policy, self.secrets = service, policy, secrets
        self._repeatable = repeatable
        self._clock = clock or CLOCK
        self._deadline_s = self._clock.now_s() + policy.total_s

    @property
    def overdue(self) -> bool:
        """Whether the time for all attempts is over."""
        return self._clock.now_s() > self._deadline_s

    def accepted(self, attempt: Callable[[], Outcome | Refusal]) -> Outcome:
        """What the first attempt answers that is no refusal.

        Raises:
            DeliveryError: none will be accepted; `UnknownDeliveryError`: one of them may have been.
        """
        number = 1
        while True:
            result = attempt()
            if not isinstance(result, Refusal):
                return result
            self._wait(number, result)
            number += 1

    def _wait(self, attempt: int, refusal: Refusal) -> None:
        """Wait for the next attempt, or raise when there is none."""
        if refusal.maybe_done and not self._repeatable:
            raise self._error(refusal, f"{self.service} may or may not have accepted it")
        if refusal.wait_s is None:
            raise self._error(refusal, f"{self.service} did not accept it")
        tried = plural(attempt, "attempt")
        if attempt >= self.policy.attempts:
            raise self._error(refusal, f"{self.service} did not accept it after {tried}")
        pause_s = max(refusal.wait_s, backoff_s(attempt, self.policy, self._clock.jitter()))
        if self._clock.now_s() + pause_s > self._deadline_s:
            asked = f" (it asks to wait {refusal.wait_s:,.0f} s)" if refusal.wait_s == pause_s else ""
            within = f"within {self.policy.total_s:g} s{asked}"
            raise self._error(refusal, f"{self.service} did not accept it after {tried} {within}")
        self._clock.sleep_s(pause_s)

    def _error(self, refusal: Refusal, what: str) -> DeliveryError:
        kind = UnknownDeliveryError if refusal.maybe_done else DeliveryError
        return kind(masked(f"{what}: {refusal.why}", self.secrets))


def _client(request: Request, policy: Policy) -> "httpx.Client":
    import httpx

    timeout = httpx.Timeout(policy.answer_s, connect=policy.connect_s)
    try:
        trusted = _certificates(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
        return httpx.Client(timeout=timeout, follow_redirects=False, verify=trusted)
    except (ImportError, OSError, ValueError, httpx.InvalidURL) as error:
        # Its text may hold a proxy's password.
        raise DeliveryError(
            f"{request.service} cannot be asked: a proxy or a certificate in the environment "
            f"(HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, SSL_CERT_FILE) is not usable: {type(error).__name__}"
        ) from None


@cache
def _certificates(file: str | None, directory: str | None) -> "ssl.SSLContext":
    """Whom to trust; it takes 40 ms to read, and a comment on a pull request takes several requests."""
    import httpx

    return httpx.create_ssl_context()  # it reads both variables itself


def _attempt(
    client: "httpx.Client", request: Request, delivery: Delivery, clock: Clock, limited: Limited
) -> Answer | Refusal:
    import httpx

    url = request.url.reveal() if isinstance(request.url, Secret) else request.url
    try:
        with client.stream(
            request.method, url, headers=dict(request.headers), content=request.body
        ) as response:
            body = b"".join(_body(response, delivery))
            answer = Answer(response.status_code, dict(response.headers), body)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
        return Refusal(f"it cannot be reached: {cause_text(error)}", 0.0)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, UnicodeError):
        return Refusal("its URL, or a header, is not valid", None)
    except httpx.TimeoutException:
        return Refusal("no answer came in time", 0.0, maybe_done=True)
    except httpx.HTTPError as error:
        return Refusal(f"the answer broke off: {cause_text(error)}", 0.0, maybe_done=True)
    if 200 <= answer.status < 300:
        return answer
    return Refusal(
        _refused(answer, delivery.secrets),
        limited(answer, clock.epoch_s()),
        maybe_done=answer.status in _MAYBE_DONE,
    )


def _body(response: "httpx.Response", delivery: Delivery) -> Iterator[bytes]:
    import httpx

    size = 0
    for chunk in response.iter_bytes():
        size += len(chunk)
        if size > ANSWER_BYTES_MAX:
            raise httpx.ReadError(f"it is longer than {ANSWER_BYTES_MAX // 2**20} MiB")
        if delivery.overdue:
            raise httpx.ReadTimeout("")  # each byte came in time, and all of them did not
        yield chunk


def _refused(answer: Answer, secrets: Sequence[Secret]) -> str:
    if 300 <= answer.status < 400:
        return f"it answered with a redirect (status {answer.status}), which is not followed"
    # Masked first: a secret that is cut in two would not be found.
    said = " ".join(spelled(masked(" ".join(answer.text.split()), secrets)).split())
    shown = said if len(said) <= EXCERPT_CHARS_MAX else said[:EXCERPT_CHARS_MAX] + "…"
    return f"it answered with status {answer.status}" + (f": {shown}" if shown else "")


def cause_text(error: BaseException) -> str:
    """What the system says, without a URL: the first error with a number, or the name of what went wrong."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.strerror:
            return seen.strerror
        seen = seen.__cause__ or seen.__context__
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


_LOGGERS = ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy", "httpcore.socks")


@contextmanager
def _quiet() -> Iterator[None]:
    """While a request of this thread is on its way, httpx logs nothing: it would log the URL, with what is secret."""
    thread = threading.get_ident()
    loggers = [logging.getLogger(name) for name in _LOGGERS]

    def dropped(record: logging.LogRecord) -> bool:
        return threading.get_ident() != thread

    for logger in loggers:
        logger.addFilter(dropped)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(dropped)
