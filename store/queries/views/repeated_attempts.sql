-- Which attempts were made for requests that had more than one?
--
-- Attempts are the gateway's own when it reports them, else those the providers served.
--
-- request_id
-- source            'gateway' or 'providers': whose attempts these are
-- provider, method
-- attempt           counted from 1, in the order in which they began
-- started_ns, ended_ns
-- outcome
-- hedged            whether it was sent before another had failed; NULL: only the gateway could know
-- first_started_ns  when the first one for its request began
CREATE VIEW repeated_attempts AS
WITH gateway_eventful AS MATERIALIZED (
    SELECT request_id, provider, method, attempt, started_ns, ended_ns, outcome, hedged
    FROM gateway_attempts
    WHERE (attempt > 1 OR outcome <> 'ok') AND request_id IS NOT NULL
),
gateway_repeated AS MATERIALIZED (
    SELECT request_id, min(attempt) > 1 AS began_well
    FROM gateway_eventful
    GROUP BY request_id
    HAVING max(attempt) > 1
),
gateway_began_well AS (
    SELECT request_id, provider, method, attempt, started_ns, ended_ns, outcome, hedged
    FROM gateway_attempts
    WHERE attempt = 1 AND outcome = 'ok' AND request_id IN (SELECT request_id FROM gateway_repeated WHERE began_well)
),
providers_repeated AS (
    SELECT request_id
    FROM attempts
    WHERE request_id IS NOT NULL AND NOT (SELECT attempts FROM gateway_reports)
    GROUP BY request_id
    HAVING count(*) > 1
),
repeated AS MATERIALIZED (
    SELECT 'gateway' AS source, *
    FROM (FROM gateway_eventful SEMI JOIN gateway_repeated USING (request_id) UNION ALL FROM gateway_began_well)
    UNION ALL
    SELECT
        'providers', request_id, provider, method,
        row_number() OVER (PARTITION BY request_id ORDER BY received_ns, provider),
        received_ns, coalesce(replied_ns, received_ns), outcome, NULL
    FROM attempts
    WHERE request_id IN (FROM providers_repeated) AND NOT (SELECT attempts FROM gateway_reports)
),
-- Grouping and joining takes a fifth of what a window over as many strings does.
firsts AS (
    SELECT request_id, min(started_ns) AS first_started_ns FROM repeated GROUP BY request_id
)
SELECT
    request_id, source, provider, method, attempt, started_ns, ended_ns, outcome, hedged, first_started_ns
FROM repeated
JOIN firsts USING (request_id)
