-- How did the requests fare that were sent on time, or that the gateway turned away?
--
-- When the generator fell behind, only these say something about the gateway: it saw them when it should have. And
-- when the run was cut off, what was under way just then says nothing.
--
-- $late_ns      how late a request may have been sent and still counts; NULL: as late as it likes
-- $workload     only of this workload; NULL: of all
-- $cut          whether requests that the load itself cut off, at its end or for being left unread, do not count
-- $spared_starts_ns, $spared_ends_ns      requests that were under way in one of these windows do not count
-- $beyond_workloads, $beyond_starts_ns, $beyond_ends_ns      requests of these workloads that were due in these times
--              (steps beyond a knee) do not count
--
-- requests
-- success_ratio     NULL when there are none
-- p50_latency_ns, p95_latency_ns, p99_latency_ns      from the due time; NULL: never, or there are none
WITH spared AS (
    SELECT unnest($spared_starts_ns::BIGINT[]) AS start_ns, unnest($spared_ends_ns::BIGINT[]) AS end_ns
),
beyond AS (
    SELECT
        unnest($beyond_workloads::VARCHAR[]) AS workload,
        unnest($beyond_starts_ns::BIGINT[]) AS beyond_start_ns,
        unnest($beyond_ends_ns::BIGINT[]) AS beyond_end_ns
),
punctual AS (
    SELECT
        count(*) AS requests,
        count(*) FILTER (outcome = 'ok') AS ok,
        quantile_disc(
            if(outcome = 'ok', ended_ns - scheduled_ns, 9_223_372_036_854_775_807), [0.5, 0.95, 0.99]
        ) AS ranks
    FROM requests
    ANTI JOIN spared ON scheduled_ns < end_ns AND ended_ns >= start_ns
    ANTI JOIN beyond
        ON requests.workload = beyond.workload AND scheduled_ns >= beyond_start_ns AND scheduled_ns < beyond_end_ns
    WHERE ($late_ns::BIGINT IS NULL OR sent_ns - scheduled_ns <= $late_ns::BIGINT OR failure IN ('refused', 'no_websocket'))
        AND NOT ($cut AND coalesce(failure, '') IN ('interrupted', 'unread'))
        AND ($workload::VARCHAR IS NULL OR workload = $workload::VARCHAR)
)
SELECT
    requests,
    ok / nullif(requests, 0) AS success_ratio,
    nullif(ranks[1], 9_223_372_036_854_775_807) AS p50_latency_ns,
    nullif(ranks[2], 9_223_372_036_854_775_807) AS p95_latency_ns,
    nullif(ranks[3], 9_223_372_036_854_775_807) AS p99_latency_ns
FROM punctual
