"""A metric for SLOs, as a contributor adds one: this file in battle/scenario/slo/metrics/."""

from battle.scenario.slo.metric import Metric

MAX_SLOW_REQUESTS = Metric(
    place=45,
    name="max_slow_requests",
    count=True,
    nothing="no request was sent",
    sql="""
        SELECT
            CASE WHEN count(*) > 0 THEN count(*) FILTER (ended_ns - scheduled_ns > 15000000) END AS value,
            'of ' || count(*) || ' requests' AS note
        FROM requests
        SEMI JOIN windows($starts_ns, $ends_ns) ON scheduled_ns >= start_ns AND scheduled_ns < end_ns
        WHERE is_chosen(workload, $workload)
    """,
)
