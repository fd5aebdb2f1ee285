-- How many requests were due while each fault held?
--
-- A fault that is over at once counts as a second long: what it breaks is felt by the requests after it.
--
-- fault_id
-- requests
SELECT fault_id, count(request_id) AS requests
FROM fault_spans
LEFT JOIN requests
    ON scheduled_ns >= started_ns
    AND scheduled_ns < coalesce(greatest(fault_spans.ended_ns, started_ns + 1_000_000_000), 9_223_372_036_854_775_807)
WHERE started_ns IS NOT NULL
GROUP BY fault_id, started_ns
ORDER BY started_ns, fault_id
