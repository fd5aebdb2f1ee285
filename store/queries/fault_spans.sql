-- Which faults held, and from when to when?
--
-- No row without: faults
--
-- Only those that were applied, in order of time.
--
-- fault_id, kind, target
-- started_ns        when it was applied
-- ended_ns          when it was reverted; NULL: it never was
SELECT
    fault_id,
    any_value(kind) AS kind,
    any_value(target) AS target,
    min(at_ns) FILTER (phase = 'applied') AS started_ns,
    max(at_ns) FILTER (phase = 'reverted') AS ended_ns
FROM faults
GROUP BY fault_id
HAVING started_ns IS NOT NULL
ORDER BY started_ns, fault_id
