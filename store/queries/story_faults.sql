-- Which faults were in force during a span?
--
-- $from_ns, $until_ns    the span
-- $limit                 how many rows at most
--
-- fault_id, kind, target
-- parameters    as JSON
-- applied_ns
-- reverted_ns   NULL: it lasted to the end of the log
SELECT
    fault_id, any_value(kind) AS kind, any_value(target) AS target, any_value(parameters)::VARCHAR AS parameters,
    min(at_ns) FILTER (phase = 'applied') AS applied_ns,
    max(at_ns) FILTER (phase = 'reverted') AS reverted_ns
FROM faults
GROUP BY fault_id
HAVING applied_ns <= $until_ns AND (reverted_ns IS NULL OR reverted_ns >= $from_ns)
ORDER BY applied_ns, fault_id
LIMIT $limit
