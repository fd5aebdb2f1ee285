-- How did the requests of the run fare, without those of some steps of `HttpStep` workloads?
--
-- Percentiles are exact and over all these requests, from the due time; one that did not succeed counts as never
-- answered.
--
-- $workloads                the workloads whose steps are left out, one for each step
-- $starts_ns, $ends_ns      of each of these steps, from a start until before its end
--
-- requests
-- success_ratio             NULL when there are none
-- p50_latency_ns, p95_latency_ns, p99_latency_ns      NULL: never, or there are none
WITH left_out AS (
    SELECT
        unnest($workloads::VARCHAR[]) AS workload,
        unnest($starts_ns::BIGINT[]) AS start_ns,
        unnest($ends_ns::BIGINT[]) AS end_ns
),
kept AS (
    SELECT outcome = 'ok' AS ok, ended_ns - scheduled_ns AS latency_ns
    FROM requests
    ANTI JOIN left_out
        ON requests.workload = left_out.workload AND scheduled_ns >= start_ns AND scheduled_ns < end_ns
),
summed AS (
    SELECT
        count(*) AS requests,
        count(*) FILTER (ok) AS ok,
        quantile_disc(if(ok, latency_ns, 9_223_372_036_854_775_807), [0.5, 0.95, 0.99]) AS ranks
    FROM kept
)
SELECT
    requests,
    ok / nullif(requests, 0) AS success_ratio,
    nullif(ranks[1], 9_223_372_036_854_775_807) AS p50_latency_ns,
    nullif(ranks[2], 9_223_372_036_854_775_807) AS p95_latency_ns,
    nullif(ranks[3], 9_223_372_036_854_775_807) AS p99_latency_ns
FROM summed
