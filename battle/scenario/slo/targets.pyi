# Made by `make pages` (tools/docs/) from the metrics. Change those, not this file.

import msgspec

from battle.actors.spec.base import Checking

class Targets(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, metaclass=Checking):
    success_rate: float | None = None
    p50_latency_ms: float | None = None
    p90_latency_ms: float | None = None
    p95_latency_ms: float | None = None
    p99_latency_ms: float | None = None
    p999_latency_ms: float | None = None
    session_success_rate: float | None = None
    p95_session_ms: float | None = None
    max_failover_latency_ms: float | None = None
    min_failovers: int | None = None
    min_breaker_changes: int | None = None
    max_memory_mb: float | None = None
    max_dropped_in_flight: int | None = None
    max_wrong_answers: int | None = None
    max_stale_answers: int | None = None
    max_attempts_per_request: float | None = None
    max_missed_heads: int | None = None
    max_duplicate_heads: int | None = None
    max_head_delay_ms: float | None = None
    max_silence_ms: float | None = None
    max_disconnects: int | None = None
    max_height_regression_blocks: int | None = None
