-- Which requests needed more than one attempt, and what did that cost?
--
-- Told by the gateway's own log when it has one; else inferred from the providers' side, which a connection
-- refused by a dead provider never reaches: then the count is a lower bound. A hedge that lost is no failover.
--
-- request_id
-- source            'gateway' or 'providers': whose attempts these are
-- attempts          how many there were
-- failed_attempts   how many of them did not end ok
-- hedged            whether one was sent before another had failed
-- answered          whether one ended ok
-- providers         who was asked, in order
-- started_ns        start of the first attempt
-- ended_ns          end of the last attempt
-- cost_ns           from the start of the first attempt to the start of the one that answered;
--                   when none did, to the end of the last: all of it was spent in vain
CREATE VIEW failovers AS
WITH gateway_tried AS (
    -- A first attempt that ended ok needed no other, and most do: leave them out before grouping.
    SELECT request_id, provider, started_ns, ended_ns, outcome, hedged
    FROM gateway_attempts
    WHERE request_id IS NOT NULL AND (attempt > 1 OR outcome <> 'ok')
),
providers_repeated AS (
    SELECT request_id
    FROM attempts
    WHERE request_id IS NOT NULL AND NOT EXISTS (FROM gateway_attempts)
    GROUP BY request_id
    HAVING count(*) > 1
),
providers_tried AS (
    SELECT
        request_id, provider, received_ns AS started_ns,
        coalesce(replied_ns, received_ns) AS ended_ns, outcome, false AS hedged
    FROM attempts
    WHERE request_id IN (FROM providers_repeated) AND NOT EXISTS (FROM gateway_attempts)
),
per_request AS (
    SELECT
        request_id,
        count(*) AS attempts,
        count(*) FILTER (outcome <> 'ok') AS failed_attempts,
        bool_or(hedged) AS hedged,
        list(provider) AS providers,
        -- Sorting short lists later is cheaper than an ordered aggregate. What failed came before what did not.
        list(started_ns * 2 + (outcome = 'ok')::INTEGER) AS turns,
        min(started_ns) AS started_ns,
        max(ended_ns) AS ended_ns,
        arg_min(started_ns, ended_ns) FILTER (outcome = 'ok') AS answer_started_ns
    FROM (FROM gateway_tried UNION ALL FROM providers_tried)
    GROUP BY request_id
    HAVING count(*) > 1
)
SELECT
    request_id,
    if(EXISTS (FROM gateway_attempts), 'gateway', 'providers') AS source,
    attempts, failed_attempts, hedged,
    answer_started_ns IS NOT NULL AS answered,
    list_select(providers, list_grade_up(turns)) AS providers,
    started_ns, ended_ns,
    coalesce(answer_started_ns, ended_ns) - started_ns AS cost_ns
FROM per_request
WHERE failed_attempts > 0 OR answer_started_ns > started_ns
