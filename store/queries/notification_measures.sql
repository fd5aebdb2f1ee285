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
SEMI JOIN window_seconds($starts_ns, $ends_ns, (SELECT coalesce(max(at_ns), 0) FROM notifications))
    ON second_of(at_ns) = second AND at_ns >= start_ns AND at_ns < end_ns
WHERE is_chosen(workload, $workload)
