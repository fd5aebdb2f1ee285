-- How did the requests of each step of an `HttpStep` workload fare?
--
-- Percentiles are exact and over all requests of the step, by their due time; one that did not succeed counts as never
-- answered. Steps of which no request was due are left out.
--
-- workload
-- step                 from 1
-- rate_per_s           what the scenario says
-- started_ns, ended_ns
-- requests
-- sent_ratio           of them were sent, or turned away by the gateway
-- success_ratio
-- p50_latency_ns, p95_latency_ns, p99_latency_ns      NULL: never
-- late_p99_ns          how late the generator sent; NULL: it sent nothing
WITH planned AS (
    SELECT workload ->> 'name' AS workload, (workload ->> 'step_duration')::BIGINT AS step_ns,
        (workload -> 'rates')::DOUBLE[] AS rates
    FROM (SELECT unnest(json_extract(document, '$.scenario.workloads[*]')) AS workload FROM run)
    WHERE workload ->> 'type' = 'http_step'
),
began AS (
    -- The first request of each step is due at its very begin.
    SELECT workload, min(scheduled_ns) AS at_ns FROM requests SEMI JOIN planned USING (workload) GROUP BY workload
),
placed AS (
    SELECT
        workload, rates, step_ns, began.at_ns, 1 + (scheduled_ns - began.at_ns) // step_ns AS step,
        scheduled_ns, sent_ns, ended_ns,
        outcome, failure
    FROM requests
    JOIN planned USING (workload)
    JOIN began USING (workload)
),
ranked AS (
    SELECT
        workload, step, any_value(rates)[step] AS rate_per_s, count(*) AS requests,
        any_value(at_ns + (step - 1) * step_ns)::BIGINT AS started_ns,
        any_value(at_ns + step * step_ns)::BIGINT AS ended_ns,
        count(*) FILTER (sent_ns IS NOT NULL OR turned_away(failure)) / count(*) AS sent_ratio,
        count(*) FILTER (succeeded(outcome)) / count(*) AS success_ratio,
        latency_percentiles(outcome, scheduled_ns, ended_ns, [0.5, 0.95, 0.99]) AS ranks,
        quantile_disc(sent_ns - scheduled_ns, 0.99) AS late_p99_ns
    FROM placed
    GROUP BY workload, step
)
SELECT
    workload, step, rate_per_s, started_ns, ended_ns, requests, sent_ratio, success_ratio,
    ranks[1] AS p50_latency_ns,
    ranks[2] AS p95_latency_ns,
    ranks[3] AS p99_latency_ns,
    late_p99_ns
FROM ranked
WHERE rate_per_s IS NOT NULL
ORDER BY workload, step
