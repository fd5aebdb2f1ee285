-- How long after the start of each fault did the clients get the next head?
--
-- No row without: subscriptions
--
-- A row per fault that was applied while clients were subscribed to heads of which one was still to come.
--
-- fault_id
-- started_ns           when the fault was applied
-- subscriptions        client subscriptions that stood then, and to which a head came or was due afterwards
-- p50_ns, max_ns       until the next head; NULL: never, for half of them or for any
-- never                of them got none any more
WITH applied AS (
    SELECT fault_id, min(at_ns) AS started_ns FROM faults WHERE phase = 'applied' GROUP BY fault_id
),
clients AS MATERIALIZED (
    SELECT *, row_number() OVER () AS client FROM head_subscriptions
),
waiting AS (
    SELECT fault_id, applied.started_ns, client, coalesce(ended_ns, due_end_ns) AS over_ns
    FROM applied
    JOIN clients
        ON clients.started_ns <= applied.started_ns AND coalesce(ended_ns, due_end_ns) > applied.started_ns
),
arrivals AS (
    SELECT client, at_ns
    FROM notifications
    JOIN clients USING (segment, connection, subscription)
    WHERE kind = 'newHeads'
),
waited AS (
    SELECT
        fault_id, waiting.started_ns, at_ns - waiting.started_ns AS wait_ns,
        -- What came about in the last second may still be under way. Where nothing is known of the chain, it had some.
        coalesce(first_ns <= over_ns - 1_000_000_000, NOT EXISTS (FROM chain_heights)) AS was_due
    FROM waiting
    ASOF LEFT JOIN arrivals ON waiting.client = arrivals.client AND waiting.started_ns <= arrivals.at_ns
    ASOF LEFT JOIN (SELECT DISTINCT first_ns FROM chain_heights) AS heights ON waiting.started_ns < heights.first_ns
)
SELECT
    fault_id,
    any_value(started_ns) AS started_ns,
    count(*) AS subscriptions,
    nullif(quantile_disc(coalesce(wait_ns, never_ns()), 0.5), never_ns()) AS p50_ns,
    if(count(wait_ns) = count(*), max(wait_ns), NULL) AS max_ns,
    count(*) - count(wait_ns) AS never
FROM waited
WHERE wait_ns IS NOT NULL OR was_due
GROUP BY fault_id
ORDER BY started_ns, fault_id
