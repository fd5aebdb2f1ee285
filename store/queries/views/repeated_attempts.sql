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
WITH gateway_repeated AS (
    SELECT DISTINCT request_id FROM gateway_attempts WHERE attempt > 1 AND request_id IS NOT NULL
),
providers_repeated AS (
    SELECT request_id
    FROM attempts
    WHERE request_id IS NOT NULL AND NOT (SELECT attempts FROM gateway_reports)
    GROUP BY request_id
    HAVING count(*) > 1
),
repeated AS (
    SELECT 'gateway' AS source, request_id, provider, method, attempt, started_ns, ended_ns, outcome, hedged
    FROM gateway_attempts
    WHERE request_id IN (FROM gateway_repeated)
    UNION ALL
    SELECT
        'providers', request_id, provider, method,
        row_number() OVER (PARTITION BY request_id ORDER BY received_ns, provider),
        received_ns, coalesce(replied_ns, received_ns), outcome, NULL
    FROM attempts
    WHERE request_id IN (FROM providers_repeated) AND NOT (SELECT attempts FROM gateway_reports)
)
SELECT
    request_id, source, provider, method, attempt, started_ns, ended_ns, outcome, hedged,
    min(started_ns) OVER (PARTITION BY request_id) AS first_started_ns
FROM repeated
