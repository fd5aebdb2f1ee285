-- How were the notifications answered that clients got in a part of the run?
--
-- $starts_ns, $ends_ns      the windows: from a start until before its end; they do not overlap
-- $workload                 only of this workload; NULL: of all
--
-- checked, wrong, stale
WITH windows AS (
    SELECT unnest($starts_ns::BIGINT[]) AS start_ns, unnest($ends_ns::BIGINT[]) AS end_ns
),
seconds AS (
    -- A moment is looked for among the windows of its second: that costs the same however many windows there are.
    SELECT
        *,
        unnest(range(
            start_ns // 1_000_000_000,
            least(end_ns, (SELECT coalesce(max(at_ns), 0) FROM notifications)) // 1_000_000_000 + 1
        )) AS second
    FROM windows
)
SELECT
    count(*) FILTER (answer <> 'none') AS checked,
    count(*) FILTER (answer = 'wrong') AS wrong,
    count(*) FILTER (answer = 'stale') AS stale
FROM notifications
SEMI JOIN seconds ON at_ns // 1_000_000_000 = second AND at_ns >= start_ns AND at_ns < end_ns
WHERE $workload::VARCHAR IS NULL OR workload = $workload::VARCHAR
