-- How long did requests take, from the moment they were due and from the moment they were sent, and how late
-- were they sent?
--
-- Percentiles are exact and over all requests; one that did not succeed counts as longer than any. A row per
-- workload and clock; workload NULL is all of them together.
--
-- workload
-- clock      'due': from scheduled_ns to the end; 'sent': from sent_ns to the end; 'late': from scheduled_ns to
--            sent_ns, over what was sent, whatever became of it
-- requests
-- counted    'due' and 'sent': of them succeeded; 'late': of them were sent
-- p50_ns, p90_ns, p95_ns, p99_ns, p999_ns      NULL: never, because more than the rest was not answered
-- max_ns, mean_ns    over those counted; NULL when there are none
WITH workloads AS MATERIALIZED (
    SELECT DISTINCT workload FROM request_ends
),
several AS (
    SELECT 1 FROM workloads HAVING count(*) > 1
),
waits AS NOT MATERIALIZED (
    SELECT
        workload,
        latency_ns(outcome, scheduled_ns, ended_ns) AS from_due_ns,
        latency_ns(outcome, sent_ns, ended_ns) AS from_sent_ns,
        sent_ns - scheduled_ns AS late_ns
    FROM requests
),
-- Ranking without groups takes half the time and memory of ranking in one group, and clocks apart are ranked in parallel.
together AS MATERIALIZED (
    SELECT
        NULL AS workload, 'due' AS clock, count(*) AS requests, count(from_due_ns) AS counted,
        percentiles(from_due_ns, [0.5, 0.9, 0.95, 0.99, 0.999]) AS ranks,
        max(from_due_ns) AS max_ns, avg(from_due_ns) AS mean_ns
    FROM waits
    UNION ALL
    SELECT
        NULL, 'sent', count(*), count(from_sent_ns),
        percentiles(from_sent_ns, [0.5, 0.9, 0.95, 0.99, 0.999]), max(from_sent_ns), avg(from_sent_ns)
    FROM waits
    UNION ALL
    SELECT
        NULL, 'late', count(*), count(late_ns),
        quantile_disc(late_ns, [0.5, 0.9, 0.95, 0.99, 0.999]), max(late_ns), avg(late_ns)
    FROM waits
),
apart AS (
    SELECT
        workload, 'due', count(*), count(from_due_ns),
        percentiles(from_due_ns, [0.5, 0.9, 0.95, 0.99, 0.999]), max(from_due_ns), avg(from_due_ns)
    FROM waits
    WHERE EXISTS (FROM several)
    GROUP BY workload
    UNION ALL
    SELECT
        workload, 'sent', count(*), count(from_sent_ns),
        percentiles(from_sent_ns, [0.5, 0.9, 0.95, 0.99, 0.999]), max(from_sent_ns), avg(from_sent_ns)
    FROM waits
    WHERE EXISTS (FROM several)
    GROUP BY workload
    UNION ALL
    SELECT
        workload, 'late', count(*), count(late_ns),
        quantile_disc(late_ns, [0.5, 0.9, 0.95, 0.99, 0.999]), max(late_ns), avg(late_ns)
    FROM waits
    WHERE EXISTS (FROM several)
    GROUP BY workload
),
by_clock AS (
    FROM together WHERE requests > 0
    UNION ALL
    FROM apart
    UNION ALL
    -- One workload is all of them.
    SELECT workloads.workload, together.* EXCLUDE workload FROM together, workloads WHERE NOT EXISTS (FROM several)
)
SELECT
    workload, clock, requests, counted,
    ranks[1] AS p50_ns,
    ranks[2] AS p90_ns,
    ranks[3] AS p95_ns,
    ranks[4] AS p99_ns,
    ranks[5] AS p999_ns,
    max_ns,
    round(mean_ns)::BIGINT AS mean_ns
FROM by_clock
ORDER BY workload NULLS FIRST, clock
