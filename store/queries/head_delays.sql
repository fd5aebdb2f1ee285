-- How long after their block's time on the chain did heads reach the clients?
--
-- No row without: subscriptions
--
-- The view `head_arrivals`: only heads whose block came about after the client's subscription stood. A row per workload;
-- workload NULL is all of them.
--
-- workload
-- heads                       arrivals, over all clients
-- p50_ns, p99_ns, max_ns      exact
SELECT
    workload,
    count(*) AS heads,
    quantile_disc(delay_ns, 0.5) AS p50_ns,
    quantile_disc(delay_ns, 0.99) AS p99_ns,
    max(delay_ns) AS max_ns
FROM head_arrivals
GROUP BY GROUPING SETS ((workload), ())
HAVING count(*) > 0
ORDER BY workload NULLS FIRST
