"""The first files about a gateway, as text: its gateway file, and a scenario that kills a provider of it. Pure."""

import json
from collections.abc import Mapping, Sequence

from battle.actors.redaction import redacted
from battle.probing.probe import Found

GATEWAY_FILE = "gateway.toml"
SCENARIO_FILE = "first_battle.toml"

PROVIDERS = ("a", "b", "c")
"""Three: when one is dead, it still shows how the load spreads over the others."""


def gateway_text(
    found: Found, *, name: str, headers: Mapping[str, str], ca_file: str = "", verify: bool = True
) -> str:
    """The gateway file of one that already runs. All of it has `${NAME}` where a secret is."""
    lines = ["# What Battle knows of this gateway, as `battle init` found it:"]
    lines += [f"#   {one.detail}" for one in found.tried if one.kind != "silent"]
    lines.append(f"#   WebSockets: {redacted(found.ws_url) if found.ws_url else 'none found'}")
    lines += [
        'type = "url"',
        f"name = {_quoted(name)}",
        f"url = {_quoted(found.http.url)}",
    ]
    if found.ws_url is not None:
        lines.append(f"ws_url = {_quoted(found.ws_url)}")
    else:
        lines.append('# ws_url = "ws://127.0.0.1:8546/"   # where it takes WebSockets, if it does')
    if ca_file:
        lines.append(f"ca_file = {_quoted(ca_file)}")
    if not verify:
        lines.append("verify = false")
    if headers:
        pairs = ", ".join(f"{_quoted(key)} = {_quoted(value)}" for key, value in headers.items())
        lines.append(f"headers = {{ {pairs} }}")
    else:
        lines.append(
            '# headers = { "X-Token" = "${MY_TOKEN}" }   # taken from the environment, written nowhere'
        )
    return "\n".join(lines) + "\n"


def scenario_text(name: str, *, ports: Sequence[int], with_websockets: bool) -> str:
    """The scenario; `ports` are those of the providers, none when the gateway's file has a place for them."""
    listed = [
        f'    {{ name = "{one}", latency = "20ms"{f", port = {ports[number]}" if ports else ""} }},'
        for number, one in enumerate(PROVIDERS)
    ]
    slos = ["success_rate = 0.99", "p95_latency_ms = 500", "max_wrong_answers = 0"]
    return "\n".join(
        [
            f"# One of three providers dies under load: do the clients of {name} notice?",
            f'name = "{_plain(name)} loses a provider"',
            'proves = "one dead provider of three is not noticed"',
            f"slo = {{ {', '.join(slos)} }}",
            "providers = [",
            *listed,
            "]",
            "",
            "[[workloads]]",
            'type = "http_constant"',
            'name = "reads"',
            "method = { eth_blockNumber = 1, eth_getBalance = 1, eth_call = 1 }",
            "rate = 20",
            'duration = "20s"',
            *(_websockets() if with_websockets else ()),
            "",
            "[[chaos]]",
            'type = "kill"',
            f'target = "{PROVIDERS[0]}"',
            'at = "5s"',
            'down = "6s"',
            "",
        ]
    )


def _websockets() -> list[str]:
    """Left out at first: behind a tunnel, subscribers lose what a provider that dies was to send."""
    return [
        "",
        "# [[workloads]] # take the # away to hold it to its subscriptions as well",
        '# type = "ws_subscribe"',
        '# name = "subscribers"',
        "# connections = 3",
        '# duration = "20s"',
    ]


def _plain(name: str) -> str:
    return "".join(character for character in name if character.isprintable() and character not in '"\\')


def _quoted(text: str) -> str:
    """A basic string of TOML, whose escapes are those of JSON."""
    return json.dumps(text, ensure_ascii=False)
