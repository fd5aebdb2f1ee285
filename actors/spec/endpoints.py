"""Where clients reach a gateway, and when one counts as ready."""

import re
from collections.abc import Iterator
from typing import Any

from battle.actors.addresses import Address, is_path
from battle.actors.spec.base import Spec

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

_OURS = re.compile(
    r"connection|content-length|content-type|transfer-encoding|upgrade|(sec-websocket|x-battle)-.*"
)
"""Headers that belong to the message, or to Battle, and not to whoever asks."""


class Tls(Spec, frozen=True):
    """How a client makes sure whom it talks to.

    `ca_file` is the path of the certificates to trust, in PEM; "" trusts those of the system. With `verify` off any
    certificate will do.
    """

    server_name: str
    ca_file: str = ""
    verify: bool = True


class Endpoint(Spec, frozen=True):
    """Where a client connects, the path it asks for there, and what each of its requests says besides the usual.

    `headers` may hold secrets: an endpoint is made when a run starts, and is written nowhere. `tls` is None for a
    connection without it.
    """

    address: Address
    path: str = "/"
    headers: dict[str, str] = {}
    tls: Tls | None = None

    def __repr__(self) -> str:
        return f"Endpoint({self.address!r}, ...)"

    def encoded_headers(self) -> dict[bytes, bytes]:
        """The headers as they are sent."""
        return {name.lower().encode("ascii"): value.encode("ascii") for name, value in self.headers.items()}


class Ready(Spec, frozen=True):
    """A question that a gateway which is ready answers: by HTTP with a status, or by JSON-RPC with a result.

    Give `path`, and `status` where that is not 200; or `method`, and its `params`. An RPC call goes to the path that
    clients ask for when there is no other. `port` is the name of one of the gateway's further `ports`; without it the
    question goes to where clients ask.
    """

    path: str = ""
    status: int = 200
    port: str = ""
    method: str = ""
    params: list[Any] = []

    def problems(self) -> Iterator[str]:
        if not self.path and not self.method:
            yield 'ready: write "tcp", { path = "/healthz" } or { method = "eth_chainId" }'
        if self.path and not is_path(self.path):
            yield f"ready: path looks like /path, not {self.path!r}"
        if not 100 <= self.status <= 599:
            yield f"ready: status is an HTTP status from 100 to 599, not {self.status}"
        if self.method and self.status != 200:
            yield "ready: an RPC call is answered with a result: leave status out"
        if self.params and not self.method:
            yield "ready: params are those of a method: give method as well"


def header_problems(headers: dict[str, str]) -> Iterator[str]:
    """What is wrong with headers that an author asks for; values may still hold `${NAME}`."""
    lower: set[str] = set()
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name):
            yield f"headers: {name!r} is no header's name: write letters, digits and dashes"
        elif _OURS.fullmatch(name.lower()):
            yield f"headers: {name} is set by Battle itself: leave it out"
        if name.lower() in lower:
            yield f"headers: {name} is there twice: names differ in more than upper and lower case"
        lower.add(name.lower())
        if not is_header_value(value):
            # Never the value: it may be a secret.
            yield f"headers: the value of {name} holds what no header can: write printable ASCII"


def is_header_value(value: str) -> bool:
    """Printable ASCII, with blanks only between words (RFC 9110, 5.5)."""
    return value == value.strip() and all(" " <= character <= "~" for character in value)
