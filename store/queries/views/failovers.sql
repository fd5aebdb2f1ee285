-- Which requests needed more than one attempt, and what did that cost?
--
-- From the gateway's own log when it reports its attempts; else from the providers' side, where a connection that a dead
-- provider refused leaves no trace: then there may have been more than are here. A hedge that lost is no failover.
--
-- request_id
-- source            'gateway' or 'providers': whose attempts these are
-- attempts          how many there were
-- failed_attempts   how many of them did not succeed
-- hedged            whether one was sent before another had failed; NULL: only the gateway could know
-- answered          whether one succeeded
-- providers         who was asked, in order
-- started_ns        start of the first attempt
-- ended_ns          end of the last attempt
-- cost_ns           from the start of the first attempt to the start of the one that answered;
--                   when none did, to the end of the last: all of it was wasted
CREATE VIEW failovers AS
WITH per_request AS (
    SELECT
        request_id,
        any_value(source) AS source,
        count(*) AS attempts,
        count(*) FILTER (outcome <> 'ok') AS failed_attempts,
        bool_or(hedged) AS hedged,
        list(provider) AS providers,
        -- Sorting short lists later is cheaper than an ordered aggregate. What failed came before what did not.
        list(started_ns * 2 + (outcome = 'ok')::INTEGER) AS turns,
        min(started_ns) AS started_ns,
        max(ended_ns) AS ended_ns,
        arg_min(started_ns, ended_ns) FILTER (outcome = 'ok') AS answer_started_ns
    FROM repeated_attempts
    -- A first attempt that succeeded needed no other: what came beside it was a hedge.
    WHERE source = 'providers' OR attempt > 1 OR outcome <> 'ok'
    GROUP BY request_id
    HAVING count(*) > 1
)
SELECT
    request_id,
    source, attempts, failed_attempts, hedged,
    answer_started_ns IS NOT NULL AS answered,
    list_select(providers, list_grade_up(turns)) AS providers,
    started_ns, ended_ns,
    coalesce(answer_started_ns, ended_ns) - started_ns AS cost_ns
FROM per_request
WHERE failed_attempts > 0 OR answer_started_ns > started_ns
