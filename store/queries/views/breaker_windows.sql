-- When was each circuit breaker not closed?
--
-- Gaps and islands: a span is a run of changes into the same state; an outage is the spans from leaving
-- closed until coming back to it.
--
-- provider, transport
-- outage        numbers the outages of this breaker from 1
-- state         'open' or 'half_open'
-- started_ns
-- ended_ns      NULL while it lasted to the end of the log
-- duration_ns   NULL likewise
CREATE VIEW breaker_windows AS
WITH ordered AS (
    SELECT
        *,
        -- Changes of one nanosecond come in the order in which a breaker can make them.
        row_number() OVER (
            PARTITION BY provider, transport
            ORDER BY at_ns, list_position(['closed', 'open', 'half_open'], from_state)
        ) AS turn
    FROM breaker_changes
),
marked AS (
    SELECT
        *,
        to_state IS DISTINCT FROM lag(to_state) OVER breaker AS begins_span,
        lag(to_state, 1, 'closed') OVER breaker = 'closed' AND to_state <> 'closed' AS begins_outage
    FROM ordered
    WINDOW breaker AS (PARTITION BY provider, transport ORDER BY turn)
),
spans AS (
    SELECT
        provider, transport, to_state AS state, at_ns AS started_ns,
        lead(at_ns) OVER breaker AS ended_ns,
        sum(begins_outage::INTEGER) OVER breaker AS outage
    FROM marked
    WHERE begins_span
    WINDOW breaker AS (PARTITION BY provider, transport ORDER BY turn)
)
SELECT
    provider, transport, outage::BIGINT AS outage, state, started_ns, ended_ns,
    ended_ns - started_ns AS duration_ns
FROM spans
WHERE state <> 'closed'
