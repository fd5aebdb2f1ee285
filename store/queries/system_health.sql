-- What did each node take of the machine?
--
-- No row without: system_samples
--
-- What a world cannot measure is NULL.
--
-- node
-- samples               one a second
-- rss_first_bytes, rss_max_bytes
-- cpu_mean_percent, cpu_max_percent
-- loop_lag_max_ns       how late the node's event loop was at worst
-- tasks_max, open_fds_max, threads_max
SELECT
    node,
    count(*) AS samples,
    arg_min(rss_bytes, at_ns) AS rss_first_bytes,
    max(rss_bytes) AS rss_max_bytes,
    round(avg(cpu_percent), 1) AS cpu_mean_percent,
    round(max(cpu_percent), 1) AS cpu_max_percent,
    max(loop_lag_ns) AS loop_lag_max_ns,
    max(tasks) AS tasks_max,
    max(open_fds) AS open_fds_max,
    max(threads) AS threads_max
FROM system_samples
GROUP BY node
ORDER BY node
