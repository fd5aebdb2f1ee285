-- What did the gateway do about each fault? The view `fault_reactions`, in the order of time.
--
-- No row without: faults
SELECT fault_reactions.*
FROM fault_reactions
JOIN fault_spans USING (fault_id)
ORDER BY coalesce(started_ns, planned_ns), fault_id
