-- When had no provider anything newer to give than what it had given before?
--
-- A provider has not while a fault of the plan makes it lag, puts it on another branch or another chain, or keeps it from
-- answering at all. A row per span of time in which that held for all providers: what clients get then, from a cache or
-- from a provider that lags, is old through no fault of the gateway's.
--
-- from_ns, to_ns    to_ns is the largest BIGINT when a fault was not reverted
CREATE VIEW nothing_newer AS
WITH held AS (
    SELECT
        any_value(target) AS target,
        min(at_ns) FILTER (phase = 'applied') AS from_ns,
        coalesce(max(at_ns) FILTER (phase = 'reverted'), never_ns()) AS to_ns
    FROM faults
    SEMI JOIN (FROM fault_rules WHERE makes_stale OR silences) USING (kind)
    WHERE target <> 'gateway'
    GROUP BY fault_id
    HAVING from_ns IS NOT NULL
),
planned AS (
    SELECT json_array_length(document, '$.scenario.providers') AS providers FROM run
),
moments AS (
    SELECT from_ns AS at_ns FROM held UNION SELECT to_ns FROM held
),
states AS (
    SELECT moments.at_ns, count(DISTINCT target) AS targets
    FROM moments
    LEFT JOIN held ON from_ns <= moments.at_ns AND to_ns > moments.at_ns
    GROUP BY moments.at_ns
),
spans AS (
    SELECT at_ns AS from_ns, lead(at_ns, 1, never_ns()) OVER (ORDER BY at_ns) AS to_ns, targets
    FROM states
)
SELECT from_ns, to_ns FROM spans, planned WHERE targets >= providers
