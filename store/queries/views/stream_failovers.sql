-- When did a stream of the gateway lose its upstream, and where and when did it find another?
--
-- A stream is a subscription of the gateway at a provider, which any number of its clients share. It loses its upstream
-- when the connection is closed, or when the gateway gives it up as stale. Streams of one kind are all alike to the log:
-- the first to lose its upstream is taken to be the first to come back. What ends with the load, or because no client
-- wants it any more, is no loss. A gateway that is not ours reports nothing about its streams.
--
-- kind               of the subscription
-- from_provider      the upstream that was lost
-- change             'closed' or 'stale'
-- detail             why, in the gateway's words
-- lost_ns
-- to_provider        where it came back, maybe the same; NULL: nowhere
-- resumed_ns         when it stood there; NULL: never
-- took_ns            without an upstream; NULL: to the end
CREATE VIEW stream_failovers AS
WITH load_end AS (
    SELECT coalesce(min(at_ns) FILTER (phase = 'load_ended'), never_ns()) AS at_ns FROM run_phases
),
upstream AS (
    SELECT * FROM subscriptions WHERE side = 'gateway'
),
stood AS (
    SELECT segment, connection, subscription, any_value(kind) AS kind, any_value(name) AS provider,
        min(at_ns) AS started_ns
    FROM upstream
    WHERE change = 'subscribed'
    GROUP BY segment, connection, subscription
),
left_alone AS (
    SELECT segment, connection, subscription, min(at_ns) AS left_ns, arg_min(change, at_ns) AS how,
        arg_min(detail, at_ns) AS left_why
    FROM upstream
    WHERE change IN ('stale', 'unsubscribed') AND subscription IS NOT NULL
    GROUP BY segment, connection, subscription
),
closed AS (
    SELECT segment, connection, min(at_ns) AS closed_ns, arg_min(detail, at_ns) AS closed_why
    FROM upstream
    WHERE change = 'closed'
    GROUP BY segment, connection
),
lost AS (
    SELECT
        stood.*, coalesce(how, 'closed') AS change, if(left_ns IS NULL, closed_why, left_why) AS detail,
        coalesce(left_ns, closed_ns) AS lost_ns
    FROM stood
    LEFT JOIN left_alone USING (segment, connection, subscription)
    LEFT JOIN closed USING (segment, connection)
    CROSS JOIN load_end
    WHERE lost_ns < load_end.at_ns AND change <> 'unsubscribed'
        AND detail IS DISTINCT FROM 'no subscriptions any more' AND detail IS DISTINCT FROM 'the gateway stops'
),
-- A queue of those that wait to come back: one joins it with each loss, one leaves it with each start, if there is
-- any in it; otherwise the start is that of a new stream.
turns AS (
    SELECT kind, segment, connection, subscription, lost_ns AS at_ns, 1 AS step FROM lost
    UNION ALL
    SELECT kind, segment, connection, subscription, started_ns, -1 FROM stood
),
walked AS (
    SELECT *, sum(step) OVER queue AS balance
    FROM turns
    WINDOW queue AS (PARTITION BY kind ORDER BY at_ns, step DESC, segment, connection, subscription
                     ROWS UNBOUNDED PRECEDING)
),
queued AS (
    SELECT *, balance - least(0, min(balance) OVER queue) AS waiting
    FROM walked
    WINDOW queue AS (PARTITION BY kind ORDER BY at_ns, step DESC, segment, connection, subscription
                     ROWS UNBOUNDED PRECEDING)
),
counting AS (
    SELECT *, step = 1 OR coalesce(lag(waiting) OVER queue, 0) > 0 AS counts
    FROM queued
    WINDOW queue AS (PARTITION BY kind ORDER BY at_ns, step DESC, segment, connection, subscription)
),
ranked AS (
    SELECT
        *, row_number() OVER (PARTITION BY kind, step ORDER BY at_ns, segment, connection, subscription) AS place
    FROM counting
    WHERE counts
)
SELECT
    lost.kind, lost.provider AS from_provider, lost.change, lost.detail, lost.lost_ns,
    back.provider AS to_provider, back.started_ns AS resumed_ns, back.started_ns - lost.lost_ns AS took_ns
FROM lost
JOIN ranked AS gone ON gone.step = 1 AND gone.segment = lost.segment AND gone.connection = lost.connection
    AND gone.subscription = lost.subscription
LEFT JOIN ranked AS comes ON comes.step = -1 AND comes.kind = gone.kind AND comes.place = gone.place
LEFT JOIN stood AS back ON back.segment = comes.segment AND back.connection = comes.connection
    AND back.subscription = comes.subscription
