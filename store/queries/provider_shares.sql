-- Who did the work, and how well?
--
-- Attempts are the gateway's own when it logs them, else those the providers served.
--
-- provider
-- source        'gateway' or 'providers': who tells
-- attempts
-- failed        of them did not end ok
-- share_ratio   of all attempts
-- mean_ns       duration of those that ended ok; NULL when none did
WITH seen AS (
    SELECT 'gateway' AS source, provider, outcome, ended_ns - started_ns AS took_ns FROM gateway_attempts
    UNION ALL
    SELECT 'providers', provider, outcome, replied_ns - received_ns
    FROM attempts
    WHERE NOT EXISTS (FROM gateway_attempts)
)
SELECT
    provider, source,
    count(*) AS attempts,
    count_if(outcome <> 'ok') AS failed,
    count(*) / sum(count(*)) OVER () AS share_ratio,
    round(avg(took_ns) FILTER (outcome = 'ok'))::BIGINT AS mean_ns
FROM seen
GROUP BY provider, source
ORDER BY provider
