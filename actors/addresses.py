"""Addresses, `host:port`, and the URLs they are read from."""

import re
from typing import TypeAlias
from urllib.parse import SplitResult, urlsplit

Address: TypeAlias = str
"""`host:port`. In the simulated world the host is the node's name."""

_HOST = re.compile(r"[A-Za-z0-9._-]+|\[[0-9a-f:.]+\]")


def endpoint(url: str) -> tuple[Address, str]:
    """Where a URL says to connect, by default on its scheme's port, and the path with its query to ask for."""
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return f"{host_of(parts)}:{parts.port or (443 if is_secure(url) else 80)}", path


def is_secure(url: str) -> bool:
    """Whether a URL asks for TLS."""
    return url.lower().startswith(("https:", "wss:"))


def host_of(parts: SplitResult) -> str:
    """The host as addresses and Host headers write it: IPv6 in brackets, other alphabets in IDNA.

    Raises:
        ValueError: IDNA has no form for it.
    """
    host = parts.hostname or ""
    return f"[{host}]" if ":" in host else host.encode("idna").decode("ascii")


def is_url(url: str, *schemes: str) -> bool:
    """Whether it is a URL of one of these schemes, with a host, and has no port or path that cannot be sent."""
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in schemes
            and bool(parts.hostname)
            and _HOST.fullmatch(host_of(parts)) is not None
            and parts.port != 0
            and is_path(parts.path or "/")
        )
    except ValueError:  # a port that is none
        return False


def is_path(path: str) -> bool:
    """Printable ASCII without spaces, as a request's first line has it."""
    return path.startswith("/") and all("!" <= character <= "~" for character in path)


def split_url(url: str) -> SplitResult | None:
    """The parts of a URL; None when it is none, or its port is no number from 0 to 65535."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def is_on_this_machine(url: str) -> bool:
    """Whether a URL's host is this machine, as its loopback names and addresses say it."""
    host = (urlsplit(url).hostname or "").lower()
    return host in ("localhost", "::1") or host.startswith("127.")
