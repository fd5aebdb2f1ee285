-- How many subscriptions did the clients of each workload have?
--
-- No row without: subscriptions
--
-- workload
-- subscriptions      that came about, to anything
-- refused            connections and subscriptions that did not come about
-- refused_with       what most of them were refused with; NULL: none was, or the log does not say
-- quiet              of those that brought nothing: the chain had nothing for them
-- owed               of those that brought nothing: the chain had something for them
-- starved            of those that brought nothing, not to heads: the chain had something, and a provider could give it
WITH clients AS (
    SELECT *,
        min(at_ns) FILTER (change = 'subscribed') OVER (PARTITION BY segment, connection, subscription) AS started_ns
    FROM subscriptions
    WHERE side = 'client'
),
starved AS (
    SELECT DISTINCT segment, connection, subscription
    FROM clients
    JOIN chain_heights ON first_ns > started_ns AND first_ns < at_ns - 1_000_000_000
    WHERE was_due AND kind <> 'newHeads'
)
SELECT
    name AS workload,
    count(DISTINCT (segment, connection, subscription)) FILTER (change = 'subscribed') AS subscriptions,
    count(*) FILTER (change IN ('refused', 'rejected')) AS refused,
    mode(detail ORDER BY detail) FILTER (change IN ('refused', 'rejected')) AS refused_with,
    count(*) FILTER (NOT was_due) AS quiet,
    count(*) FILTER (was_due) AS owed,
    count(DISTINCT (starved.segment, starved.connection, starved.subscription)) FILTER (starved.segment IS NOT NULL)
        AS starved
FROM clients
LEFT JOIN starved USING (segment, connection, subscription)
GROUP BY name
ORDER BY name
