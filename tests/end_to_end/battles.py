"""Short battles for end-to-end tests, and what is read off a run."""

import hashlib
import json
from pathlib import Path

from battle import EmbeddedGateway, Flap, HttpConstant, MockProvider, Retry, Scenario, Slo, ms, seconds
from battle.store.database import open_run
from tests.asking import asked


def failover(**changes) -> Scenario:
    """Twelve seconds in which the preferred provider dies for three."""
    parts = {
        "providers": [MockProvider("a", latency=ms(10)), MockProvider("b", latency=ms(20))],
        "gateway": EmbeddedGateway(strategy="priority", retry=Retry(attempt_timeout=ms(500))),
        "workloads": [
            HttpConstant({"eth_blockNumber": 1, "eth_getBalance": 1}, rate=50, duration=seconds(12))
        ],
        "chaos": [Flap("a", down=seconds(3), up=seconds(8), at=seconds(2))],
        "slo": Slo(success_rate=0.99, p95_latency_ms=300, min_failovers=1, max_wrong_answers=0),
    }
    return Scenario("Failover", **{**parts, **changes})


def digests(run_dir: Path) -> dict[str, str]:
    """The SHA-256 of everything in a run's log, by file name; of the segments as the manifest has them.

    The manifest itself is the run's own: it has the run's id.
    """
    files = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (run_dir / "events").glob("*.parquet")
    }
    segments = json.loads((run_dir / "events" / "manifest.json").read_text())["segments"]
    return files | {f"{entry['node']}.{entry['incarnation']}": entry["sha256"] for entry in segments}


def ask(run_dir: Path, sql: str) -> list[tuple]:
    """The rows of a query to a run's log."""
    with open_run(run_dir) as run:
        return asked(run, sql).rows
