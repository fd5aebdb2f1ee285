-- How many attempts began at each provider in each tenth of a second, and how did they end?
--
-- Attempts are the gateway's own when it reports them, else those the providers served. For questions to which a tenth of
-- a second is fine enough: millions of attempts become thousands of rows.
--
-- source            'gateway' or 'providers': whose attempts these are
-- provider
-- cell              tenths of a second since the run's epoch
-- ok                whether these succeeded
-- attempts
-- of_clients        of them were made for requests of clients, as far as the requests' ids show
-- took_ns           what they took, added up
-- first_started_ns  when the first of them began
-- last_started_ns   when the last of them began
-- first_ended_ns    when the first of them ended
-- last_choice_ns    when the last of them began that was its request's first attempt; NULL: there was none, or the
--                   gateway does not report its attempts
CREATE VIEW attempt_cells AS
WITH seen AS (
    SELECT
        'gateway' AS source, provider, request_id, started_ns, ended_ns, outcome = 'ok' AS ok,
        if(attempt = 1, started_ns, NULL) AS chosen_ns
    FROM gateway_attempts
    UNION ALL
    SELECT 'providers', provider, request_id, received_ns, coalesce(replied_ns, received_ns), outcome = 'ok', NULL
    FROM attempts
    WHERE NOT (SELECT attempts FROM gateway_reports)
)
SELECT
    source, provider, started_ns // 100_000_000 AS cell, ok,
    count(*) AS attempts,
    count(request_id) AS of_clients,
    sum(ended_ns - started_ns)::BIGINT AS took_ns,
    min(started_ns) AS first_started_ns,
    max(started_ns) AS last_started_ns,
    min(ended_ns) AS first_ended_ns,
    max(chosen_ns) AS last_choice_ns
FROM seen
GROUP BY ALL
