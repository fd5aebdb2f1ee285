"""How sessions of a load fare: each is several requests, of which one follows from the answer to another."""

from battle.scenario.slo.metric import Metric

SESSION_SUCCESS_RATE = Metric(
    place=46,
    name="session_success_rate",
    unit="ratio",
    at_least=True,
    log_name="session_success_ratio",
    nothing="no session came to its end",
    needs="sessions",
    collect=None,
    rests_on_bench=True,
    sql="""
        SELECT
            count(*) FILTER (outcome = 'ok') / nullif(count(*) FILTER (outcome <> 'unfinished'), 0) AS value,
            'of ' || count(*) FILTER (outcome <> 'unfinished') || ' sessions' AS note
        FROM sessions
        SEMI JOIN windows($starts_ns, $ends_ns) ON scheduled_ns >= start_ns AND scheduled_ns < end_ns
        WHERE is_chosen(workload, $workload)
    """,
)

P95_SESSION_MS = Metric(
    place=47,
    name="p95_session_ms",
    unit="ms",
    log_name="p95_session_ns",
    scale=1e-6,
    nothing="fewer than 95 % of the sessions went well, or there were none",
    needs="sessions",
    collect=None,
    rests_on_bench=True,
    sql="""
        SELECT nullif(
            quantile_disc(if(outcome = 'ok', ended_ns - scheduled_ns, never_ns()), 0.95), never_ns()
        ) AS value
        FROM sessions
        SEMI JOIN windows($starts_ns, $ends_ns) ON scheduled_ns >= start_ns AND scheduled_ns < end_ns
        WHERE outcome <> 'unfinished' AND is_chosen(workload, $workload)
    """,
)
"""One that failed counts as longer than any."""
