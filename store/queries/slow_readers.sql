-- Which workloads read slowly, as the scenario wants it, and did they ever have to?
--
-- workload, type
-- read_rate      bytes a second that each of their connections reads at most
-- waits          how often one had more to read than it may: the rows of `bench_limits` with the limit `read_rate`
WITH planned AS (
    SELECT workload ->> 'name' AS workload, workload ->> 'type' AS type, (workload ->> 'read_rate')::DOUBLE AS read_rate
    FROM (SELECT unnest(json_extract(document, '$.scenario.workloads[*]')) AS workload FROM run)
    WHERE read_rate IS NOT NULL
),
segments AS (
    SELECT segment, any_value(workload) AS workload FROM generator_samples GROUP BY segment
    UNION
    SELECT segment, any_value(name) FROM subscriptions WHERE side = 'client' GROUP BY segment
),
waits AS (
    SELECT workload, sum(times)::BIGINT AS waits
    FROM bench_limits
    JOIN segments USING (segment)
    WHERE "limit" = 'read_rate'
    GROUP BY workload
)
SELECT workload, type, read_rate, coalesce(waits, 0) AS waits
FROM planned
LEFT JOIN waits USING (workload)
ORDER BY workload
