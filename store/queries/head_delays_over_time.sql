-- How long after its first publication did a head reach the clients, over time?
--
-- An arrival belongs to the moment of its head's first publication by any provider. Only heads published after the
-- client's subscription stood.
--
-- $from_ns, $to_ns     the span
-- $cell_ns             the length of a cell; the last one takes what remains
--
-- at_ns                the begin of a cell; only cells with arrivals have rows
-- heads                arrivals, over all clients
-- p50_ms, p99_ms, max_ms     exact, in milliseconds
WITH arrivals AS (
    SELECT first_ns, (at_ns - first_ns) / 1e6 AS delay_ms
    FROM notifications
    JOIN head_subscriptions AS subscribed USING (segment, connection, subscription)
    JOIN published_heads ON key = published_heads.hash
    WHERE kind = 'newHeads' AND first_ns >= greatest(started_ns, $from_ns)
)
SELECT
    $from_ns + $cell_ns * least(
        (first_ns - $from_ns) // $cell_ns, greatest(0, round(($to_ns - $from_ns) / $cell_ns)::BIGINT - 1)
    ) AS at_ns,
    count(*) AS heads,
    quantile_disc(delay_ms, 0.5) AS p50_ms,
    quantile_disc(delay_ms, 0.99) AS p99_ms,
    max(delay_ms) AS max_ms
FROM arrivals
GROUP BY ALL
ORDER BY at_ns
