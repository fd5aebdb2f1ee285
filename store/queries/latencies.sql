-- How long did requests take, from the moment they were due and from the moment they were sent, and how late
-- were they sent?
--
-- Percentiles are exact and over all requests; one that did not end ok counts as never answered. A row per
-- workload and clock; workload NULL is all of them together.
--
-- workload
-- clock      'due': from scheduled_ns to the end; 'sent': from sent_ns to the end; 'late': from scheduled_ns to
--            sent_ns, over what was sent, whatever became of it
-- requests
-- counted    'due' and 'sent': of them ended ok; 'late': of them were sent
-- p50_ns, p90_ns, p95_ns, p99_ns, p999_ns      NULL: never, because more than the rest was not answered
-- max_ns, mean_ns    over those counted; NULL when there are none
WITH waits AS NOT MATERIALIZED (
    SELECT
        workload,
        outcome = 'ok' AS ok,
        ended_ns - scheduled_ns AS due_ns,
        ended_ns - sent_ns AS sent_ns,
        sent_ns - scheduled_ns AS late_ns
    FROM requests
),
workloads AS MATERIALIZED (
    SELECT DISTINCT workload FROM requests
),
several AS (
    SELECT 1 FROM workloads HAVING count(*) > 1
),
-- What follows is said twice, because ranking without groups takes half the time and memory of ranking in one group.
-- The largest BIGINT stands for never until the ranks are found.
together AS MATERIALIZED (
    SELECT
        count(*) AS requests,
        count(*) FILTER (ok) AS answered,
        count(late_ns) AS sent,
        quantile_disc(if(ok, due_ns, 9_223_372_036_854_775_807), [0.5, 0.9, 0.95, 0.99, 0.999]) AS due_ranks,
        quantile_disc(if(ok, waits.sent_ns, 9_223_372_036_854_775_807), [0.5, 0.9, 0.95, 0.99, 0.999]) AS sent_ranks,
        quantile_disc(late_ns, [0.5, 0.9, 0.95, 0.99, 0.999]) AS late_ranks,
        max(if(ok, due_ns, NULL)) AS due_max_ns,
        max(if(ok, waits.sent_ns, NULL)) AS sent_max_ns,
        max(late_ns) AS late_max_ns,
        avg(if(ok, due_ns, NULL)) AS due_mean_ns,
        avg(if(ok, waits.sent_ns, NULL)) AS sent_mean_ns,
        avg(late_ns) AS late_mean_ns
    FROM waits
    HAVING count(*) > 0
),
apart AS (
    SELECT
        workload,
        count(*) AS requests,
        count(*) FILTER (ok) AS answered,
        count(late_ns) AS sent,
        quantile_disc(if(ok, due_ns, 9_223_372_036_854_775_807), [0.5, 0.9, 0.95, 0.99, 0.999]) AS due_ranks,
        quantile_disc(if(ok, waits.sent_ns, 9_223_372_036_854_775_807), [0.5, 0.9, 0.95, 0.99, 0.999]) AS sent_ranks,
        quantile_disc(late_ns, [0.5, 0.9, 0.95, 0.99, 0.999]) AS late_ranks,
        max(if(ok, due_ns, NULL)) AS due_max_ns,
        max(if(ok, waits.sent_ns, NULL)) AS sent_max_ns,
        max(late_ns) AS late_max_ns,
        avg(if(ok, due_ns, NULL)) AS due_mean_ns,
        avg(if(ok, waits.sent_ns, NULL)) AS sent_mean_ns,
        avg(late_ns) AS late_mean_ns
    FROM waits
    WHERE EXISTS (FROM several)
    GROUP BY workload
),
with_all AS MATERIALIZED (
    SELECT NULL AS workload, * FROM together
    UNION ALL
    FROM apart
    UNION ALL
    -- One workload is all of them.
    SELECT workload, together.* FROM workloads, together WHERE NOT EXISTS (FROM several)
),
by_clock AS (
    SELECT workload, 'due' AS clock, requests, answered AS counted, due_ranks AS ranks, due_max_ns AS max_ns,
           due_mean_ns AS mean_ns
    FROM with_all
    UNION ALL
    SELECT workload, 'sent', requests, answered, sent_ranks, sent_max_ns, sent_mean_ns FROM with_all
    UNION ALL
    SELECT workload, 'late', requests, sent, late_ranks, late_max_ns, late_mean_ns FROM with_all
)
SELECT
    workload, clock, requests, counted,
    nullif(ranks[1], 9_223_372_036_854_775_807) AS p50_ns,
    nullif(ranks[2], 9_223_372_036_854_775_807) AS p90_ns,
    nullif(ranks[3], 9_223_372_036_854_775_807) AS p95_ns,
    nullif(ranks[4], 9_223_372_036_854_775_807) AS p99_ns,
    nullif(ranks[5], 9_223_372_036_854_775_807) AS p999_ns,
    max_ns,
    round(mean_ns)::BIGINT AS mean_ns
FROM by_clock
ORDER BY workload NULLS FIRST, clock
