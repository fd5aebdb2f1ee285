-- What did faults do to connections during a span?
--
-- $from_ns, $until_ns    the span
-- $limit                 how many rows at most
--
-- fault_id, node, action
-- at_ns       the first time in the span
-- times       how often in it
SELECT fault_id, node, action, min(at_ns) AS at_ns, count(*) AS times
FROM fault_actions
WHERE at_ns BETWEEN $from_ns AND $until_ns
GROUP BY fault_id, node, action
ORDER BY at_ns, fault_id, node, action
LIMIT $limit
