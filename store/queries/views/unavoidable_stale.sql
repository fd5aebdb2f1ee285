-- Which stale answers could no gateway have avoided, because no provider had anything newer to give?
--
-- A provider has not while a fault of the plan makes it lag, puts it on another branch or another chain, or keeps it from
-- answering at all. A row per stale answer to a request, and per stale notification, during which, at some moment, that
-- held for all providers: whoever stops the whole chain so has not found a fault of the gateway's.
--
-- at_ns         when it came
-- scheduled_ns  when the request was due; NULL: a notification
-- workload
-- method        NULL: a notification
CREATE VIEW unavoidable_stale AS
WITH held AS (
    SELECT
        any_value(target) AS target,
        min(at_ns) FILTER (phase = 'applied') AS from_ns,
        coalesce(max(at_ns) FILTER (phase = 'reverted'), 9_223_372_036_854_775_807) AS to_ns
    FROM faults
    WHERE target <> 'gateway' AND kind IN (
        'stale_head', 'reorg', 'wrong_chain', 'kill', 'flap', 'restart', 'pause', 'partition', 'timeout', 'refuse'
    )
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
    SELECT at_ns AS from_ns, lead(at_ns, 1, 9_223_372_036_854_775_807) OVER (ORDER BY at_ns) AS to_ns, targets
    FROM states
),
nothing_newer AS (
    SELECT from_ns, to_ns FROM spans, planned WHERE targets >= providers
),
stale AS (
    SELECT coalesce(sent_ns, scheduled_ns) AS from_ns, ended_ns AS at_ns, scheduled_ns, workload, method
    FROM requests
    WHERE answer = 'stale'
    UNION ALL
    SELECT at_ns, at_ns, NULL, workload, NULL
    FROM notifications
    WHERE answer = 'stale'
)
SELECT at_ns, scheduled_ns, workload, method
FROM stale
WHERE EXISTS (FROM nothing_newer WHERE nothing_newer.from_ns <= stale.at_ns AND nothing_newer.to_ns > stale.from_ns)
