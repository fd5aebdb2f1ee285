"""Balancers with the health checks that their users write judge our providers as they judge nodes."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial

import pytest

from battle.run.template import filled
from tests.end_to_end.standing import Standing, call, free_ports, get, program, standing, until

pytestmark = [pytest.mark.live, pytest.mark.alone]

SCENARIO = """
name = "Nodes of three kinds"
providers = [
    { name = "geth-1" }, { name = "geth-2" },
    { name = "erigon-1", health = "erigon" }, { name = "erigon-2", health = "erigon" },
    { name = "nethermind-1", health = "nethermind" }, { name = "nethermind-2", health = "nethermind" },
]
chain = { block_time = "500ms" }
workloads = [{ type = "http_constant", method = "eth_chainId", rate = 10, duration = "5s" }]
slo = { success_rate = 0.9 }
"""

CHECKS = {
    "GET /": "geth",
    "GET /health of Erigon": "erigon",
    "GET /health of Nethermind": "nethermind",
    "eth_syncing": "geth",
}
"""The health checks, and the nodes that are asked. `GET /` finds out whether geth lives, and not whether it lags."""

SYNCING = '{"jsonrpc":"2.0","id":1,"method":"eth_syncing","params":[]}'

HAPROXY = """
defaults
    mode http
    timeout connect 1s
    timeout client 10s
    timeout server 2s
    timeout check 1s
    option redispatch 1
    retry-on all-retryable-errors
    default-server check inter 200ms fall 2 rise 2
{% for name, site in sites.items() %}

listen site{{ loop.index }}
    bind 127.0.0.1:{{ site.port }}
    balance roundrobin
    option httpchk
{% if name == "GET /" %}
    http-check send meth GET uri /
    http-check expect status 200
{% elif name == "eth_syncing" %}
    http-check send meth POST uri / hdr Content-Type application/json body '{{ syncing }}'
    http-check expect rstring '"result": *false'
{% elif name == "GET /health of Erigon" %}
    http-check send meth GET uri /health hdr X-ERIGON-HEALTHCHECK synced
    http-check expect status 200
{% else %}
    http-check send meth GET uri /health
    http-check expect status 200
{% endif %}
{% for node in site.nodes %}
    server node{{ loop.index }} {{ node }}
{% endfor %}
{% endfor %}
"""

CADDY = """
{
    admin off
    auto_https off
}
{% for name, site in sites.items() %}

http://127.0.0.1:{{ site.port }} {
    bind 127.0.0.1
    reverse_proxy {{ site.nodes | join(" ") }} {
        lb_policy round_robin
        request_buffers 1MiB
        lb_try_duration 2s
        lb_try_interval 50ms
        health_interval 200ms
        health_fails 2
        health_status 200
{% if name == "GET /" %}
        health_uri /
{% elif name == "eth_syncing" %}
        health_uri /
        health_method POST
        health_headers {
            Content-Type application/json
        }
        health_request_body `{{ syncing }}`
        health_body `"result": *false`
{% elif name == "GET /health of Erigon" %}
        health_uri /health
        health_headers {
            X-ERIGON-HEALTHCHECK synced
        }
{% else %}
        health_uri /health
{% endif %}
    }
}
{% endfor %}
"""

NGINX = """
daemon off;
worker_processes 1;
pid {{ directory }}/nginx.pid;
events { worker_connections 256; }
http {
    access_log off;
    client_body_temp_path {{ directory }}/body;
    proxy_temp_path {{ directory }}/proxy;
    fastcgi_temp_path {{ directory }}/fastcgi;
    uwsgi_temp_path {{ directory }}/uwsgi;
    scgi_temp_path {{ directory }}/scgi;
    proxy_next_upstream error timeout http_500 http_503 non_idempotent;
{% for name, site in sites.items() %}
    upstream site{{ loop.index }} {
{% for node in site.nodes %}
        server {{ node }} max_fails=1 fail_timeout=60s;
{% endfor %}
    }
    server {
        listen 127.0.0.1:{{ site.port }};
        location / { proxy_pass http://site{{ loop.index }}; proxy_set_header X-ERIGON-HEALTHCHECK synced; }
    }
{% endfor %}
}
"""

GATEWAYS = {
    "haproxy": (HAPROXY, ["haproxy", "-db", "-f", "{config}"]),
    "caddy": (CADDY, ["caddy", "run", "--adapter", "caddyfile", "--config", "{config}"]),
    "nginx": (NGINX, ["nginx", "-p", "{directory}", "-c", "{config}", "-e", "stderr"]),
}


@pytest.fixture(scope="module")
def nodes(tmp_path_factory) -> Iterator[Standing]:
    with standing(tmp_path_factory.mktemp("nodes"), SCENARIO) as up:
        yield up


@pytest.fixture(scope="module")
def sites(nodes, tmp_path_factory) -> Iterator[dict[tuple[str, str], str]]:
    """Where each balancer with each health check listens."""
    urls = {}
    with ExitStack() as stack:
        for gateway, (template, command) in GATEWAYS.items():
            directory = tmp_path_factory.mktemp(gateway)
            ports = dict(zip(CHECKS, free_ports(len(CHECKS)), strict=True))
            values = {
                check: {
                    "port": ports[check],
                    "nodes": [
                        nodes.urls[f"{kind}-{one}"].removeprefix("http://").rstrip("/") for one in (1, 2)
                    ],
                }
                for check, kind in CHECKS.items()
            }
            config = directory / "config"
            config.write_text(
                filled(template, {"sites": values, "syncing": SYNCING, "directory": str(directory)})
            )
            words = [word.format(config=config, directory=directory) for word in command]
            stack.enter_context(program(directory, words, list(ports.values())))
            urls |= {(gateway, check): f"http://127.0.0.1:{port}/" for check, port in ports.items()}
        yield urls


LAG_BLOCKS = 100
FINDS_LAG = {
    "haproxy": CHECKS.keys() - {"GET /"},
    "caddy": CHECKS.keys() - {"GET /"},
    "nginx": CHECKS.keys() - {"GET /", "eth_syncing"},
}
"""The health checks by which each balancer finds out that a node lags.

nginx makes none: it passes on those of its own clients, and learns from a bad status which node to leave alone.
"""
ROUNDS = 10
"""Of questions in a row: of two nodes in turn, both are asked."""


def _heights(url: str) -> list[int]:
    return [int(str(call(url, "eth_blockNumber")), 16) for _ in range(ROUNDS)]


def _is_fresh(gateway: str, url: str, well: str) -> bool:
    """Whether a balancer sends no client to the node that lags."""
    if gateway == "nginx":
        get(f"{url}health")
    head = int(str(call(well, "eth_blockNumber")), 16)
    return all(height > head - LAG_BLOCKS / 2 for height in _heights(url))


def test_balancers_judge_providers_as_nodes(nodes, sites):
    for kind in ("geth", "erigon", "nethermind"):
        [said] = nodes.type_in(f"stale_head {kind}-1 blocks={LAG_BLOCKS}")
        assert " holds " in said
    for (gateway, check), url in sites.items():
        if check in FINDS_LAG[gateway]:
            well = nodes.urls[f"{CHECKS[check]}-2"]
            until(partial(_is_fresh, gateway, url, well), f"{gateway} finds out by {check} that a node lags")
    for (gateway, check), url in sites.items():
        if check not in FINDS_LAG[gateway]:
            well = nodes.urls[f"{CHECKS[check]}-2"]
            assert not _is_fresh(gateway, url, well), f"{gateway} finds out by {check} that a node lags"


def test_balancers_find_out_that_a_node_is_well_again(nodes, sites):
    """All that lagged is well, and the others die: whoever is served then is served by the first."""
    said = nodes.type_in("end", lines=3)
    assert all(" has ended" in line for line in said), said
    for kind in ("geth", "erigon", "nethermind"):
        [said] = nodes.type_in(f"kill {kind}-2")
        assert " holds " in said
    for (gateway, check), url in sites.items():
        if gateway != "nginx":
            until(partial(_serves, url), f"{gateway} finds out by {check} that a node is well again")


def _serves(url: str) -> bool:
    try:
        return bool(_heights(url))
    except OSError:
        return False
