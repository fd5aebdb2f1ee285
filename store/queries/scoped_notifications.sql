-- How were the notifications answered that clients got in a part of the run?
--
-- $starts_ns, $ends_ns      the windows: from a start until before its end; they do not overlap
-- $workload                 only of this workload; NULL: of all
--
-- checked, wrong, stale
SELECT
    count(*) FILTER (answer <> 'none') AS checked,
    count(*) FILTER (answer = 'wrong') AS wrong,
    count(*) FILTER (answer = 'stale') AS stale
FROM notifications
SEMI JOIN (
    SELECT unnest($starts_ns::BIGINT[]) AS start_ns, unnest($ends_ns::BIGINT[]) AS end_ns
) ON at_ns >= start_ns AND at_ns < end_ns
WHERE $workload::VARCHAR IS NULL OR workload = $workload::VARCHAR
