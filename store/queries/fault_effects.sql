-- What did each fault do? The view `fault_windows`, in the order of time.
--
-- No row without: faults
SELECT *
FROM fault_windows
ORDER BY coalesce(started_ns, planned_ns), fault_id
