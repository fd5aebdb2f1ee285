"""Makes a sealed run of any size straight in Parquet: a gateway at 5,000 requests a second, one fault a minute.

Latencies are lognormal; of the requests 3 % need a second attempt and 0.5 % fail. Random numbers are hashes of the
request's number, so a log of one size is the same each time.
"""

import sys
from pathlib import Path

import duckdb

from battle.store.events import TABLES
from battle.store.manifest import Manifest, sealed_file
from battle.store.scan import SegmentHealth
from battle.store.schema import table_columns
from battle.store.seal import _PARQUET, _commit

RATE_PER_S = 5000

_BASE = """
CREATE MACRO uniform(n, salt) AS (hash(n, salt) % 1_000_003) / 1_000_003.0;
CREATE MACRO normal(n, salt) AS
    sqrt(-2 * ln(uniform(n, salt) + 1e-9)) * cos(2 * pi() * uniform(n, salt || 'b'));
CREATE MACRO due_ns(n) AS (n * 1_000_000_000 // {rate})::BIGINT;
CREATE MACRO service_ns(n, salt) AS (40e6 * exp(0.5 * normal(n, salt)))::BIGINT;
CREATE MACRO failed_first(n) AS uniform(n, 'failed') < 0.03;
CREATE MACRO failed_for_good(n) AS uniform(n, 'failed') < 0.005;
CREATE MACRO first_provider(n) AS ['a', 'b', 'c'][1 + (n % 3)];
CREATE MACRO second_provider(n) AS ['b', 'c', 'a'][1 + (n % 3)];
CREATE MACRO method(n) AS
    ['eth_blockNumber', 'eth_call', 'eth_getBalance', 'eth_getLogs'][1 + (hash(n, 'm') % 4)::BIGINT];
"""

_SOURCES = {
    "run_phases": """
        SELECT * FROM (VALUES (0, 'started'), (0, 'load_began'), ({end_ns}, 'load_ended'), ({end_ns}, 'ended'))
        AS phases (at_ns, phase)""",
    "requests": """
        SELECT 'load-' || n AS request_id, 'load' AS workload, method(n) AS method,
            due_ns(n) AS scheduled_ns, due_ns(n) + 100_000 AS sent_ns,
            due_ns(n) + 2_000_000 + service_ns(n, 'x') * (1 + failed_first(n)::INT) AS ended_ns,
            if(failed_for_good(n), 'error', 'ok') AS outcome, if(failed_for_good(n), 'none', 'right') AS answer,
            if(failed_for_good(n), 502, 200) AS http_status, if(failed_for_good(n), 'http_status', NULL) AS failure,
            512 AS response_bytes
        FROM range({requests}) AS numbers (n)""",
    "gateway_attempts": """
        SELECT tried AS attempt, if(tried = 1, first_provider(n), second_provider(n)) AS provider,
            'http' AS transport, method(n) AS method, if(tried = 1, 'primary', 'retry') AS reason,
            false AS hedged, due_ns(n) + 500_000 + (tried - 1) * service_ns(n, 'x') AS started_ns,
            due_ns(n) + 500_000 + tried * service_ns(n, 'x') AS ended_ns,
            if(failed_for_good(n) OR (failed_first(n) AND tried = 1), 'error', 'ok') AS outcome,
            'load-' || n AS request_id
        FROM range({requests}) AS numbers (n), unnest(if(failed_first(n), [1, 2], [1])) AS attempts (tried)""",
    "attempts": """
        SELECT provider, transport, method, request_id, outcome, started_ns + 200_000 AS received_ns,
            ended_ns - 200_000 AS replied_ns, if(outcome = 'ok', 200, 503) AS http_status,
            if(outcome = 'ok', NULL, 'fault-' || started_ns // 60_000_000_000) AS fault_id
        FROM made_gateway_attempts""",
    "breaker_changes": """
        SELECT minute * 60_000_000_000 + step * 10_000_000_000 AS at_ns, 'a' AS provider, 'http' AS transport,
            ['closed', 'open', 'half_open'][1 + step] AS from_state, ['open', 'half_open', 'closed'][1 + step]
            AS to_state, 'failures' AS reason
        FROM range({minutes}) AS minutes (minute), range(3) AS steps (step)""",
    "faults": """
        SELECT minute * 60_000_000_000 + 30_000_000_000 * (phase = 'reverted')::INT AS at_ns,
            'fault-' || minute AS fault_id, 'degrade' AS kind, 'a' AS target, phase, '{{}}' AS parameters,
            minute * 60_000_000_000 AS planned_ns
        FROM range({minutes}) AS minutes (minute), unnest(['planned', 'applied', 'reverted']) AS phases (phase)""",
    "system_samples": """
        SELECT second * 1_000_000_000 AS at_ns, node, 20 AS tasks, 50 AS open_fds, 40_000_000 AS rss_bytes,
            60.0 AS cpu_percent, 100_000 AS loop_lag_ns
        FROM range({seconds}) AS seconds (second), unnest(['load', 'gateway', 'a', 'b', 'c']) AS nodes (node)""",
    "generator_samples": """
        SELECT second * 1_000_000_000 AS at_ns, 'load' AS workload, {rate} AS due, {rate} AS sent, {rate} AS ended,
            25 AS errors, 0 AS dropped, 200 AS in_flight, 0 AS backlog, 100_000 AS lateness_p50_ns,
            300_000 AS lateness_p99_ns, 2_000_000 AS lateness_max_ns, 120_000_000 AS latency_p95_ns
        FROM range({seconds}) AS seconds (second)""",
}


def make_run(run_dir: Path, requests: int) -> Manifest:
    """Write a sealed run of so many requests."""
    seconds = max(1, requests // RATE_PER_S)
    sizes = {
        "requests": requests,
        "rate": RATE_PER_S,
        "seconds": seconds,
        "minutes": 1 + seconds // 60,
        "end_ns": seconds * 10**9,
    }
    events = run_dir / "events"
    events.mkdir(parents=True)
    connection = duckdb.connect()
    try:
        connection.execute(_BASE.format(**sizes))
        counts = {
            table: _make_table(connection, table, events, sizes) for table in sorted(TABLES, reverse=True)
        }
    finally:
        connection.close()
    health = SegmentHealth(
        segment="made.1", node="made", incarnation=1, events=sum(counts.values()), bytes=0, sha256="",
        opened_as="made.1", run="", closed=True, lost_events=0, missing_events=0, missing_bytes=0,
        torn_bytes=0, damaged_blocks=0, damaged_bytes=0, unverified_events=0,
        unknown_events=0, tables=counts,
    )  # fmt: skip
    files = {table: sealed_file(events / f"{table}.parquet", rows) for table, rows in counts.items()}
    manifest = Manifest(files=files, segments=[health], problems=[])
    _commit(manifest, events)
    return manifest


def _make_table(
    connection: duckdb.DuckDBPyConnection, table: str, events: Path, sizes: dict[str, int]
) -> int:
    path = str(events / f"{table}.parquet")
    columns = table_columns(table)
    source = _SOURCES.get(table, "SELECT 1 AS nothing WHERE false").format(**sizes)
    connection.execute(f"CREATE VIEW made_{table} AS {source}")
    present = {row[0] for row in connection.execute(f"DESCRIBE made_{table}").fetchall()}
    cast = [f'{name if name in present else "NULL"}::{kind} AS "{name}"' for name, kind in columns.items()]
    cast[-1] = "'made.1' AS segment"
    (count,) = connection.execute(
        f"COPY (SELECT {', '.join(cast)} FROM made_{table}) TO $path ({_PARQUET})",
        {"path": path},
    ).fetchall()[0]
    connection.execute(f"CREATE OR REPLACE VIEW made_{table} AS SELECT * FROM read_parquet('{path}')")
    return int(count)


if __name__ == "__main__":
    print(make_run(Path(sys.argv[1]), int(sys.argv[2])).tables)
