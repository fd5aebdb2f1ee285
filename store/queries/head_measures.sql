-- What did clients get of the heads of a part of the run?
--
-- A head belongs to the window in which a client could first have got it (the view `chain_heights`), one that came
-- again to that in which it did.
--
-- $starts_ns, $ends_ns      the windows: from a start until before its end; they do not overlap
-- $workload                 only of this workload; NULL: of all
--
-- subscriptions     to heads that there were in the whole run; 0 also when nothing is known of the chain
-- due               heads, of all subscriptions together
-- received          that came in the windows, however often
-- missed            of those due
-- duplicated        heads that came again on the same subscription, with no other head of their height between
-- delay_p99_ns      from the block's time on the chain to the arrival (`head_arrivals`); NULL: nothing to compare
WITH heights AS (
    SELECT number FROM chain_heights SEMI JOIN windows($starts_ns, $ends_ns) ON first_ns >= start_ns AND first_ns < end_ns
),
due AS (
    SELECT count(*) AS due
    FROM head_continuity
    JOIN heights ON number BETWEEN first_due AND last_due
    WHERE is_chosen(workload, $workload)
),
missed AS (
    SELECT count(*) AS missed
    FROM missed_heads
    SEMI JOIN heights USING (number)
    WHERE is_chosen(workload, $workload)
),
turns AS (
    SELECT
        segment, connection, subscription, at_ns, number, key, row_number() OVER () AS turn
    FROM notifications
    WHERE kind = 'newHeads' AND is_chosen(workload, $workload)
),
came AS (
    SELECT
        at_ns, key = lag(key) OVER (PARTITION BY segment, connection, subscription, number ORDER BY turn) AS again
    FROM turns
),
counted AS (
    SELECT count(*) AS received, count(*) FILTER (again) AS duplicated
    FROM came
    SEMI JOIN window_seconds($starts_ns, $ends_ns, (SELECT coalesce(max(at_ns), 0) FROM notifications))
        ON second_of(at_ns) = second AND at_ns >= start_ns AND at_ns < end_ns
),
delays AS (
    SELECT quantile_disc(delay_ns, 0.99) AS delay_p99_ns
    FROM head_arrivals
    SEMI JOIN heights USING (number)
    WHERE is_chosen(workload, $workload)
)
SELECT
    (SELECT count(*) FROM head_continuity
     WHERE is_chosen(workload, $workload) AND EXISTS (FROM chain_heights))
        AS subscriptions,
    due, received, missed, duplicated, delay_p99_ns
FROM due, missed, counted, delays
