-- Which WebSocket connections of a workload's clients were lost during a span?
--
-- $workload              whose
-- $from_ns, $until_ns    the span
-- $limit                 how many rows at most
--
-- at_ns, change, close_code
-- connections    how many at that moment
SELECT at_ns, change, close_code, count(*) AS connections
FROM subscriptions
WHERE side = 'client' AND name = $workload::VARCHAR AND change IN ('closed', 'refused')
    AND at_ns BETWEEN $from_ns AND $until_ns
GROUP BY at_ns, change, close_code
ORDER BY at_ns, change
LIMIT $limit
