-- When did each circuit breaker allow nothing or only probes, and how did it come back?
--
-- An outage lasts from leaving closed until coming back to it, through any number of turns between open and half open.
-- A probe is an attempt that began while the breaker was half open: over HTTP an attempt of a request, over WebSocket a
-- connection or a subscription that came about or was refused.
--
-- provider, transport
-- outage           numbers the outages of this breaker from 1
-- started_ns
-- ended_ns         when it closed; NULL: never
-- duration_ns      NULL likewise
-- opened           how often it opened: 1, and one more for each probe that failed
-- probes           that began in it
-- good_probes      of them succeeded
-- relapsed         whether it opened again within 5 s of closing: it flapped
CREATE VIEW breaker_outages AS
WITH log_end AS (
    SELECT greatest((SELECT max(at_ns) FROM run_phases), (SELECT max(ended_ns) FROM requests),
                    (SELECT max(at_ns) FROM breaker_changes)) AS at_ns
),
half_open AS MATERIALIZED (
    SELECT provider, transport, outage, started_ns, coalesce(ended_ns, at_ns) AS ended_ns
    FROM breaker_windows, log_end
    WHERE state = 'half_open'
),
-- Tenths of a second, so that not every attempt meets every span.
cells AS (
    SELECT *, unnest(range(started_ns // 100_000_000, ended_ns // 100_000_000 + 1)) AS cell FROM half_open
),
tried AS (
    SELECT transport, provider, started_ns, started_ns // 100_000_000 AS cell, outcome = 'ok' AS ok FROM gateway_attempts
    UNION ALL
    SELECT 'ws', name, at_ns, at_ns // 100_000_000, change = 'subscribed'
    FROM subscriptions
    WHERE side = 'gateway' AND change IN ('subscribed', 'refused', 'rejected')
),
probed AS (
    SELECT transport, provider, outage, count(*) AS probes, count(*) FILTER (ok) AS good_probes
    FROM tried
    JOIN cells USING (transport, provider, cell)
    WHERE tried.started_ns >= cells.started_ns AND tried.started_ns < cells.ended_ns
    GROUP BY transport, provider, outage
),
outages AS (
    SELECT
        provider, transport, outage, min(started_ns) AS started_ns,
        if(count(*) = count(ended_ns), max(ended_ns), NULL) AS ended_ns,
        count(*) FILTER (state = 'open') AS opened
    FROM breaker_windows
    GROUP BY provider, transport, outage
)
SELECT
    provider, transport, outage, started_ns, ended_ns, ended_ns - started_ns AS duration_ns, opened,
    coalesce(probes, 0) AS probes,
    coalesce(good_probes, 0) AS good_probes,
    coalesce(lead(started_ns) OVER (PARTITION BY provider, transport ORDER BY started_ns) - ended_ns <= 5_000_000_000,
             false) AS relapsed
FROM outages
LEFT JOIN probed USING (provider, transport, outage)
