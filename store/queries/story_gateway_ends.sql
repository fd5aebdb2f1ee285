-- When did the gateway's process end, or was it away, during a span?
--
-- $from_ns, $until_ns    the span
-- $limit                 how many rows at most
--
-- how, fault_id, begun_ns, gone_ns, forced, restarted_ns, back_ns, reason      as in the view `gateway_ends`
SELECT how, fault_id, begun_ns, gone_ns, forced, restarted_ns, back_ns, reason
FROM gateway_ends
WHERE begun_ns <= $until_ns AND (back_ns IS NULL OR back_ns >= $from_ns)
ORDER BY begun_ns, incarnation
LIMIT $limit
