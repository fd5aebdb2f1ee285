-- How many WebSocket connections did the clients of each workload lose, by the side that cut them?
--
-- No row without: subscriptions
--
-- A row per workload whose clients had connections: the view `client_disconnects`, counted.
--
-- $starts_ns, $ends_ns      only cuts in these windows: from a start until before its end
--
-- workload
-- connections               that came about, in the whole run
-- gateway, client, bench    cuts by each
-- close_codes               of the cuts by the gateway and the client, each once
WITH opened AS (
    SELECT name AS workload, count(*) AS connections
    FROM subscriptions
    WHERE side = 'client' AND change = 'connected'
    GROUP BY name
),
cuts AS (
    SELECT * FROM client_disconnects SEMI JOIN windows($starts_ns, $ends_ns) ON at_ns >= start_ns AND at_ns < end_ns
)
SELECT
    workload,
    any_value(connections) AS connections,
    count(*) FILTER (made_by = 'gateway') AS gateway,
    count(*) FILTER (made_by = 'client') AS client,
    count(*) FILTER (made_by = 'bench') AS bench,
    coalesce(list_sort(list(DISTINCT close_code) FILTER (made_by <> 'bench' AND close_code IS NOT NULL)), [])
        AS close_codes
FROM opened
LEFT JOIN cuts USING (workload)
GROUP BY workload
ORDER BY workload
