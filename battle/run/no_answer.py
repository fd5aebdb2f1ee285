"""Why an HTTP client of others (httpx) got no answer, in words that have nothing of the URL. Pure."""

import errno
import ssl
from collections.abc import Iterator

import trio

_NO_TLS = frozenset({
    "WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG", "HTTP_REQUEST", "UNKNOWN_PROTOCOL",
})  # fmt: skip
"""What OpenSSL calls bytes that are none of TLS."""

NO_TLS = "it takes no TLS there"

_WORDS = {
    "ConnectTimeout": "no connection in time",
    "ReadTimeout": "no answer in time",
    "RemoteProtocolError": "it speaks no HTTP, or ended the connection",
    "InvalidURL": "its URL is none",
    "ConnectError": "no connection",
    "ReadError": "the connection broke",
    "WriteError": "the connection broke",
}
"""By the name of httpx's error: it puts URLs in some messages only, but nobody promises which."""


def why_no_answer(error: Exception) -> str:
    """What went wrong, in a few words."""
    causes = [*_causes(error)]
    if any(isinstance(one, ssl.SSLCertVerificationError) for one in causes):
        return "its certificate is not trusted"
    reasons = [one.reason for one in causes if isinstance(one, ssl.SSLError) and one.reason]
    if _NO_TLS & set(reasons):
        return NO_TLS
    if reasons:
        return f"TLS failed: {reasons[0].lower().replace('_', ' ')}"
    if any(isinstance(one, OSError) and one.errno == errno.ECONNREFUSED for one in causes):
        return "connection refused"
    if any(type(one).__name__ == "gaierror" for one in causes):
        return "its host name is not known"
    name = type(error).__name__
    if name == "ConnectError" and was_reached(error):
        return "TLS failed: the connection ended"
    return _WORDS.get(name, name)


def was_reached(error: Exception) -> bool:
    """Whether somebody took the connection for which httpx says that there was none: TLS came to nothing on it."""
    return any(isinstance(one, ssl.SSLError | trio.BrokenResourceError) for one in _causes(error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it came of, also in groups: each address of a host that was tried has its own."""
    found: BaseException | None = error
    while found is not None:
        yield found
        if isinstance(found, BaseExceptionGroup):
            for one in found.exceptions:
                yield from _causes(one)
        found = found.__cause__ or found.__context__
