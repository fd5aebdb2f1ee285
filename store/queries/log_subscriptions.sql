-- Did the clients of each workload get the logs that others like them got, once, and in order?
--
-- No row without: subscriptions
--
-- A row per workload that subscribed to logs: the view `log_continuity`, added up.
--
-- workload
-- subscriptions      of clients, to logs
-- interrupted        of them ended with their connection, before their time
-- due, received, missed, duplicated, out_of_order, removed      sums
SELECT
    workload,
    count(*) AS subscriptions,
    count(*) FILTER (interrupted) AS interrupted,
    sum(due)::BIGINT AS due,
    sum(received)::BIGINT AS received,
    sum(missed)::BIGINT AS missed,
    sum(duplicated)::BIGINT AS duplicated,
    sum(out_of_order)::BIGINT AS out_of_order,
    sum(removed)::BIGINT AS removed
FROM log_continuity
GROUP BY workload
ORDER BY workload
