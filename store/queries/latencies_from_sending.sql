-- How long did requests take from the moment they were sent?
--
-- From the moment they were due, which is what counts, is in `request_measures`. Percentiles are exact and over all
-- requests; one that did not succeed counts as never answered. A row per workload; workload NULL is all of them together.
--
-- workload
-- requests
-- ok         of them succeeded
-- p50_ns, p90_ns, p95_ns, p99_ns, p999_ns      NULL: never, because more than the rest was not answered
-- max_ns, mean_ns    over those that succeeded; NULL when there are none
WITH workloads AS MATERIALIZED (
    SELECT DISTINCT workload FROM request_ends
),
several AS (
    SELECT 1 FROM workloads HAVING count(*) > 1
),
waits AS NOT MATERIALIZED (
    SELECT workload, outcome, sent_ns, ended_ns, latency_ns(outcome, sent_ns, ended_ns) AS took_ns FROM requests
),
-- Ranking without groups takes half the time and memory of ranking in one group.
together AS MATERIALIZED (
    SELECT
        NULL AS workload, count(*) AS requests, count(took_ns) AS ok,
        latency_percentiles(outcome, sent_ns, ended_ns, [0.5, 0.9, 0.95, 0.99, 0.999]) AS ranks,
        max(took_ns) AS max_ns, avg(took_ns) AS mean_ns
    FROM waits
),
apart AS (
    SELECT
        workload, count(*), count(took_ns),
        latency_percentiles(outcome, sent_ns, ended_ns, [0.5, 0.9, 0.95, 0.99, 0.999]), max(took_ns), avg(took_ns)
    FROM waits
    WHERE EXISTS (FROM several)
    GROUP BY workload
),
found AS (
    FROM together WHERE requests > 0
    UNION ALL
    FROM apart
    UNION ALL
    -- One workload is all of them.
    SELECT workloads.workload, together.* EXCLUDE workload FROM together, workloads WHERE NOT EXISTS (FROM several)
)
SELECT
    workload, requests, ok,
    ranks[1] AS p50_ns,
    ranks[2] AS p90_ns,
    ranks[3] AS p95_ns,
    ranks[4] AS p99_ns,
    ranks[5] AS p999_ns,
    max_ns,
    round(mean_ns)::BIGINT AS mean_ns
FROM found
ORDER BY workload NULLS FIRST
