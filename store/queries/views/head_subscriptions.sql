-- From when to when did each client subscription to heads last, and how did it end?
--
-- A subscription whose connection was closed before its workload's time was over was interrupted: clients do not
-- hang up early. Its client subscribes again on another connection; clients of a workload are all alike, so the
-- first to lose its subscription is taken to be the first to come back.
--
-- segment, workload, connection, subscription      these four name it
-- started_ns        when it stood
-- ended_ns          when it ended; NULL: it lasted to the end of the log
-- due_end_ns        when its workload's time was over; for an unknown one, when the load ended
-- close_code        of the connection that it ended with; NULL: it did not end so
-- interrupted       whether it ended with its connection, before its time
-- resumed_ns        when a client that was interrupted had a subscription again; NULL: never
CREATE VIEW head_subscriptions AS
WITH stood AS (
    SELECT segment, name AS workload, connection, subscription, min(at_ns) AS started_ns
    FROM subscriptions
    WHERE side = 'client' AND change = 'subscribed' AND kind = 'newHeads'
    GROUP BY ALL
),
left_off AS (
    SELECT segment, connection, subscription, min(at_ns) AS at_ns
    FROM subscriptions
    WHERE side = 'client' AND change = 'unsubscribed'
    GROUP BY ALL
),
closed AS (
    SELECT segment, connection, min(at_ns) AS at_ns, arg_min(close_code, at_ns) AS close_code
    FROM subscriptions
    WHERE side = 'client' AND change = 'closed'
    GROUP BY ALL
),
phases AS (
    SELECT
        min(at_ns) FILTER (phase = 'load_began') AS began_ns,
        coalesce(
            min(at_ns) FILTER (phase = 'load_ended'), max(at_ns),
            (SELECT max(at_ns) FROM notifications), (SELECT max(at_ns) FROM subscriptions)
        ) AS ended_ns
    FROM run_phases
),
lengths AS (
    SELECT workload ->> 'name' AS workload, try_cast(workload ->> 'duration' AS BIGINT) AS duration_ns
    FROM (
        SELECT unnest(json_extract(document, '$.scenario.workloads[*]')) AS workload FROM run
    )
),
lasted AS (
    SELECT
        stood.*,
        least(left_off.at_ns, closed.at_ns) AS ended_ns,
        coalesce(phases.began_ns + lengths.duration_ns, phases.ended_ns) AS due_end_ns,
        if(closed.at_ns <= coalesce(left_off.at_ns, closed.at_ns), close_code, NULL) AS close_code,
        -- The begin of the load is logged a little after it, and the last second says little: 100 ms are no matter.
        coalesce(closed.at_ns < coalesce(left_off.at_ns, closed.at_ns + 1)
                 AND closed.at_ns < due_end_ns - 100_000_000, false) AS interrupted
    FROM stood
    CROSS JOIN phases
    LEFT JOIN left_off USING (segment, connection, subscription)
    LEFT JOIN closed USING (segment, connection)
    LEFT JOIN lengths USING (workload)
),
-- A queue of those who wait to come back: one joins it with each interruption, one leaves it with each start, if
-- there is anybody in it; otherwise the start is that of a new client.
turns AS (
    SELECT segment, workload, connection, subscription, ended_ns AS at_ns, 1 AS step FROM lasted WHERE interrupted
    UNION ALL
    SELECT segment, workload, connection, subscription, started_ns, -1 FROM lasted
),
walked AS (
    SELECT *, sum(step) OVER queue AS balance
    FROM turns
    WINDOW queue AS (PARTITION BY segment, workload ORDER BY at_ns, step DESC, connection, subscription
                     ROWS UNBOUNDED PRECEDING)
),
queued AS (
    SELECT *, balance - least(0, min(balance) OVER queue) AS waiting
    FROM walked
    WINDOW queue AS (PARTITION BY segment, workload ORDER BY at_ns, step DESC, connection, subscription
                     ROWS UNBOUNDED PRECEDING)
),
comings AS (
    SELECT
        segment, workload, at_ns, step, connection, subscription,
        step = 1 OR coalesce(lag(waiting) OVER queue, 0) > 0 AS counts
    FROM queued
    WINDOW queue AS (PARTITION BY segment, workload ORDER BY at_ns, step DESC, connection, subscription)
),
ranked AS (
    SELECT
        *, row_number() OVER (PARTITION BY segment, workload, step
                              ORDER BY at_ns, connection, subscription) AS place
    FROM comings
    WHERE counts
),
resumed AS (
    SELECT lost.segment, lost.connection, lost.subscription, back.at_ns AS resumed_ns
    FROM ranked AS lost
    JOIN ranked AS back USING (segment, workload, place)
    WHERE lost.step = 1 AND back.step = -1
)
SELECT
    segment, workload, connection, subscription, started_ns, ended_ns, due_end_ns, close_code, interrupted,
    resumed_ns
FROM lasted
LEFT JOIN resumed USING (segment, connection, subscription)
