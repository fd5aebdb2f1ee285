"""Where the gateway of a run takes HTTP and WebSockets, and its further ports, with all secrets in their places."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from battle.actors.addresses import Address, endpoint, is_secure, is_url
from battle.actors.redaction import basic_authorization
from battle.actors.spec.endpoints import Endpoint, Tls, is_header_value
from battle.actors.spec.gateways import CommandGateway, Gateway, UrlGateway
from battle.actors.world.cluster import Cluster
from battle.errors import StartError
from battle.run.plan import GATEWAY
from battle.run.secrets import with_secrets
from battle.run.trust import trust_in
from battle.scenario.gateways import gateway_label

TLS_NAME = "localhost"
"""Whom the certificate of a program on this machine must name."""


class GatewayEndpoints(msgspec.Struct, frozen=True):
    """Where clients reach it. `ports` are the further ones of a program, by their names."""

    http: Endpoint
    ws: Endpoint
    ports: dict[str, Address] = {}


def url_of(endpoint: Endpoint, scheme: Literal["http", "ws"]) -> str:
    """Where it is, as a client writes it."""
    if endpoint.tls is None:
        return f"{scheme}://{endpoint.address}{endpoint.path}"
    return f"{scheme}s://{endpoint.tls.server_name}:{endpoint.address.rpartition(':')[2]}{endpoint.path}"


def gateway_endpoints(gateway: Gateway, cluster: Cluster) -> GatewayEndpoints:
    """Reserve the ports of a gateway that is to be started; of another one, what its URLs say.

    Raises:
        OSError: a port that it asks for is in use.
        StartError: a variable for a secret is not set, or what it holds cannot be sent; `ca_file` cannot be read.
    """
    match gateway:
        case CommandGateway():
            return _of_command(gateway, cluster)
        case UrlGateway():
            return _of_url(gateway)
        case _:
            own = Endpoint(cluster.reserve(GATEWAY, gateway.port))
            return GatewayEndpoints(own, own)


def _of_command(gateway: CommandGateway, cluster: Cluster) -> GatewayEndpoints:
    headers = dict(_headers(gateway))
    tls = _tls(gateway, TLS_NAME) if gateway.tls else None
    address = cluster.reserve(GATEWAY, gateway.port)
    ws_address = address
    if gateway.has_ws_port:
        ws_address = cluster.reserve(GATEWAY, 0 if gateway.ws_port is True else gateway.ws_port)
    ports = {name: cluster.reserve(GATEWAY, number) for name, number in gateway.port_numbers().items()}
    return GatewayEndpoints(
        Endpoint(address, gateway.path, headers, tls),
        Endpoint(ws_address, gateway.ws_path or gateway.path, headers, tls),
        ports,
    )


def _of_url(gateway: UrlGateway) -> GatewayEndpoints:
    http = _at(gateway, gateway.url, "http", "https")
    return GatewayEndpoints(http, _at(gateway, gateway.ws_url, "ws", "wss") if gateway.ws_url else http)


def _at(gateway: UrlGateway, written: str, *schemes: str) -> Endpoint:
    url = with_secrets(written, _whose(gateway))
    if not is_url(url, *schemes):
        raise StartError(
            f"{_whose(gateway)}: {written} is no URL with the values of its variables in their places"
        )
    address, path = endpoint(url)
    authorization = basic_authorization(url)
    headers = {"authorization": authorization} if authorization else {}
    host = address.rpartition(":")[0].strip("[]")
    return Endpoint(
        address, path, headers | dict(_headers(gateway)), _tls(gateway, host) if is_secure(url) else None
    )


def _headers(gateway: CommandGateway | UrlGateway) -> Iterator[tuple[str, str]]:
    for name, written in gateway.headers.items():
        value = with_secrets(written, _whose(gateway))
        if not is_header_value(value):
            raise StartError(
                f"{_whose(gateway)}: the value of {written} in its header {name} is not printable ASCII without "
                "blanks around it: set the variable again, without a line's end, say"
            )
        yield name.lower(), value


def _tls(gateway: CommandGateway | UrlGateway, host: str) -> Tls:
    gateway_trust(gateway)  # or else each node that connects would find out by itself
    return Tls(host, ca_file_of(gateway), gateway.verify)


def gateway_trust(gateway: CommandGateway | UrlGateway) -> ssl.SSLContext:
    """The TLS settings of a client of this gateway that is not one of the run's nodes. Raises StartError."""
    return trust_in(ca_file_of(gateway), verify=gateway.verify, whose=_whose(gateway))


def ca_file_of(gateway: CommandGateway | UrlGateway) -> str:
    """Where its `ca_file` is; "" for one without."""
    return str((Path(gateway.here) / gateway.ca_file).absolute()) if gateway.ca_file else ""


def _whose(gateway: CommandGateway | UrlGateway) -> str:
    return f"gateway {gateway_label(gateway)}"
