"""The shipped recipes, run with the real programs: sound as they are, and not with failover switched off.

Their battles are short and mostly wait, so some run at a time. `make test` has installed the programs.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from battle.scenario.gateways import recipe_files

pytestmark = [pytest.mark.live, pytest.mark.alone, pytest.mark.timeout(600)]  # all battles are in one fixture

BATTLES = Path(__file__).with_name("recipe_battles.py")
AT_A_TIME = 4
"""Battles: on two cores so many leave the load generators on time."""

NODE_MODULES = Path(sys.prefix) / "clients" / "node_modules"
"""What `make clients` installs, for the recipes that are a client library behind a few lines of JavaScript."""

SOUND = dict.fromkeys(["caddy", "envoy", "haproxy", "nginx", "traefik", "varnish"], "both")
SOUND |= {"viem": "http", "ethers": "outvoted"}
"""The battle that each recipe survives as it is."""

WITHOUT_FAILOVER = {
    "caddy": [("lb_try_duration 5s", ""), ("fail_duration 2s", "")],
    "envoy": [("num_retries: 3", "num_retries: 0"), ("consecutive_5xx: 3", "enforcing_consecutive_5xx: 0")],
    "haproxy": [("retries 3", "retries 0"), ("option redispatch 1", ""), (" check\n", "\n")],
    "nginx": [
        ("error timeout invalid_header\n", "off;\n"),
        ("http_429 http_500 http_502 http_503 http_504 non_idempotent;", ""),
        ("max_fails=1", "max_fails=0"),
    ],
    "traefik": [('middlewares = ["again"]', ""), ("maxFailedAttempts = 1", "maxFailedAttempts = 1000")],
    "viem": [("fallback(transports, { rank: false, retryCount: 1 })", "transports[0]")],
    "varnish": [("return (retry)", "return (deliver)"), (".interval = 500ms", ".interval = 1h")],
}
"""What is replaced in a recipe so that a request goes to one provider, well or not."""


def _without_failover(name: str, directory: Path) -> Path:
    """Copies of the recipe's files with the replacements in the last of them."""
    files = recipe_files(name)
    copies = [Path(shutil.copy(file, directory)) for file in files]
    text = copies[-1].read_text()
    for wanted, instead in WITHOUT_FAILOVER[name]:
        assert wanted in text, f"{name}: {wanted!r}"
        text = text.replace(wanted, instead)
    copies[-1].write_text(text)
    return copies[0]


def _verdict(battle: str, gateway: str, out: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "battle", "run", f"{BATTLES}:{battle}", "--gateway", gateway, "--quiet"]
    environment = {**os.environ, "NODE_PATH": str(NODE_MODULES)}
    done = subprocess.run(
        [*command, "--json", "--out", out], capture_output=True, text=True, check=False, env=environment
    )
    report: dict[str, Any] = json.loads(done.stdout or "{}") or {"verdict": "none", "reasons": [done.stderr]}
    return report


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory) -> Iterator[dict[tuple[str, bool], Any]]:
    """The report of each battle, by the recipe and whether it had its failover."""
    directory = tmp_path_factory.mktemp("recipes")
    orders = {(name, True): (battle, name) for name, battle in SOUND.items()}
    orders |= {(name, False): ("http", str(_without_failover(name, directory))) for name in WITHOUT_FAILOVER}
    orders["ethers", False] = ("http", "ethers")
    with ThreadPoolExecutor(AT_A_TIME) as threads:
        futures = {
            key: threads.submit(_verdict, *order, directory / "-".join(map(str, key)))
            for key, order in orders.items()
        }
        yield {key: future.result() for key, future in futures.items()}


@pytest.mark.parametrize("name", SOUND)
def test_a_recipe_is_sound(verdicts, name):
    report = verdicts[name, True]
    assert report["verdict"] == "PASS", report["reasons"]


@pytest.mark.parametrize("name", [*WITHOUT_FAILOVER, "ethers"])
def test_a_recipe_without_failover_is_not(verdicts, name):
    """That of ethers has none where one of two providers dies: an error is as good as an answer to it."""
    report = verdicts[name, False]
    assert report["verdict"] == "FAIL", report["reasons"]
    assert any("success_rate was missed" in reason for reason in report["reasons"]), report["reasons"]
