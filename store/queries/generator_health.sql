-- Did the load generator keep to its schedule? How late it was is in the query `request_measures`.
--
-- No row without: generator_samples
--
-- workload
-- due, sent, dropped   requests over the whole run
-- turned_away          not sent because the gateway refused the connection or its upgrade to WebSocket
-- backlog_end          due but not sent at the last sample, over all shards
-- unsent               ended without being sent, by no refusal: no connection in time, or the load was stopped
-- in_flight_max        of one shard
-- loop_lag_max_ns      how late its nodes' event loops were at worst; NULL: not measured
-- at_limit             whether one of its nodes met a limit of the scenario or of the machine
WITH shards AS (
    SELECT
        workload,
        sum(due) AS due,
        sum(sent) AS sent,
        sum(dropped) AS dropped,
        arg_max(backlog, at_ns) AS backlog_end,
        max(in_flight) AS in_flight_max,
        any_value(node) AS node
    FROM generator_samples
    LEFT JOIN segments USING (segment)
    GROUP BY workload, segment
),
lags AS (
    SELECT node, max(loop_lag_ns) AS loop_lag_ns FROM system_samples GROUP BY node
),
refused AS (
    SELECT workload, count(*) AS turned_away
    FROM requests
    WHERE turned_away(failure)
    GROUP BY workload
)
SELECT
    workload,
    sum(due)::BIGINT AS due,
    sum(sent)::BIGINT AS sent,
    sum(dropped)::BIGINT AS dropped,
    coalesce(any_value(turned_away), 0) AS turned_away,
    sum(backlog_end)::BIGINT AS backlog_end,
    greatest(
        sum(due) - sum(sent) - sum(dropped) - sum(backlog_end) - coalesce(any_value(turned_away), 0), 0
    )::BIGINT AS unsent,
    max(in_flight_max) AS in_flight_max,
    if(count(loop_lag_ns) = count(*), max(loop_lag_ns), NULL) AS loop_lag_max_ns,
    count(*) FILTER (node IN (SELECT node FROM bench_limits WHERE "limit" != 'read_rate')) > 0 AS at_limit
FROM shards
LEFT JOIN refused USING (workload)
LEFT JOIN lags USING (node)
GROUP BY workload
ORDER BY workload
