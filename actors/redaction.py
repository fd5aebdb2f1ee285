"""What of a URL is a secret: who one is, and the keys that providers put into paths and queries.

A secret is sent to where it belongs, and stands nowhere else: not in run.json, the log, a report, a message.
"""

import re
from base64 import b64encode
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

REDACTED = "***"

KEY_CHARS = 16
"""A part of a path as long as this, with a digit in it, is taken for a key: those of providers have 20 to 64."""

_URL = re.compile(r"(?P<scheme>\b[a-zA-Z][a-zA-Z0-9+.-]*://)(?P<rest>[^\s\"'<>`|,;{}]+(?<![:.!?)]))")
"""What ends a sentence, or goes on with it, is not the URL's."""
_KEY = re.compile(rf"(?=[A-Za-z_.~-]*[0-9])[A-Za-z0-9_.~-]{{{KEY_CHARS},}}")


def basic_authorization(url: str) -> str:
    """The value of the header `Authorization` for the credentials in a URL (RFC 7617); "" where there are none."""
    parts = urlsplit(url)
    if parts.username is None:
        return ""
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return f"Basic {b64encode(pair.encode()).decode('ascii')}"


def redacted(text: str) -> str:
    """The text, with the secrets of each URL in it replaced by `***`; also of one that is no valid URL."""
    return _URL.sub(_redacted_url, text) if "://" in text else text


def without(text: str, secrets: Iterable[str]) -> str:
    """The text with each of these values replaced by `***`."""
    for secret in sorted(secrets, key=len, reverse=True):  # one may be a part of another
        text = text.replace(secret, REDACTED)
    return text


def _redacted_url(found: re.Match[str]) -> str:
    # Up to the last @: a password may hold a slash or another @ that its author forgot to escape.
    _, at, rest = found["rest"].rpartition("@")
    address, slash, path = rest.partition("/")
    path, mark, query = path.partition("?")
    address, early_mark, early_query = address.partition("?")
    return "".join((
        found["scheme"],
        REDACTED + at if at else "",
        address,
        early_mark + _redacted_query(early_query),
        slash + _KEY.sub(REDACTED, path),
        mark + _redacted_query(query),
    ))  # fmt: skip


def _redacted_query(query: str) -> str:
    """All that is said of each name is replaced: `?apikey=***`."""
    if not query:
        return ""
    names = (part.partition("=") for part in query.split("&"))
    return "&".join(f"{name}={REDACTED}" if equals else REDACTED for name, equals, _ in names)
