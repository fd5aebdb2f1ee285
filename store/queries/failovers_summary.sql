-- How often did requests need more than one attempt, and what did that cost them?
--
-- $limit                how many of the slowest are listed at most
--
-- source                'gateway' or 'providers'; NULL when there was no failover
-- failovers
-- answered              of them ended ok at last
-- hedged                of them had an attempt sent before another had failed
-- attempts_max          the most attempts one request took; NULL when there was no failover
-- cost_mean_ns, cost_p50_ns, cost_p95_ns, cost_p99_ns, cost_max_ns     see the view `failovers`; NULL likewise
-- slowest               a list of (request_id, started_ns, providers, answered, cost_ns), the dearest first
WITH summary AS (
    SELECT
        any_value(source) AS source,
        count(*) AS failovers,
        count(*) FILTER (answered) AS answered,
        count(*) FILTER (hedged) AS hedged,
        max(attempts) AS attempts_max,
        quantile_disc(cost_ns, [0.5, 0.95, 0.99]) AS cost_ranks,
        avg(cost_ns) AS cost_mean_ns,
        max(cost_ns) AS cost_max_ns,
        arg_max(
            {request_id: request_id, started_ns: started_ns, providers: providers, answered: answered,
             cost_ns: cost_ns},
            (cost_ns, request_id),
            $limit
        ) AS slowest
    FROM failovers
)
SELECT
    source, failovers, answered, hedged, attempts_max,
    round(cost_mean_ns)::BIGINT AS cost_mean_ns,
    cost_ranks[1] AS cost_p50_ns,
    cost_ranks[2] AS cost_p95_ns,
    cost_ranks[3] AS cost_p99_ns,
    cost_max_ns,
    coalesce(slowest, []) AS slowest
FROM summary
