-- What did clients ask of the gateway in each of some windows?
--
-- $starts_ns, $ends_ns      lists: the windows, one after the other
--
-- from_ns
-- peak           most requests on their way and WebSocket connections of clients open, at once
-- waiting        requests that a client gave up, and those that a provider never answered
-- connected      WebSocket connections that clients opened
-- providers      of the scenario, as `run.json` says it
WITH windows AS (
    SELECT unnest($starts_ns) AS from_ns, unnest($ends_ns) AS to_ns
),
lives AS (
    SELECT sent_ns AS began_ns, ended_ns, outcome = 'unknown' AS given_up, false AS socket
    FROM requests
    WHERE sent_ns IS NOT NULL
    UNION ALL
    SELECT
        min(at_ns) FILTER (change = 'connected') AS began_ns, max(at_ns) FILTER (change = 'closed') AS ended_ns,
        false AS given_up, true AS socket
    FROM subscriptions
    WHERE side = 'client'
    GROUP BY segment, connection
    HAVING began_ns IS NOT NULL
),
changes AS (
    SELECT from_ns, greatest(began_ns, from_ns) AS at_ns, 1 AS change
    FROM windows JOIN lives ON began_ns < to_ns AND (ended_ns IS NULL OR ended_ns >= from_ns)
    UNION ALL
    SELECT from_ns, ended_ns AS at_ns, -1 AS change
    FROM windows JOIN lives ON began_ns < to_ns AND ended_ns >= from_ns
),
open_at_once AS (
    -- One that ends as another begins is not at once with it.
    SELECT from_ns, sum(change) OVER (PARTITION BY from_ns ORDER BY at_ns, change) AS count FROM changes
),
peaks AS (
    SELECT from_ns, max(count) AS peak FROM open_at_once GROUP BY from_ns
)
SELECT
    from_ns,
    coalesce(peak, 0)::BIGINT AS peak,
    (SELECT count(*) FROM lives WHERE given_up AND ended_ns >= from_ns AND ended_ns < to_ns)
    + (SELECT count(*) FROM attempts WHERE replied_ns IS NULL AND received_ns >= from_ns AND received_ns < to_ns)
        AS waiting,
    (SELECT count(*) FROM lives WHERE socket AND began_ns >= from_ns AND began_ns < to_ns) AS connected,
    (SELECT json_array_length(document, '$.scenario.providers') FROM run) AS providers
FROM windows
LEFT JOIN peaks USING (from_ns)
ORDER BY from_ns
