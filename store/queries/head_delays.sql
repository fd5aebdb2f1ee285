-- How long after its first publication by any provider did a head reach the clients?
--
-- Only heads published after the client's subscription stood. A row per workload; workload NULL is all of them.
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
FROM (
    SELECT subscribed.workload, at_ns - first_ns AS delay_ns
    FROM notifications
    JOIN head_subscriptions AS subscribed USING (segment, connection, subscription)
    JOIN published_heads ON key = published_heads.hash
    WHERE kind = 'newHeads' AND first_ns >= started_ns
)
GROUP BY GROUPING SETS ((workload), ())
HAVING count(*) > 0
ORDER BY workload NULLS FIRST
