-- How many subscriptions did the clients of each workload have?
--
-- workload
-- subscriptions      that came about, to anything
-- refused            connections and subscriptions that did not come about
SELECT
    name AS workload,
    count(DISTINCT (segment, connection, subscription)) FILTER (change = 'subscribed') AS subscriptions,
    count(*) FILTER (change IN ('refused', 'rejected')) AS refused
FROM subscriptions
WHERE side = 'client'
GROUP BY name
ORDER BY name
