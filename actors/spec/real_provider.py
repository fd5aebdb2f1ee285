"""What a scenario says about a real upstream."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from battle.actors.addresses import Address, split_url
from battle.actors.redaction import redacted
from battle.actors.spec.base import Spec


class RealProvider(Spec, frozen=True, tag="real"):
    """An upstream that runs elsewhere, at `url` ("http://host:port"), behind a TCP link of Battle's own.

    The gateway is given the link's address. Transport faults fall upon the link, process faults upon the link as if
    it were the upstream; faults of behaviour and of WebSocket need a mock. The link passes bytes as they are: the
    Host header names the link, so several names on one address of an upstream cannot be distinguished; TLS and a path
    of its own are not possible. `port` is the link's; 0 lets the kernel pick.
    """

    name: str
    url: str
    port: int = 0
    tags: tuple[str, ...] = ()

    def problems(self) -> Iterator[str]:
        parts = split_url(self.url)
        if parts is None or parts.scheme != "http" or not parts.hostname:
            shown = redacted(self.url)
            yield f"provider {self.name}: a URL looks like http://host:port, not {shown!r} (TLS is not supported)"
        elif parts.path not in ("", "/") or parts.query or parts.username is not None:
            yield (
                f"provider {self.name}: the link passes bytes as they are, so its URL can have no path, query "
                f"or user: http://{parts.hostname}:{parts.port or 80}"
            )
        if not 0 <= self.port <= 65535:
            yield f"provider {self.name}: port must be from 0 (any) to 65535, not {self.port}"

    @property
    def upstream(self) -> Address:
        """Where the upstream listens."""
        parts = urlsplit(self.url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        return f"{host}:{parts.port or 80}"
