-- From when to when was each step of an `HttpStep` workload?
--
-- Steps after the last in which a request was due are left out.
--
-- workload
-- step                 from 1
-- rate_per_s           what the scenario says
-- started_ns, ended_ns
WITH planned AS (
    SELECT workload ->> 'name' AS workload, (workload ->> 'step_duration')::BIGINT AS step_ns,
        (workload -> 'rates')::DOUBLE[] AS rates
    FROM (SELECT unnest(json_extract(document, '$.scenario.workloads[*]')) AS workload FROM run)
    WHERE workload ->> 'type' = 'http_step'
),
seen AS (
    -- The first request of each step is due at its very begin.
    SELECT workload, min(first_scheduled_ns) AS began_ns, max(last_scheduled_ns) AS last_ns
    FROM request_ends
    GROUP BY workload
),
steps AS (
    SELECT workload, step_ns, rates, began_ns, last_ns, unnest(range(1, len(rates) + 1)) AS step
    FROM planned
    JOIN seen USING (workload)
)
SELECT
    workload, step, rates[step] AS rate_per_s,
    began_ns + (step - 1) * step_ns AS started_ns,
    began_ns + step * step_ns AS ended_ns
FROM steps
WHERE started_ns <= last_ns
ORDER BY workload, step
