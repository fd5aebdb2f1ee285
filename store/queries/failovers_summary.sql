-- How often did requests need more than one attempt, and what did that cost them?
--
-- $limit                how many of the slowest are listed at most
--
-- source                'gateway' or 'providers'; NULL when there was no failover
-- failovers             through a gateway that does not report its attempts there may have been more; NULL: none was seen
--                       through such a gateway, so nobody knows
-- answered              of them succeeded at last; NULL likewise
-- hedged                of them had an attempt sent before another had failed; NULL: only the gateway could know
-- attempts_max          the most attempts one request took; NULL when there was no failover
-- cost_mean_ns, cost_p50_ns, cost_p95_ns, cost_p99_ns, cost_max_ns     see the view `failovers`; NULL when there was no failover
-- slowest               a list of (request_id, started_ns, providers, answered, cost_ns), the slowest first
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
    source,
    if(reports.attempts OR failovers > 0, failovers, NULL) AS failovers,
    if(reports.attempts OR failovers > 0, answered, NULL) AS answered,
    if(reports.attempts, hedged, NULL) AS hedged,
    attempts_max,
    round(cost_mean_ns)::BIGINT AS cost_mean_ns,
    cost_ranks[1] AS cost_p50_ns,
    cost_ranks[2] AS cost_p95_ns,
    cost_ranks[3] AS cost_p99_ns,
    cost_max_ns,
    coalesce(slowest, []) AS slowest
FROM summary, gateway_reports AS reports
