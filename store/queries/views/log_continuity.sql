-- What did each client subscription to logs get of what others like it got?
--
-- Which logs a filter matches is not in the log of a run, but clients of one workload subscribe alike: due to each
-- is every log entry that any of them got for the first time while this one stood, but for its last second. What none of
-- them got is missed by all and not seen here. Clients that subscribe to several filters are distinguished by the order in
-- which they did.
--
-- segment, workload, connection, subscription      these four name it
-- filter            which of its connection's subscriptions to logs it is, from 1
-- started_ns, ended_ns      ended_ns NULL: it lasted to the end of the log
-- interrupted       whether it ended with its connection, before the load ended and without having been given up
-- due, received     log entries; received counts each time
-- missed            due that did not come
-- duplicated        that came again
-- out_of_order      of a lower block than one before it; not counted once a removed log has come, which shows a reorg
-- removed           that took back an earlier one, after a reorg
CREATE VIEW log_continuity AS
WITH stood AS (
    SELECT
        segment, name AS workload, connection, subscription, min(at_ns) AS started_ns,
        row_number() OVER (PARTITION BY segment, name, connection ORDER BY min(at_ns), subscription) AS filter
    FROM subscriptions
    WHERE side = 'client' AND change = 'subscribed' AND kind = 'logs'
    GROUP BY segment, name, connection, subscription
),
left_off AS (
    SELECT segment, connection, subscription, min(at_ns) AS left_ns
    FROM subscriptions
    WHERE side = 'client' AND change = 'unsubscribed'
    GROUP BY segment, connection, subscription
),
closed AS (
    SELECT segment, connection, min(at_ns) AS closed_ns
    FROM subscriptions
    WHERE side = 'client' AND change = 'closed'
    GROUP BY segment, connection
),
load_end AS (
    SELECT
        coalesce(min(at_ns) FILTER (phase = 'load_ended'), max(at_ns), (SELECT max(at_ns) FROM notifications)) AS load_ns
    FROM run_phases
),
lasted AS MATERIALIZED (
    SELECT
        stood.*, least(left_ns, closed_ns) AS ended_ns,
        coalesce(least(left_ns, closed_ns), load_ns) - 1_000_000_000 AS due_until_ns,
        coalesce(closed_ns < load_ns AND (left_ns IS NULL OR closed_ns < left_ns), false) AS interrupted
    FROM stood
    CROSS JOIN load_end
    LEFT JOIN left_off USING (segment, connection, subscription)
    LEFT JOIN closed USING (segment, connection)
),
-- A client writes down what it gets in the order in which it comes, also what comes in one piece.
came AS (
    SELECT
        segment, connection, subscription, at_ns, number, hash(key) AS key, ends_with(key, ':removed') AS removed,
        row_number() OVER () AS turn
    FROM notifications
    WHERE kind = 'logs'
),
arrivals AS MATERIALIZED (
    SELECT
        came.*, workload, filter,
        max(number) OVER before AS highest,
        coalesce(bool_or(removed) OVER before, false) OR removed AS reorged,
        row_number() OVER (PARTITION BY segment, connection, subscription, key ORDER BY turn) AS copy
    FROM came
    JOIN lasted USING (segment, connection, subscription)
    WINDOW before AS (PARTITION BY segment, connection, subscription ORDER BY turn
                      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
firsts AS (
    SELECT workload, filter, key, min(at_ns) AS first_ns FROM arrivals GROUP BY workload, filter, key
),
owed AS (
    SELECT segment, connection, subscription, count(*) AS due, count(*) - count(arrivals.key) AS missed
    FROM lasted
    JOIN firsts USING (workload, filter)
    LEFT JOIN arrivals USING (segment, connection, subscription, key)
    WHERE first_ns > lasted.started_ns AND first_ns < due_until_ns AND coalesce(copy, 1) = 1
    GROUP BY segment, connection, subscription
),
got AS (
    SELECT
        segment, connection, subscription, count(*) AS received, count(*) FILTER (copy > 1) AS duplicated,
        count(*) FILTER (copy = 1 AND number < highest AND NOT reorged) AS out_of_order, count(*) FILTER (removed) AS removed
    FROM arrivals
    GROUP BY segment, connection, subscription
)
SELECT
    segment, workload, connection, subscription, filter, started_ns, ended_ns, interrupted,
    coalesce(due, 0) AS due,
    coalesce(received, 0) AS received,
    coalesce(missed, 0) AS missed,
    coalesce(duplicated, 0) AS duplicated,
    coalesce(out_of_order, 0) AS out_of_order,
    coalesce(removed, 0) AS removed
FROM lasted
LEFT JOIN owed USING (segment, connection, subscription)
LEFT JOIN got USING (segment, connection, subscription)
